"""How kernels are compiled and kept on disk.

Numba keeps compiled code beside the source, or in the user's cache directory where the package is read-only, and
forgets it when the *file* of the function changes.  It does not see that a helper or a constant from another file
changed; here the source of all that a kernel's file imports, of the rooms that are compiled, is part of its stamp.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.runtime.nrt import rtsys

#: Decorator of a helper that is always inlined into its callers' code.
inlined: Callable[[Any], Any] = njit(inline="always")

_PACKAGE = Path(__file__).resolve().parents[1]
#: Rooms with kernels, and with what kernels inline.
_ROOMS = ("text", "sketch", "vectors", "cluster")
_IMPORT = re.compile(r"^from dedup\.([\w.]+) import (\([^)]*\)|.*)$", re.MULTILINE)


@cache
def imported(file: Path) -> frozenset[Path]:
    """Files of the compiled rooms that a file imports from when it is loaded itself."""
    found = set()
    for package, names in _IMPORT.findall(file.read_text(encoding="utf-8")):
        if package.split(".")[0] in _ROOMS:
            place = _PACKAGE.joinpath(*package.split("."))
            modules = (place / f"{name}.py" for name in re.findall(r"\w+", names))
            found |= {*filter(Path.is_file, modules), *filter(Path.is_file, [place.with_suffix(".py")])}
    return frozenset(found)


def inlines(file: Path) -> frozenset[Path]:
    """All files of the compiled rooms whose helpers and constants the kernels of a file may be made of."""
    reached, waiting = {file}, [file]
    while waiting:
        fresh = imported(waiting.pop()) - reached
        reached |= fresh
        waiting += fresh
    return frozenset(reached)


@cache
def _stamp(file: Path) -> str:
    return hashlib.sha256(b"".join(one.read_bytes() for one in sorted(inlines(file)))).hexdigest()


def kernel(function: Callable[..., Any]) -> Any:
    """Decorate a kernel: compiled at first call, cached on disk, GIL released, no fast math."""
    stamp = _stamp(Path(function.__code__.co_filename).resolve())

    class Implementation(CompileResultCacheImpl):
        def __init__(self, function: Any) -> None:
            super().__init__(function)  # type: ignore[no-untyped-call]
            own_stamp = self._locator.get_source_stamp
            self._locator.get_source_stamp = lambda: (own_stamp(), stamp)

    class Cache(FunctionCache):
        _impl_class = Implementation

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            """Load compiled code without first importing all that numba can compile: half a second a process.

            What compiled code needs to run is the memory runtime; when nothing is found, compiling refreshes the
            context itself.
            """
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]

    dispatcher: Any = njit(nogil=True)(function)
    dispatcher._cache = Cache(function)  # type: ignore[no-untyped-call]
    return dispatcher
