"""What more threads are worth: the same call on 1, 2, ... threads, in alternating rounds of one process.

    python -m benchmarks.threads [--articles 40000] [--data FILE.jsonl.gz]

A ratio is of two calls that follow each other, so that a machine that changes its speed changes both; the median over
all rounds is given, and the ratio of the fastest calls.  Nothing else may run meanwhile: four threads want four cores.
Processes that share nothing, each with one thread and a whole corpus of its own, are measured likewise: what the
machine itself gives to several at once, which no number of threads exceeds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pyarrow as pa

import dedup
from benchmarks import results
from benchmarks.compare import load

#: Does a corpus with so many threads, or one each in so many processes; answers the wall and processor seconds of one.
Task = Callable[[int], tuple[float, float]]


def _timed(call: Callable[[int], Any], threads: int) -> tuple[float, float]:
    start, start_cpu = time.perf_counter(), time.process_time()
    call(threads)
    return time.perf_counter() - start, time.process_time() - start_cpu


def measure(tasks: dict[str, Task], counts: list[int], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Run every task with each count in turn, ``rounds`` times; return the medians and what a count is worth."""
    for task in tasks.values():
        task(counts[-1])
    taken: dict[str, list[list[tuple[float, float]]]] = {name: [] for name in tasks}
    for _ in range(rounds):
        for name, task in tasks.items():
            taken[name].append([task(count) for count in counts])
    return {name: {str(count): _worth(rows, i) for i, count in enumerate(counts)} for name, rows in taken.items()}


def _worth(rows: list[list[tuple[float, float]]], i: int) -> dict[str, float]:
    return {
        "seconds": statistics.median(row[i][0] for row in rows),
        "cpu_seconds": statistics.median(row[i][1] for row in rows),
        "times_one": statistics.median(row[0][0] / row[i][0] for row in rows),
        "times_one_fastest": min(row[0][0] for row in rows) / min(row[i][0] for row in rows),
    }


def _alone(texts: list[str], orders: Connection) -> None:
    """A process of its own: signs its corpus whenever it is told to, and answers the processor seconds."""
    column = pa.array(texts, pa.large_string())
    dedup.minhash(column, threads=1)
    orders.send(0.0)
    while orders.recv():
        orders.send(_timed(lambda threads: dedup.minhash(column, threads=threads), 1)[1])


@contextmanager
def processes(texts: list[str], most: int) -> Iterator[Task]:
    """A task of so many of ``most`` processes at once."""
    context = get_context("spawn")
    pipes = [context.Pipe() for _ in range(most)]
    started = [context.Process(target=_alone, args=(texts, theirs)) for _, theirs in pipes]
    for process in started:
        process.start()
    for ours, _ in pipes:
        ours.recv()

    def task(count: int) -> tuple[float, float]:
        start = time.perf_counter()
        for ours, _ in pipes[:count]:
            ours.send(True)
        cpu = sum(ours.recv() for ours, _ in pipes[:count])
        return (time.perf_counter() - start) / count, cpu / count

    yield task
    for ours, _ in pipes:
        ours.send(False)
    for process in started:
        process.join()


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
    tasks: dict[str, Task] = {name: partial(_timed, call) for name, call in calls.items()}
    with processes(texts, counts[-1]) as task:
        runs = measure(tasks | {"dedup.minhash (Arrow), processes that share nothing": task}, counts, args.rounds)
    for name, run in runs.items():
        for threads, row in run.items():
            print(
                f"{name:52} {threads} at once {len(texts) / row['seconds']:12,.0f} articles/s  "
                f"{row['times_one']:.2f}x one thread ({row['times_one_fastest']:.2f}x by the fastest), "
                f"CPU {row['cpu_seconds']:.3f} s"
            )
    corpus = "generated" if args.data is None else args.data.name
    path = results.write("threads", {"corpus": corpus, "articles": len(texts), "rounds": args.rounds, "runs": runs})
    print(path)


if __name__ == "__main__":
    main()
