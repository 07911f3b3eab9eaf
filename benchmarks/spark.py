"""The Spark engine beside the local one: the same rows, and what more cores are worth.

    python -m benchmarks.spark --articles 100000
    python -m benchmarks.spark --articles 60000 --pin --results spark_scaling

A tenth of the corpus is one article in very many versions, so that they all meet in the same buckets.  Every master
(``local-cluster[EXECUTORS,CORES,MEGABYTES]``: executors are processes of their own) runs in a process of its own; all
rows of each are compared with those of the local engine.  The seconds until all executors are there are told apart, and
the processor time of each kind of process: where others use the machine too, it is what can be compared.

With ``--pin`` a run has as many cores of the machine as its executors have: a task of one core is a thread of Java and
a Python process at once, and the driver and Java's own threads work beside them, so that "one core" is else nearly two.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.corpus import Row, generate, write_jsonl
from benchmarks.processor_time import ProcessorTime

MASTERS = "local-cluster[1,1,3072],local-cluster[2,1,3072],local-cluster[2,2,3072],local-cluster[4,1,3072]"
ENGINE = """
import dataclasses, json, os, sys, time
from importlib import import_module
from dedup.settings import Settings
engine, corpus, out, options = sys.argv[1:]
cluster_files, options, start = import_module(f"dedup.batch.{engine}").cluster_files, json.loads(options), 0.0
if engine == "spark":
    from dedup.batch.spark.session import open_session
    executors, began = options.pop("executors"), time.monotonic()
    context = open_session(options["master"])._jsc.sc()
    while context.getExecutorMemoryStatus().size() <= executors:  # the driver is among them
        time.sleep(0.05)
    start = time.monotonic() - began
summary = cluster_files([corpus], out, settings=Settings(), **options)
print(json.dumps(dataclasses.asdict(summary) | {"start": round(start, 3)}))
"""


def skewed(articles: int, share: float = 0.1, seed: int = 3) -> Iterator[Row]:
    """Yield generated articles; ``share`` of all are one article with one to three words changed."""
    dice = random.Random(seed)
    hot = int(articles * share)
    every = articles // max(1, hot)
    first: Row | None = None
    made = 0
    for number, row in enumerate(generate(articles - hot, processes=2)):
        first = first or row
        yield row
        if number % (every - 1) == 0 and made < hot:
            words = first["text"].split(" ")
            for _ in range(dice.randint(1, 3)):
                words[dice.randrange(len(words))] = f"khác{dice.randrange(10**6)}"
            yield {**first, "id": f"hot{made}", "text": " ".join(words), "planted_from": first["id"], "edit": "hot"}
            made += 1


def cluster(engine: str, corpus: Path, out: Path, *, cores: int | None = None, **options: Any) -> dict[str, Any]:
    """Run an engine in a process of its own, on ``cores`` of the machine's cores; return its summary."""
    command = [sys.executable, "-c", ENGINE, engine, str(corpus), str(out), json.dumps(options)]
    environment = os.environ | {"SPARK_WORKER_DIR": str(out.parent / "workers"), "SPARK_LOCAL_DIRS": str(out.parent)}
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(allowed)[:cores])
    try:
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    finally:
        os.sched_setaffinity(0, allowed)
    summary: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {name: summary[name] for name in ("articles", "groups", "stories", "start", "seconds", "stages")}


def rows_of(out: Path) -> dict[str, dict[str, Any]]:
    """Rows by article id, of a file or of a folder of parts."""
    files = sorted(out.glob("part-*")) if out.is_dir() else [out]
    lines = [json.loads(line) for file in files for line in file.open(encoding="utf-8")]
    found = {line["id"]: line for line in lines}
    if len(found) != len(lines):
        raise SystemExit(f"{out}: {len(lines) - len(found)} articles have more than one row")
    return found


def main() -> None:
    """Measure, write the results and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--masters", default=MASTERS, help="comma-separated; each like local-cluster[2,1,3072]")
    parser.add_argument("--pin", action="store_true", help="give a run as many cores as its executors have")
    parser.add_argument("--folder", type=Path, help="where corpora and outputs go; a temporary one when missing")
    parser.add_argument("--results", default="spark", help="name of the file of results")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        corpus, expected_at = folder / "skewed.jsonl", folder / "local.jsonl"
        write_jsonl(corpus, skewed(args.articles))
        local = cluster("local", corpus, expected_at)
        print(json.dumps({"local": local}), flush=True)
        expected = rows_of(expected_at)
        sizes: dict[str, int] = {}
        for row in expected.values():
            sizes[row["duplicate_group_id"]] = sizes.get(row["duplicate_group_id"], 0) + 1
        runs = []
        for number, master in enumerate(args.masters.replace("],", "] ").split()):
            out = folder / f"spark{number}.jsonl"
            executors, cores = map(int, re.findall(r"\d+", master)[:2])
            pinned = executors * cores if args.pin else None
            with ProcessorTime() as spent:
                run = cluster("spark", corpus, out, cores=pinned, master=master, executors=executors)
            found = rows_of(out)
            differing = sum(found.get(name) != row for name, row in expected.items()) + len(found.keys() - expected)
            runs.append(
                {
                    "master": master,
                    "pinned_to": pinned,
                    **run,
                    "rows_that_differ": differing,
                    "processor": spent.seconds,
                }
            )
            print(json.dumps(runs[-1]), flush=True)
        for run in runs:
            run["speedup"] = round(runs[0]["seconds"] / run["seconds"], 2)
        figures = {"articles": len(expected), "largest_group": max(sizes.values()), "local": local, "spark": runs}
        results.write(args.results, figures)


if __name__ == "__main__":
    main()
