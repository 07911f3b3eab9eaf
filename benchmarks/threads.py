"""What more threads are worth: the same call on 1, 2, ... threads, in alternating rounds of one process.

    python -m benchmarks.threads [--articles 40000] [--data FILE.jsonl.gz]

A ratio is of two calls that follow each other, so that a machine that changes its speed changes both; the median over
all rounds is given, and the ratio of the fastest calls.  Nothing else may run meanwhile: four threads want four cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

import dedup
from benchmarks import results
from benchmarks.compare import load


def _seconds(task: Callable[[int], Any], threads: int) -> tuple[float, float]:
    start, start_cpu = time.perf_counter(), time.process_time()
    task(threads)
    return time.perf_counter() - start, time.process_time() - start_cpu


def measure(task: Callable[[int], Any], counts: list[int], rounds: int) -> dict[str, dict[str, float]]:
    """Run ``task(threads)`` for each count in turn, ``rounds`` times; return the medians and what a count is worth."""
    task(counts[-1])
    taken = [[_seconds(task, threads) for threads in counts] for _ in range(rounds)]
    best = [min(row[i][0] for row in taken) for i in range(len(counts))]
    return {
        str(threads): {
            "seconds": statistics.median(row[i][0] for row in taken),
            "cpu_seconds": statistics.median(row[i][1] for row in taken),
            "times_one": statistics.median(row[0][0] / row[i][0] for row in taken),
            "times_one_fastest": best[0] / best[i],
        }
        for i, threads in enumerate(counts)
    }


def main() -> None:
    """Measure, print and write ``results/threads.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=40_000, help="articles; a smaller --data file is repeated")
    parser.add_argument("--data", type=Path, help="JSONL with a text field, .gz or not; default: generated")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    read = [row["text"] for row in load(args.data, args.articles)]
    texts = (read * -(-args.articles // len(read)))[: args.articles]
    column = pa.array(texts, pa.large_string())
    counts = list(range(1, (os.cpu_count() or 1) + 1))
    calls: dict[str, Callable[[int], Any]] = {
        "dedup.minhash (Arrow)": lambda threads: dedup.minhash(column, threads=threads),
        "dedup.minhash (list of str)": lambda threads: dedup.minhash(texts, threads=threads),
        "dedup.find_duplicates (Arrow)": lambda threads: dedup.find_duplicates(column, threads=threads),
    }
    runs = {name: measure(call, counts, args.rounds) for name, call in calls.items()}
    for name, run in runs.items():
        for threads, row in run.items():
            print(
                f"{name:32} {threads} thread(s) {len(texts) / row['seconds']:12,.0f} articles/s  "
                f"{row['times_one']:.2f}x one thread ({row['times_one_fastest']:.2f}x by the fastest), "
                f"CPU {row['cpu_seconds']:.3f} s"
            )
    corpus = "generated" if args.data is None else args.data.name
    path = results.write("threads", {"corpus": corpus, "articles": len(texts), "rounds": args.rounds, "runs": runs})
    print(path)


if __name__ == "__main__":
    main()
