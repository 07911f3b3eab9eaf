"""`dedup cluster` over generated corpora of growing size: time, peak memory, growth.

    python -m benchmarks.batch --sizes 100000,300000,1000000
    python -m benchmarks.batch --sizes 1000000 --memory 2GB

Each size runs in a process of its own, so that its peak memory is its own; mapped files count as memory as long as they
are in it.  Rows of other sizes and bounds that stand in the results stay there, each with when, of which commit and
under which load it was measured.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from datetime import UTC, datetime
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
    """Cluster one corpus, in a process of its own, whose peak memory counts the helpers that read for it."""
    corpus = data or folder / f"generated-{size}.jsonl"
    if not corpus.exists():
        draft = corpus.with_suffix(".part")
        write_jsonl(draft, generate(size, processes=2))
        draft.rename(corpus)
    command = [sys.executable, "-c", SCRIPT, str(corpus), str(folder / "out.parquet"), memory or ""]
    summary: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    names = ("articles", "groups", "stories", "seconds", "articles_per_second", "peak_memory_bytes", "stages")
    row = {"corpus": data.name if data else "generated", "memory": memory} | {name: summary[name] for name in names}
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    return row | {"measured_at": moment, "commit": results.commit(), "load_average": results.load()}


def with_earlier(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add the rows measured before, each of a corpus and a bound that was not measured now; smallest corpus first."""
    path = results.FOLDER / "batch.json"
    earlier = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []

    def key(row: dict[str, Any]) -> tuple[str, str, int]:
        return row["corpus"], row["memory"] or "", row["articles"]

    return sorted({key(row): row for row in [*earlier, *rows]}.values(), key=key)


def growth(rows: list[dict[str, Any]]) -> float | None:
    """Exponent of time over size, from the smallest to the largest generated corpus without a bound."""
    free = [row for row in rows if row["corpus"] == "generated" and row["memory"] is None]
    if len(free) < 2:
        return None
    first, last = free[0], free[-1]
    return round(math.log(last["seconds"] / first["seconds"]) / math.log(last["articles"] / first["articles"]), 3)


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
    rows = with_earlier(rows)
    results.write("batch", {"exponent": growth(rows), "runs": rows})


if __name__ == "__main__":
    main()
