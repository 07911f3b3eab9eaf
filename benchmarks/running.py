"""Runs of the real service for a measurement: an embedded store in a folder of its own, real workers, real queue."""

from __future__ import annotations

import argparse
import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.corpus import Row, as_sent, generate
from dedup.readers import read_articles
from dedup.service import Service
from dedup.settings import LogSettings, Settings, StoreSettings
from dedup.supervisor import Supervisor


def corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`corpus` reads."""
    parser.add_argument(
        "--data", type=Path, help="articles to use, repeated with edits; made by benchmarks.corpus when missing"
    )
    parser.add_argument("--seed", type=int, default=1)


def corpus(articles: int, args: argparse.Namespace) -> list[Row]:
    """``articles`` rows: of ``--data``, mixed anew once it has been through, else of :mod:`benchmarks.corpus`."""
    if args.data is None:
        made = generate(articles, processes=4, seed=args.seed)
    else:
        made = repeated(args.data, articles, seed=args.seed)
    return list(map(as_sent, made))


def repeated(path: Path, articles: int, *, seed: int) -> Iterator[Row]:
    """The articles of a file, then rounds of edited ones.

    An edited article has a third of its sentences from another article and a tenth of its words from a third one, so
    that it is no near-duplicate of the one it was made of, but its words are those of real articles.
    """
    rng = random.Random(seed)
    base = [article.to_dict() for article in read_articles([str(path)])]
    yield from base[:articles]
    for serial in range(articles - len(base)):
        row = base[serial % len(base)]
        sentences = re.split(r"(?<=[.!?])\s+", row["text"])
        others = re.split(r"(?<=[.!?])\s+", rng.choice(base)["text"])
        for place in range(0, len(sentences), 3):
            sentences[place] = rng.choice(others)
        words = " ".join(sentences).split(" ")
        strange = rng.choice(base)["text"].split(" ")
        for place in rng.sample(range(len(words)), len(words) // 10):
            words[place] = rng.choice(strange)
        yield row | {"id": f"{row['id']}-{serial // len(base) + 1}", "text": " ".join(words)}


@dataclass
class Run:
    """A running service."""

    supervisor: Supervisor
    service: Service
    folder: Path

    def processor_seconds(self) -> dict[str, float]:
        """Processor seconds spent so far, by process: the parts of the service and this one, the client."""
        used = {"client": sum(psutil.Process().cpu_times()[:2])}
        for name, pid in self.supervisor.processes().items():
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            used[name] = sum(sum(one.cpu_times()[:2]) for one in family)
        return used

    def commands(self) -> dict[str, tuple[int, float]]:
        """Calls and seconds of each command of the store's server."""
        found = self.service.connection.client.info("commandstats")
        return {name.removeprefix("cmdstat_"): (one["calls"], one["usec"] / 1e6) for name, one in found.items()}


@contextmanager
def running(*, parts: tuple[str, ...] = ("store", "workers", "scheduler"), **sections: Any) -> Iterator[Run]:
    """Run the service in a temporary folder; ``sections`` are sections of the settings."""
    with tempfile.TemporaryDirectory(prefix="dedup-bench-") as name:
        store = StoreSettings(url=f"embedded:{name}/store", **sections.pop("store", {}))
        settings = Settings(store=store, log=LogSettings(level="warning"), **sections)
        with Supervisor(settings, only=parts) as supervisor, Service.open(settings=settings) as service:
            yield Run(supervisor, service, Path(name))


@contextmanager
def stopwatch(into: dict[str, float], name: str) -> Iterator[None]:
    """Add the seconds of a block to ``into[name]``."""
    begun = time.perf_counter()
    yield
    into[name] = into.get(name, 0.0) + time.perf_counter() - begun
