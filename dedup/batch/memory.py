"""How much memory a run may take, and how much it took."""

from __future__ import annotations

import re
import resource
import sys

from dedup.errors import SettingsError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}


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
