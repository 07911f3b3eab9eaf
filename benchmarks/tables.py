"""Put the measured figures of the near-duplicate engine into docs/benchmarks.md, between its markers.

    python -m benchmarks.tables

The prose is written by hand; every number of a table comes from a JSON file under ``results/``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import results

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
Figures = dict[str, Any]


def _table(head: list[str], rows: list[list[str]]) -> str:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def _machine(figures: Figures) -> str:
    m = figures["machine"]
    versions = figures.get("peers", {})
    peers = ", ".join(f"{name} {number}" for name, number in versions.items())
    return (
        f"Measured at {figures['measured_at'][:10]} by `{figures['command']}` on {m['cpu']}, {m['cores']} cores, "
        f"{m.get('memory_gb', '?')} GB; Python {m['python']}, numpy {m['numpy']}, numba {m['numba']}"
        + (f"; {peers}." if peers else ".")
    )


def signatures(figures: Figures) -> str:
    """Signatures from raw text: rates, and how many times faster ours are."""
    blocks = []
    for threads, run in figures["threads"].items():
        cpu = int(threads) == 1
        measure = "cpu_seconds" if cpu else "seconds"
        ours = run["signatures"]["dedup.minhash (Arrow)"][measure]
        listed = run["signatures"]["dedup.minhash (list of str)"][measure]
        rows = [
            [name, f"{run['articles'] / row['seconds']:,.0f}", f"{row['cpu_seconds'] / run['articles'] * 1e6:,.1f}",
             f"{row[measure] / ours:.1f}x", f"{row[measure] / listed:.1f}x"]
            for name, row in run["signatures"].items()
        ]  # fmt: skip
        head = [f"{threads} thread(s)", "articles/s", "CPU µs/article", "time over ours (Arrow)", "over ours (list)"]
        blocks.append(_table(head, rows))
    return "\n\n".join([*blocks, _machine(figures)])


def threads(figures: Figures) -> str:
    """What more threads are worth."""
    rows = [
        [name, count, f"{figures['articles'] / row['seconds']:,.0f}", f"{row['cpu_seconds']:.3f}",
         f"{row['times_one']:.2f}x", f"{row['times_one_fastest']:.2f}x"]
        for name, run in figures["runs"].items()
        for count, row in run.items()
    ]  # fmt: skip
    head = ["call", "threads or processes", "articles/s", "CPU s", "times one thread", "of the fastest calls"]
    what = f"{figures['articles']:,} articles ({figures['corpus']}), {figures['rounds']} alternating rounds."
    return f"{_table(head, rows)}\n\n{what}  {_machine(figures)}"


def duplicates(figures: Figures) -> str:
    """From raw text to duplicates: rates, precision and recall against exact Jaccard."""
    blocks = []
    for threads, run in figures["threads"].items():
        measure = "cpu_seconds" if int(threads) == 1 else "seconds"
        ours = run["duplicates"]["dedup.find_duplicates (Arrow)"][measure]
        rows = [
            [name, f"{run['articles'] / row['seconds']:,.0f}", f"{row[measure] / ours:.1f}x",
             f"{row['precision']:.3f}", f"{row['recall']:.3f}"]
            for name, row in run["duplicates"].items()
        ]  # fmt: skip
        head = [f"{threads} thread(s)", "articles/s", "time over ours", "precision", "recall"]
        blocks.append(_table(head, rows))
    return "\n\n".join([*blocks, f"Threshold {figures['threshold']}.  " + _machine(figures)])


def scale(figures: Figures) -> str:
    """Growth of ``find_duplicates``."""
    rows = [
        [run["kind"], f"{run['articles']:,}", f"{run['text_mb']:,.0f}",
         f"{run['seconds']:.1f}", f"{run['cpu_seconds']:.1f}",
         f"{run['peak_before_mb']:,}", f"{run['peak_mb']:,}", f"{run['groups']:,}", f"{run['pairs']:,}"]
        for run in figures["runs"]
    ]  # fmt: skip
    head = ["corpus", "articles", "text MB", "s", "CPU s", "peak MB before", "peak MB", "groups", "pairs"]
    growth = "; ".join(
        f"{kind} {e['seconds']} (wall), {e['cpu_seconds']} (CPU)" for kind, e in figures["exponents"].items()
    )
    threads = figures["runs"][0]["threads"]
    return f"{_table(head, rows)}\n\n{threads} threads.  Exponents of growth: {growth}.\n\n{_machine(figures)}"


def start(figures: Figures) -> str:
    """Start of a process."""
    rows = [[name, f"{wall:.2f}", f"{cpu:.2f}"] for name, (wall, cpu) in figures["seconds"].items()]
    return f"{_table(['what', 's', 'CPU s'], rows)}\n\n{_machine(figures)}"


def stages(figures: Figures) -> str:
    """Stages of the signature kernel."""
    times = figures["microseconds"]
    rows = [[name, f"{value:.2f}"] for name, value in [*times.items(), ("together", sum(times.values()))]]
    size = (
        f"{figures['bytes']:,} bytes, {figures['characters']:,} characters and {figures['tokens']:,} tokens an article."
    )
    return f"{_table(['stage', 'CPU µs/article'], rows)}\n\n{size}  {_machine(figures)}"


BLOCKS: dict[str, tuple[str, Callable[[Figures], str]]] = {
    "signatures-real": ("compare_perf_vi", signatures),
    "duplicates-real": ("compare_perf_vi", duplicates),
    "signatures-generated": ("compare_generated", signatures),
    "duplicates-generated": ("compare_generated", duplicates),
    "stages": ("stages", stages),
    "threads": ("threads", threads),
    "scale": ("scale", scale),
    "start": ("start", start),
}


def main() -> None:
    """Rewrite every marked block whose results exist."""
    page = PAGE.read_text(encoding="utf-8")
    for name, (source, render) in BLOCKS.items():
        path = results.FOLDER / f"{source}.json"
        if not path.exists():
            print(f"{path.name} is missing; block {name} is left as it is")
            continue
        text = render(json.loads(path.read_text(encoding="utf-8")))
        pattern = rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)"
        page, count = re.subn(pattern, lambda m, t=text: f"{m[1]}{t}\n{m[2]}", page, flags=re.S)
        print(f"{name}: {'written' if count else 'has no marker'}")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
