"""How ``find_duplicates`` grows: time, peak memory, exponent; copies of one article; one shared boilerplate.

    python -m benchmarks.scale --articles 100000 300000 1000000 --threads 4

Each size runs in a process of its own, so that its peak memory is its own.  The corpus is made once, in a temporary
folder, unless ``--corpus`` names a file.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results
from benchmarks.corpus import generate, write_parquet


def _copies(articles: int) -> list[str]:
    """Copies (one half) and edits of one to three words (the other) of one article."""
    draw = np.random.default_rng(7)
    words = [f"từ{i}" for i in draw.integers(0, 5000, 400)]
    texts = []
    for i in range(articles):
        edited = list(words)
        if i % 2:
            for place in draw.integers(0, 400, 1 + i % 3).tolist():
                edited[place] = f"sửa{i}"
        texts.append(" ".join(edited))
    return texts


def _boilerplate(articles: int) -> list[str]:
    """Articles of 220 words of their own and 180 of a boilerplate that all share."""
    draw = np.random.default_rng(8)
    shared = " ".join(f"chung{i}" for i in draw.integers(0, 5000, 180))
    return [" ".join(f"từ{i}" for i in draw.integers(0, 50_000, 220)) + " " + shared for _ in range(articles)]


def _first(source: str, articles: int) -> Any:
    """The first texts of a Parquet file, no more than they need in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chunks, read = [], 0
    for batch in pq.ParquetFile(source).iter_batches(columns=["text"], batch_size=20_000):
        chunks.append(batch.column(0).slice(0, articles - read))
        read += len(chunks[-1])
        if read == articles:
            break
    return pa.chunked_array(chunks)


def _measure(kind: str, articles: int, threads: int, source: str) -> dict[str, Any]:
    """One run, in this process."""
    import pyarrow as pa

    import dedup

    dedup.find_duplicates(["một hai ba bốn năm sáu", "bảy"] * 50, threads=1)
    start = time.perf_counter()
    if kind == "corpus":
        texts: Any = _first(source, articles)
    else:
        texts = pa.array(_copies(articles) if kind == "copies" else _boilerplate(articles))
    read = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu = time.process_time()
    found = dedup.find_duplicates(texts, threads=threads)
    done = time.perf_counter()
    return {
        "kind": kind,
        "articles": articles,
        "threads": threads,
        "text_mb": round(texts.nbytes / 1e6, 1),
        "read_s": round(read - start, 2),
        "seconds": round(done - read, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "articles_per_s": round(articles / (done - read)),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_before_mb": round(before / 1024),
        "groups": len(found.representatives),
        "pairs": len(found.pairs),
    }


def _plot(runs: list[dict[str, Any]]) -> None:
    """Wall time and memory over the number of articles, both axes logarithmic: linear growth is a diagonal."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "scale"
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.6))
    for axes, measure, name in zip(panels, ("seconds", "peak_mb"), ("seconds", "peak memory, MB"), strict=True):
        for kind, colour in (("corpus", "#1f6f8b"), ("copies", "#c8553d"), ("boilerplate", "#8a8a8a")):
            points = [(run["articles"], run[measure]) for run in runs if run["kind"] == kind]
            if points:
                axes.loglog(*zip(*points, strict=True), "o-", color=colour, label=kind)
        axes.set_xlabel("articles")
        axes.set_title(name, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.tight_layout()
    figure.savefig(results.FOLDER / "scale.svg", metadata={"Date": None})


def main() -> None:
    """Run every size and write ``results/scale.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, nargs="+", default=[100_000, 300_000, 1_000_000])
    parser.add_argument("--hot", type=int, nargs="+", default=[25_000, 50_000, 100_000], help="sizes of hot corpora")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--corpus", type=Path, help="Parquet file with a text column; made when missing")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        kind, count = args.one.split(":")
        print(json.dumps(_measure(kind, int(count), args.threads, str(args.corpus))))
        return
    with tempfile.TemporaryDirectory() as folder:
        source = args.corpus or Path(folder) / "corpus.parquet"
        if not source.exists():
            write_parquet(source, generate(max(args.articles), processes=args.threads))
        runs = []
        wanted = [("corpus", n) for n in args.articles] + [(k, n) for k in ("copies", "boilerplate") for n in args.hot]
        for kind, count in wanted:
            command = [sys.executable, "-m", "benchmarks.scale", "--one", f"{kind}:{count}"]
            command += ["--threads", str(args.threads), "--corpus", str(source)]
            answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            runs.append(json.loads(answer.splitlines()[-1]))
            print(runs[-1], flush=True)
    exponents: dict[str, dict[str, float]] = {}
    for kind in ("corpus", "copies", "boilerplate"):
        of = [r for r in runs if r["kind"] == kind]
        if len(of) > 1:
            logs = {m: np.log([r[m] for r in of]) for m in ("articles", "seconds", "cpu_seconds")}
            exponents[kind] = {
                m: round(float(np.polyfit(logs["articles"], logs[m], 1)[0]), 3) for m in ("seconds", "cpu_seconds")
            }
    print("exponents of growth:", exponents)
    _plot(runs)
    print(results.write("scale", {"runs": runs, "exponents": exponents}))


if __name__ == "__main__":
    main()
