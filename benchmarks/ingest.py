"""Throughput of the whole service: from ``push`` until every article's story is visible.

    python -m benchmarks.ingest --articles 10000 30000 100000
    python -m benchmarks.ingest --reference --articles 5000 --rounds 3

Each size runs on a fresh store.  ``--reference`` measures the datasketch pipeline of
:mod:`benchmarks.reference_pipeline` on the same articles, in alternating rounds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import results, running
from benchmarks.reference_pipeline import run as reference
from benchmarks.running import Row, Run


def measure(run: Run, rows: list[Row]) -> dict[str, Any]:
    """Push ``rows`` and wait until they are visible; return rates and where the time went."""
    before, commands = run.processor_seconds(), run.commands()
    marks: list[tuple[int, float]] = [(0, 0.0)]
    seconds: dict[str, float] = {}
    begun = time.perf_counter()

    def on_visible(count: int) -> None:
        marks.append((marks[-1][0] + count, time.perf_counter() - begun))

    with running.stopwatch(seconds, "push"):
        receipt = run.service.push(rows)
    with running.stopwatch(seconds, "wait"):
        found = run.service.wait(receipt.accepted, timeout=3600, progress=on_visible)
    if len(found) != len(rows):
        raise SystemExit(f"{len(rows) - len(found):,} of {len(rows):,} articles are not visible: no figure")
    total = seconds["push"] + seconds["wait"]
    spent = {name: used - before.get(name, 0.0) for name, used in run.processor_seconds().items()}
    server = {}
    for name, (calls, used) in run.commands().items():
        calls, used = calls - commands.get(name, (0, 0.0))[0], used - commands.get(name, (0, 0.0))[1]
        if used > 0.01 * total:
            server[name] = {"calls": calls, "seconds": round(used, 3)}
    return {
        "articles": len(rows),
        "articles_per_s": round(len(rows) / total, 1),
        "seconds": {name: round(value, 2) for name, value in seconds.items()},
        "processor_seconds": {name: round(value, 2) for name, value in spent.items()},
        "microseconds_per_article": {name: round(1e6 * value / len(rows)) for name, value in spent.items()},
        "server_commands": server,
    }


def warm_up(run: Run) -> None:
    """Let every process load its kernels: what is measured is the service that runs, not its start."""
    rows = running.corpus(400, argparse.Namespace(data=None, seed=987_654))
    for row in rows:
        row["id"] = "warm-" + row["id"]
    run.service.push(rows, wait=120, batch=10)


def sizes(args: argparse.Namespace) -> None:
    """Measure each size of ``--articles`` on a fresh store."""
    figures = []
    rows = running.corpus(max(args.articles), args)
    for size in args.articles:
        with running.running() as run:
            warm_up(run)
            figures.append(measure(run, rows[:size]))
        print(figures[-1], flush=True)
    results.write(args.name or "ingest", {"corpus": args.data.name if args.data else "generated", "runs": figures})


def side_by_side(args: argparse.Namespace) -> None:
    """Measure the service and the reference pipeline in alternating rounds."""
    rows = running.corpus(args.articles[0], args)
    rates: dict[str, list[float]] = {}
    spent: dict[str, list[float]] = {}
    variants = {"datasketch, bands 32 x 4": (32, 4), "datasketch, its own bands for 0.7": None}
    for _ in range(args.rounds):
        with running.running() as run:
            warm_up(run)
            figures = measure(run, rows)
            rates.setdefault("story-dedup", []).append(figures["articles_per_s"])
            used = sum(figures["microseconds_per_article"].values()) - figures["microseconds_per_article"]["client"]
            spent.setdefault("story-dedup", []).append(used)
        for name, params in variants.items():
            with (
                tempfile.TemporaryDirectory(prefix="dedup-bench-") as folder,
                reference.running(Path(folder), workers=args.workers, params=params) as other,
            ):
                before = other.processor_seconds()
                rates.setdefault(name, []).append(round(len(rows) / other.push(rows), 1))
                spent.setdefault(name, []).append(round(1e6 * (other.processor_seconds() - before) / len(rows)))
        print(rates, spent, flush=True)
    middle = {name: statistics.median(values) for name, values in rates.items()}
    effort = {name: statistics.median(values) for name, values in spent.items()}
    figures = {"articles": len(rows), "rates": rates, "median": middle}
    # Without the clients: theirs only sends, ours validates and waits for each article.
    figures["processor_microseconds_per_article"] = spent
    others = [name for name in middle if name != "story-dedup"]
    figures["times_faster"] = {name: round(middle["story-dedup"] / middle[name], 1) for name in others}
    figures["times_less_processor"] = {name: round(effort[name] / effort["story-dedup"], 1) for name in others}
    print(figures["times_faster"], figures["times_less_processor"])
    results.write(args.name or "ingest_reference", {**figures})


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    running.corpus_arguments(parser)
    parser.add_argument("--articles", type=int, nargs="+", default=[10_000, 30_000, 100_000])
    parser.add_argument("--reference", action="store_true", help="beside the datasketch pipeline")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=4, help="worker processes of the reference")
    parser.add_argument("--name", help="name of the results file")
    args = parser.parse_args()
    (side_by_side if args.reference else sizes)(args)


if __name__ == "__main__":
    main()
