"""`dedup cluster` over generated corpora of growing size: time, peak memory, growth.

    python -m benchmarks.batch --sizes 100000,300000,1000000
    python -m benchmarks.batch --sizes 1000000 --memory 2GB

Each size runs in a process of its own, so that its peak memory is its own; mapped files count as memory as long as they
are in it.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import results
from benchmarks.corpus import generate, write_jsonl

SCRIPT = """
import dataclasses, json, sys
from dedup.batch.local import cluster_files
from dedup.settings import Settings
summary = cluster_files([sys.argv[1]], sys.argv[2], settings=Settings(), memory=sys.argv[3] or None)
print(json.dumps(dataclasses.asdict(summary)))
"""


def run(size: int, folder: Path, memory: str | None, data: Path | None) -> dict[str, Any]:
    """Cluster one corpus."""
    corpus = data or folder / f"generated-{size}.jsonl"
    if not corpus.exists():
        draft = corpus.with_suffix(".part")
        write_jsonl(draft, generate(size, processes=2))
        draft.rename(corpus)
    command = [sys.executable, "-c", SCRIPT, str(corpus), str(folder / "out.parquet"), memory or ""]
    summary: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    names = ("articles", "groups", "stories", "seconds", "articles_per_second", "peak_memory_bytes", "stages")
    return {name: summary[name] for name in names} | {"memory": memory}


def main() -> None:
    """Measure, write the results and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,30000,100000", help="articles, comma-separated")
    parser.add_argument("--memory", help="bound such as 2GB")
    parser.add_argument("--data", type=Path, help="cluster this file instead")
    parser.add_argument("--folder", type=Path, help="where made corpora are kept for the next time")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = args.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows = []
        for size in map(int, args.sizes.split(",")):
            rows.append(run(size, folder, args.memory, args.data))
            print(json.dumps(rows[-1]), flush=True)
    found: dict[str, Any] = {"runs": rows}
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        growth = math.log(last["seconds"] / first["seconds"]) / math.log(last["articles"] / first["articles"])
        found["exponent"] = round(growth, 3)
    results.write("batch" + (f"_{args.memory}" if args.memory else ""), found)


if __name__ == "__main__":
    main()
