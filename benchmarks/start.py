"""How soon a process is ready: import, first kernel ever, first kernel of a later process, four processes at once.

    python -m benchmarks.start
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import dedup
from benchmarks import results

_IMPORT = "import time; t = time.perf_counter(); import dedup; print(time.perf_counter() - t)"
_KERNEL = (
    "import time, dedup; texts = ['một hai ba bốn năm sáu bảy tám'] * 8; t = time.perf_counter(); "
    "dedup.{call}(texts); print(time.perf_counter() - t)"
)


def _start(code: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment, stdout=pipe, text=True)


def _seconds(process: subprocess.Popen[str]) -> float:
    return round(float(process.communicate()[0]), 3)


def main() -> None:
    """Measure on a copy of the package that has no compiled code yet; write ``results/start.json``."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for call in ("minhash", "find_duplicates"):
            folder = Path(temporary) / call
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(dedup.__file__).parent, folder / "dedup", ignore=ignore)
            if call == "minhash":
                _seconds(_start(_IMPORT, folder))
                figures["import"] = statistics.median(_seconds(_start(_IMPORT, folder)) for _ in range(5))
                together = [_start(_KERNEL.format(call=call), folder) for _ in range(4)]
                figures["first minhash, four processes at once"] = max(map(_seconds, together))
                shutil.rmtree(folder)
                shutil.copytree(Path(dedup.__file__).parent, folder / "dedup", ignore=ignore)
            figures[f"first {call} on a fresh machine"] = _seconds(_start(_KERNEL.format(call=call), folder))
            later = [_seconds(_start(_KERNEL.format(call=call), folder)) for _ in range(5)]
            figures[f"first {call} of a later process"] = statistics.median(later)
    for name, seconds in figures.items():
        print(f"{name:42} {seconds:7.3f} s")
    print(results.write("start", {"seconds": figures}))


if __name__ == "__main__":
    main()
