"""How much memory a run may take, and how much it took.

What a run reads again and again lies in mapped files, and what has been read of them counts as memory of the process
until the kernel wants it for something else.  A run with a bound gives it back sooner: see :func:`bounded`.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import resource
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.errors import SettingsError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
#: Shares of the bound at which mapped files are given back: of all that is held, of what is held of files.
_FULL, _FILES = 0.75, 0.2
#: Seconds between two looks.
_LOOK = 0.002


def parse_size(size: str | int | None) -> int | None:
    """Read a size such as ``2GB``, ``512MiB`` or ``2g``; ``None`` stays ``None``.

    Raises
    ------
    SettingsError
        If it is no size.

    Examples
    --------
    >>> parse_size("2GB"), parse_size("1.5 GiB")
    (2000000000, 1610612736)
    """
    if size is None or isinstance(size, int):
        return size
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", size.lower())
    if match is None:
        raise SettingsError(f"memory {size!r} is no size; write it as 2GB or 512MiB")
    return int(float(match[1]) * _UNITS[match[2] or ""])


def peak_memory() -> int:
    """Most bytes this process has held at a time, mapped files included."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def map_file(path: Path) -> pa.Buffer:
    """Map a whole file into memory, to read."""
    with pa.memory_map(str(path)) as file:
        whole = file.read_buffer()
    _mapped.add(whole, whole.address, whole.size)
    # Whatever is cut from this buffer keeps `whole`, and so what is known of it, alive.
    return pa.foreign_buffer(whole.address, whole.size, base=whole)


def map_table(path: Path, shape: tuple[int, int]) -> NDArray[np.uint32]:
    """Make a file of zeros and map it into memory as a ``uint32`` array, to write and read."""
    count = shape[0] * shape[1]
    with path.open("w+b") as file:
        file.truncate(4 * max(1, count))  # nothing cannot be mapped
        mapped = mmap.mmap(file.fileno(), 0)
    table = np.frombuffer(mapped, np.uint32, count)
    _mapped.add(mapped, table.ctypes.data, table.nbytes)
    return table.reshape(shape)


@contextmanager
def bounded(budget: int | None) -> Iterator[None]:
    """Give back what was read of mapped files before the process holds ``budget`` bytes (Linux).

    Nothing is lost: the pages stay in the kernel's cache while it has room for them, and are mapped again when they
    are read again.
    """
    if budget is None or not sys.platform.startswith("linux"):
        yield
        return
    over = threading.Event()

    def watch() -> None:
        with open("/proc/self/statm", "rb") as statistics:
            while not over.wait(_LOOK):
                held, files = _read_resident(statistics.fileno())
                if held > _FULL * budget or files > _FILES * budget:
                    _mapped.give_back()

    thread = threading.Thread(target=watch, name="dedup-memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def release() -> None:
    """Hand memory that is not in use back to the kernel, as far as the allocators know of it."""
    pa.default_memory_pool().release_unused()
    if sys.platform.startswith("linux") and hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


def _read_resident(statistics: int) -> tuple[int, int]:
    """Bytes this process holds, and how many of them are of mapped files; ``statistics`` is ``/proc/self/statm``."""
    _, held, files, *_ = os.pread(statistics, 100, 0).split()
    return int(held) * mmap.PAGESIZE, int(files) * mmap.PAGESIZE


class _Mapped:
    """The mapped files of this process that are in use: owner, address, size."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: dict[int, tuple[weakref.ref[Any], int, int]] = {}

    def add(self, owner: Any, address: int, size: int) -> None:
        """Remember a mapping for as long as its owner lives."""
        name = id(owner)
        with self._lock:
            self._files[name] = weakref.ref(owner, lambda _: self._files.pop(name, None)), address, size

    def give_back(self) -> None:
        """Let go of the pages of all mappings; the contents are those of the files as before."""
        with self._lock:
            files = list(self._files.values())
        for reference, address, size in files:
            owner = reference()  # held, so that the mapping is not replaced by another meanwhile
            if owner is not None:
                _libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(size), mmap.MADV_DONTNEED)
            del owner


_mapped = _Mapped()
#: Called with the interpreter's lock held: taking it anew after each of some hundred short calls would take seconds.
_libc = ctypes.PyDLL(None)
