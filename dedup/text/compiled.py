"""How kernels are compiled and kept on disk.

Numba keeps compiled code beside the source, or in the user's cache directory where the package is read-only, and
forgets it when the *file* of the function changes.  It does not see that a helper inlined from another file changed;
a kernel here names the modules it inlines from, and their source becomes part of its stamp.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from numba import njit
from numba.core.caching import CompileResultCacheImpl, FunctionCache
from numba.core.runtime.nrt import rtsys

#: Decorator of a helper that is always inlined into its callers' code.
inlined: Callable[[Any], Any] = njit(inline="always")


def kernel(*inlines: ModuleType) -> Callable[[Any], Any]:
    """Return the decorator of a kernel: compiled at first call, cached on disk, GIL released, no fast math.

    Parameters
    ----------
    inlines:
        Modules, other than the kernel's own, whose :data:`inlined` helpers it uses.
    """
    digest = hashlib.sha256(b"".join(Path(str(m.__file__)).read_bytes() for m in inlines)).hexdigest()

    class Implementation(CompileResultCacheImpl):
        def __init__(self, function: Any) -> None:
            super().__init__(function)  # type: ignore[no-untyped-call]
            own_stamp = self._locator.get_source_stamp
            self._locator.get_source_stamp = lambda: (own_stamp(), digest)

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

    def decorate(function: Any) -> Any:
        dispatcher: Any = njit(nogil=True)(function)
        dispatcher._cache = Cache(function)  # type: ignore[no-untyped-call]
        return dispatcher

    return decorate
