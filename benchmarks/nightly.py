"""What a nightly run costs those who ask, while articles keep coming.

    python -m benchmarks.nightly --articles 10000 --rate 500

A store is filled; one process ingests at a steady rate, one drains, and this one looks articles up and notes how long
each look-up takes: first without a nightly run, then during one.  At the end every article must be there.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import tempfile
import time
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.corpus import as_sent, generate
from dedup.service import Service


def ingest(url: str, rows: list[dict[str, Any]], rate: float, over: Event, sent: Any) -> None:
    """Admit rows at a steady rate until told to stop; ``sent`` counts them."""
    with Service.open(url) as service:
        started = time.monotonic()
        for start in range(0, len(rows), 50):
            if over.is_set():
                return
            service.ingest(rows[start : start + 50])
            sent.value = start + 50
            time.sleep(max(0.0, started + (start + 50) / rate - time.monotonic()))


def drain(url: str, over: Event) -> None:
    """Decide what waits, until told to stop and nothing waits."""
    with Service.open(url) as service:
        while service.assign() or not over.is_set():
            time.sleep(0.05)


def nightly(url: str, result: Any) -> None:
    """Run the nightly job."""
    with Service.open(url) as service:
        started = time.monotonic()
        summary = service.nightly(force=True)
        result.put({**summary, "seconds": round(time.monotonic() - started, 2)})


def look_up(service: Service, ids: list[str], until: Any) -> list[float]:
    """Look articles up, 200 a second, until told to stop; seconds of each."""
    dice = np.random.default_rng(1)
    taken = []
    while not until():
        name = ids[int(dice.integers(len(ids)))]
        started = time.perf_counter()
        service.article(name)
        taken.append(time.perf_counter() - started)
        time.sleep(max(0.0, 0.005 - taken[-1]))
    return taken


def quantiles(taken: list[float]) -> dict[str, float]:
    """Milliseconds."""
    return {f"p{q}_ms": round(1000 * float(np.percentile(taken, q)), 3) for q in (50, 95, 99)} | {"lookups": len(taken)}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=10_000, help="in the store before")
    parser.add_argument("--rate", type=float, default=500, help="articles a second meanwhile")
    parser.add_argument("--seconds", type=float, default=10, help="of look-ups without a nightly run")
    args = parser.parse_args()
    total = args.articles + int(args.rate * 180)
    rows = list(map(as_sent, generate(total, days=60)))
    before, after = rows[: args.articles], rows[args.articles :]
    context = mp.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder, Service.open(f"embedded:{Path(folder) / 'store'}") as service:
        url = service.settings.store.url
        service.ingest(before)
        service.assign()
        over, result, sent = context.Event(), context.Queue(), context.Value("q", 0)
        workers = [
            context.Process(target=ingest, args=(url, after, args.rate, over, sent)),
            context.Process(target=drain, args=(url, over)),
        ]
        for worker in workers:
            worker.start()
        while sent.value == 0:
            time.sleep(0.05)
        ids = [row["id"] for row in before]
        end = time.monotonic() + args.seconds
        calm = look_up(service, ids, lambda: time.monotonic() > end)
        count, begun = sent.value, time.monotonic()
        job = context.Process(target=nightly, args=(url, result))
        job.start()
        busy = look_up(service, ids, lambda: not job.is_alive())
        rate = (sent.value - count) / (time.monotonic() - begun)
        over.set()
        for worker in workers:
            worker.join()
        everyone = before + after[: sent.value]
        missing = [row["id"] for row in everyone if service.article(row["id"]).state != "assigned"]
        found = {
            "articles_before": args.articles,
            "articles_after": len(everyone),
            "not_decided": len(missing),
            "ingested_per_second_meanwhile": round(rate, 1),
            "without_nightly": quantiles(calm),
            "with_nightly": quantiles(busy),
            "nightly": result.get(),
        }
        found["nightly"].pop("report", None)
        results.write("nightly", found)
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
