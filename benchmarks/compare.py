"""Signatures and whole deduplication beside the peers: same texts, alternating rounds, medians.

    python -m benchmarks.compare --data FILE.jsonl.gz --rounds 5

Every thread count runs in a process of its own, because the peers read theirs from the environment at import.  Times
are wall clock; CPU seconds stand beside them, since a shared machine disturbs those less.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import peers, results
from benchmarks.corpus import generate

#: Seconds a task is repeated for in a round: a single call of the fast ones would be mostly noise.
SHORTEST = 0.5
PEER_PACKAGES = ("datasketch", "rensa", "gaoya", "FastSketchLSH")


def load(path: Path | None, articles: int) -> list[dict[str, Any]]:
    """Articles of a JSONL file (gzip or not), or of the generated corpus."""
    if path is None:
        return list(generate(articles))
    raw = path.read_bytes()
    lines = (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()
    return [json.loads(line) for line in lines[:articles]]


def rounds(tasks: dict[str, Callable[[], Any]], count: int) -> dict[str, dict[str, float]]:
    """Median wall and CPU seconds of each task over alternating rounds; what this package does is warmed up first."""
    wall: dict[str, list[float]] = {name: [] for name in tasks}
    cpu: dict[str, list[float]] = {name: [] for name in tasks}
    for name, task in tasks.items():
        if name.startswith("dedup"):
            task()
    for _ in range(count):
        for name, task in tasks.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            calls = 0
            while not calls or time.perf_counter() - start < SHORTEST:
                task()
                calls += 1
            wall[name].append((time.perf_counter() - start) / calls)
            cpu[name].append((time.process_time() - start_cpu) / calls)
    return {
        name: {"seconds": statistics.median(wall[name]), "cpu_seconds": statistics.median(cpu[name])} for name in tasks
    }


def _signatures(rows: list[dict[str, Any]], threads: int, count: int, wanted: list[str]) -> dict[str, Any]:
    """Signatures beside the limits: one pass over the bytes, and reading the articles from Parquet with pyarrow."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import dedup

    table = pa.Table.from_pylist(rows)
    column = table["text"].combine_chunks()
    data = np.frombuffer(column.buffers()[2], np.uint8)
    texts = column.to_pylist()
    with tempfile.TemporaryDirectory() as folder:
        tasks: dict[str, Callable[[], Any]] = {"touch every byte": lambda: data.sum(dtype=np.uint64)}
        for codec in ("snappy", "zstd"):  # pyarrow's default, and what archives are kept in
            path = Path(folder) / f"{codec}.parquet"
            pq.write_table(table, path, compression=codec)
            for what, columns in (("text column", ["text"]), ("whole file", None)):
                read = partial(pq.read_table, path, columns=columns, use_threads=threads > 1)
                tasks[f"read Parquet ({codec}), {what}"] = read
        tasks |= {
            "dedup.minhash (Arrow)": lambda: dedup.minhash(column, threads=threads),
            "dedup.minhash (list of str)": lambda: dedup.minhash(texts, threads=threads),
        }
        tasks |= {name: (lambda sign=sign: sign(texts)) for name, sign in peers.SIGNERS.items() if name in wanted}
        return rounds(tasks, count)


def _truth(texts: list[str], threshold: float) -> np.ndarray:
    """For each text: has an earlier one exact Jaccard at the threshold?  By sparse products of exact shingle sets."""
    from scipy.sparse import csr_matrix, triu

    from dedup.sketch import ShingleSets

    sets = ShingleSets.of(texts, threads=None)
    _, columns = np.unique(sets.hashes, return_inverse=True)
    matrix = csr_matrix((np.ones(len(columns), np.int32), columns, sets.offsets))
    later = np.zeros(len(texts), bool)
    for start in range(0, len(texts), 2000):
        product = triu(matrix[start : start + 2000] @ matrix.T, k=start + 1).tocoo()
        union = sets.sizes[product.row + start] + sets.sizes[product.col] - product.data
        later[product.col[product.data >= threshold * union]] = True
    return later


def _finding(texts: list[str], threads: int, count: int, wanted: list[str], threshold: float) -> dict[str, Any]:
    import pyarrow as pa

    import dedup
    from dedup.cluster.relation import Relation

    column = pa.array(texts)
    answers: dict[str, np.ndarray] = {}

    def ours(source: Any, excerpts: bool) -> None:
        found = dedup.find_duplicates(source, threshold=threshold, threads=threads, excerpts=excerpts)
        same = np.isin(found.pairs.relation, (Relation.IDENTICAL, Relation.NEAR_DUPLICATE, Relation.TEMPLATE))
        same &= found.pairs.jaccard >= threshold
        flags = np.zeros(len(texts), bool)
        flags[found.pairs.right[same]] = True
        answers["dedup.find_duplicates (Arrow)" if excerpts else "dedup, without excerpts"] = flags

    def theirs(name: str, find: peers.Finder) -> None:
        answers[name] = find(texts, threshold)

    tasks: dict[str, Callable[[], Any]] = {
        "dedup.find_duplicates (Arrow)": lambda: ours(column, True),
        "dedup, without excerpts": lambda: ours(column, False),
    }
    tasks |= {name: (lambda n=name, f=find: theirs(n, f)) for name, find in peers.FINDERS.items() if name in wanted}
    found = rounds(tasks, count)
    truth = _truth(texts, threshold)
    for name, flags in answers.items():
        hits = int(np.count_nonzero(flags & truth))
        found[name] |= {"precision": hits / max(1, int(flags.sum())), "recall": hits / max(1, int(truth.sum()))}
    return found


def _plot(name: str, title: str, figures: dict[str, dict[str, float]], articles: int, measure: str) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = name
    import matplotlib.pyplot as plt

    names = sorted(figures, key=lambda n: figures[n][measure], reverse=True)
    rates = [articles / figures[n][measure] for n in names]
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(names) + 1.2))
    bars = axes.barh(names, rates, color=["#1f6f8b" if n.startswith("dedup") else "#b8b8b8" for n in names])
    axes.bar_label(bars, [f"{r:,.0f}" for r in rates], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.set_xlim(right=max(rates) * 4)
    axes.set_xlabel(f"articles a second{' of CPU' if measure == 'cpu_seconds' else ''} (log scale)")
    axes.set_title(title, loc="left", fontsize=10)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(results.FOLDER / f"{name}.svg", metadata={"Date": None})


def _versions() -> dict[str, str]:
    found = {}
    for name in PEER_PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            print(f"{name} is not installed and is left out; pip install '.[bench]'", file=sys.stderr)
    return found


def main() -> None:
    """Run both comparisons at each thread count and write JSON and plots to ``results/``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="JSONL with a text field (.gz or not); else the generated corpus")
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, os.cpu_count() or 1])
    parser.add_argument("--threshold", type=float, default=0.8)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    installed = _versions()
    if args.one:
        rows = load(args.data, args.articles)
        texts = [row["text"] for row in rows]
        have = {p.lower() for p in installed} | {"text-dedup"}
        wanted = [n for n in [*peers.SIGNERS, *peers.FINDERS] if n.split()[0].lower() in have]
        found = {
            "articles": len(texts),
            "text_mb": round(sum(len(t.encode()) for t in texts) / 1e6, 1),
            "signatures": _signatures(rows, args.one, args.rounds, wanted),
            "duplicates": _finding(texts, args.one, args.rounds, wanted, args.threshold),
        }
        print(json.dumps(found))
        return
    runs = {}
    for threads in args.threads:
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        command = [sys.executable, "-m", "benchmarks.compare", "--one", str(threads), "--rounds", str(args.rounds)]
        command += ["--articles", str(args.articles), "--threshold", str(args.threshold)]
        command += ["--data", str(args.data)] if args.data else []
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment).stdout
        runs[threads] = json.loads(answer.splitlines()[-1])
        for part in ("signatures", "duplicates"):
            print(f"\n{part}, {threads} thread(s), {runs[threads]['articles']} articles")
            for name, row in runs[threads][part].items():
                rate = runs[threads]["articles"] / row["seconds"]
                more = "".join(f"  {k} {row[k]:.4f}" for k in ("precision", "recall") if k in row)
                print(f"  {name:32} {rate:12,.0f}/s   cpu {row['cpu_seconds']:8.3f} s{more}")
    corpus = "generated" if args.data is None else args.data.name.split(".")[0]
    label = f"compare_{corpus}"
    results.write(label, {"corpus": corpus, "threshold": args.threshold, "peers": installed, "threads": runs})
    for threads, run in runs.items():
        for part in ("signatures", "duplicates"):
            title = f"{part}, {threads} thread(s), {corpus}"
            measure = "cpu_seconds" if threads == 1 else "seconds"
            _plot(f"{label}_{part}_{threads}", title, run[part], run["articles"], measure)


if __name__ == "__main__":
    main()
