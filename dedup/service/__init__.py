"""The service room: the one façade, and what it is made of.

Articles go in by :mod:`broker` (queue), :mod:`ingest` (validate, sketch, admit) and :mod:`drain` (decide, under
a lease); answers come out by the plans of :mod:`queries`, :mod:`listing` and :mod:`match`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedup.service.aio import AsyncService
    from dedup.service.facade import Service

__all__ = ["AsyncService", "Service"]

_HOME = {"AsyncService": "dedup.service.aio", "Service": "dedup.service.facade"}


def __getattr__(name: str) -> Any:
    """Import a façade when it is first used: the scheduler needs neither."""
    if name not in _HOME:
        raise AttributeError(f"module 'dedup.service' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
