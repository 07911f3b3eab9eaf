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

_CLOCKS = "import time; t, c = time.perf_counter(), time.process_time(); "
_PRINT = "; print(time.perf_counter() - t, time.process_time() - c)"
_IMPORT = _CLOCKS + "import dedup" + _PRINT
_KERNEL = _CLOCKS + "import dedup; dedup.{call}(['một hai ba bốn năm sáu bảy tám'] * 8)" + _PRINT


def _start(code: str, folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], cwd=folder, env=environment, stdout=pipe, text=True)


def _seconds(process: subprocess.Popen[str]) -> tuple[float, ...]:
    """Wall and CPU seconds."""
    return tuple(round(float(word), 3) for word in process.communicate()[0].split())


def _median(code: str, folder: Path) -> tuple[float, ...]:
    return tuple(statistics.median(of) for of in zip(*(_seconds(_start(code, folder)) for _ in range(5)), strict=True))


def main() -> None:
    """Measure on a copy of the package that has no compiled code yet; write ``results/start.json``."""
    figures: dict[str, tuple[float, ...]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for call in ("minhash", "find_duplicates"):
            folder = Path(temporary) / call
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(Path(dedup.__file__).parent, folder / "dedup", ignore=ignore)
            if call == "minhash":
                _seconds(_start(_IMPORT, folder))
                figures["import dedup"] = _median(_IMPORT, folder)
                together = [_start(_KERNEL.format(call=call), folder) for _ in range(4)]
                figures["import, first minhash, four fresh processes at once"] = max(map(_seconds, together))
                shutil.rmtree(folder)
                shutil.copytree(Path(dedup.__file__).parent, folder / "dedup", ignore=ignore)
            code = _KERNEL.format(call=call)
            figures[f"import, first {call} on a fresh machine"] = _seconds(_start(code, folder))
            figures[f"import, first {call} of a later process"] = _median(code, folder)
    for name, (wall, cpu) in figures.items():
        print(f"{name:52} {wall:7.3f} s   cpu {cpu:7.3f} s")
    print(results.write("start", {"seconds": figures}))


if __name__ == "__main__":
    main()
