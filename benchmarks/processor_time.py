"""Processor time of a run of Spark by what spent it: comparable where a machine is shared and seconds are not."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

_EVERY = 0.3
_TICK = 100.0  # of /proc/PID/task/TID/stat: hundredths of a second


class ProcessorTime:
    """Watches all processes that this one starts, with theirs, while its block runs (Linux).

    Attributes
    ----------
    seconds : dict of str to float
        Once the block has ended: of ``driver`` and ``executors`` (Java), of ``python`` (workers of the executors) and
        of what is ``other``; ``compiling`` is what Java's compilers took of the first two.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._spent: dict[tuple[int, float], tuple[str, float]] = {}
        self._compiling: dict[tuple[int, int], float] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        sums = dict.fromkeys(("driver", "executors", "python", "other"), 0.0)
        for what, spent in self._spent.values():
            sums[what] += spent
        sums["compiling"] = sum(self._compiling.values())
        self.seconds = {what: round(spent, 1) for what, spent in sums.items()}

    def _watch(self) -> None:
        while not self._over.wait(_EVERY):
            for process in psutil.Process().children(recursive=True):
                with suppress(psutil.Error, OSError, ValueError):  # processes end while they are looked at
                    what, times = _kind(process), process.cpu_times()
                    self._spent[process.pid, process.create_time()] = what, times.user + times.system
                    if what in ("driver", "executors"):
                        self._compiling |= _compilers(process.pid)


def _kind(process: psutil.Process) -> str:
    words = process.cmdline()
    if process.name() == "java":
        return "executors" if any("CoarseGrainedExecutorBackend" in word for word in words) else "driver"
    return "python" if any(word.startswith("pyspark.") for word in words) else "other"


def _compilers(process: int) -> dict[tuple[int, int], float]:
    """Seconds of each thread that compiles (``C1 CompilerThread0`` and its like)."""
    found = {}
    for folder in Path(f"/proc/{process}/task").iterdir():
        name, _, rest = (folder / "stat").read_text(encoding="utf-8").partition("(")[2].rpartition(")")
        if name.startswith(("C1 Compiler", "C2 Compiler")):
            user, system = rest.split()[11:13]
            found[process, int(folder.name)] = (int(user) + int(system)) / _TICK
    return found
