"""A thread pool of ours: kernels release the GIL, chunks are independent, results never depend on the number of threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

In = TypeVar("In")
Out = TypeVar("Out")


def thread_count(threads: int | None) -> int:
    """Return ``threads``, or the number of cores this process may use when it is ``None``.

    Raises
    ------
    ValueError
        If ``threads`` is below 1.
    """
    if threads is None:
        affinity = getattr(os, "sched_getaffinity", None)
        return len(affinity(0)) if affinity else os.cpu_count() or 1
    if threads < 1:
        raise ValueError(f"threads is {threads}; use 1 or more, or None for every core")
    return threads


def ordered_map(function: Callable[[In], Out], items: Iterable[In], *, threads: int) -> Iterator[Out]:
    """Yield ``function(item)`` in the order of the items, at most ``2 * threads`` in flight."""
    if threads == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="dedup") as pool:
        running: list[Future[Out]] = []
        for item in items:
            running.append(pool.submit(function, item))
            if len(running) >= 2 * threads:
                yield running.pop(0).result()
        for future in running:
            yield future.result()
