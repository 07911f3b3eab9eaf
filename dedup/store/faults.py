"""Faults of the store's server and of the way to it, in our own words."""

from __future__ import annotations

from typing import Any

from redis import exceptions as faults

from dedup.errors import DedupError, FencedOut, StoreError, StoreFull, StoreRefused, StoreUnavailable

#: Nobody has answered; the same may be sent again.
GONE = (faults.ConnectionError, faults.TimeoutError, faults.BusyLoadingError, faults.ClusterDownError, OSError)


class StaleCommit(StoreError):
    """A commit whose position is not the expected one: it was done before."""


def error_from(error: Exception) -> DedupError:
    """Our error for one of the client's."""
    message = str(error)
    if isinstance(error, faults.AuthenticationError | faults.NoPermissionError):
        return StoreRefused(f"the store refuses this user: {message}")
    if type(error).__name__ == "OutOfMemoryError" or "OOM" in message or "maxmemory" in message:
        return StoreFull(
            "the store is full (maxmemory): raise the limit, or delete or expire articles; push again then"
        )
    if "MISCONF" in message:
        return StoreFull(f"the store cannot write to its disk: {message}")
    if "FENCED" in message:
        return FencedOut("the lease was lost to a newer holder; nothing was written")
    if "STALE" in message:
        return StaleCommit(message)
    if isinstance(error, GONE):
        return StoreUnavailable(f"the store does not answer: {message}")
    return StoreError(f"the store answered: {message}")


def raise_if_error(reply: Any) -> None:
    """Raise our error if a reply is one of the client's."""
    if isinstance(reply, GONE):
        raise reply
    if isinstance(reply, Exception):
        raise error_from(reply) from reply
