"""A thread pool of ours: kernels release the GIL, chunks are independent, no result depends on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain
from threading import Lock
from typing import Any, TypeVar

from dedup.text.columns import Texts, chunks_of, column_of

In = TypeVar("In")
Out = TypeVar("Out")

#: Bytes of a piece of texts: the largest, while much is left, and the smallest, at the end.
LARGEST, SMALLEST = 1 << 21, 1 << 17


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


def gather(function: Callable[[In], Out], items: Iterable[In], *, threads: int) -> list[Out]:
    """Return ``function(item)`` of every item, in order.

    Each thread, the caller's too, takes the next item when it is done with one: none waits for another, none is woken
    for a piece.  When one fails, no further item is taken, and the failure is raised.
    """
    if threads == 1:
        return list(map(function, items))
    queue, lock = enumerate(items), Lock()
    done: dict[int, Out] = {}
    failed = False

    def work() -> None:
        nonlocal failed
        try:
            while not failed:
                with lock:
                    taken = next(queue, None)
                if taken is None:
                    return
                done[taken[0]] = function(taken[1])
        except BaseException:
            failed = True
            raise

    with ThreadPoolExecutor(threads - 1, thread_name_prefix="dedup") as pool:
        helpers = [pool.submit(work) for _ in range(threads - 1)]
        work()
    for helper in helpers:
        helper.result()
    return [done[number] for number in range(len(done))]


def map_texts(function: Callable[[int, Texts], Out], texts: Any, *, threads: int | None) -> list[Out]:
    """Apply a function to consecutive pieces of the texts, each normalised first in its own thread.

    Parameters
    ----------
    function:
        Takes the number of the first text of a piece and the piece, a :class:`Texts` in NFC; what it computes for a
        text must not depend on where pieces are cut.
    texts:
        Anything :meth:`Texts.of` takes; a Python sequence is encoded a few thousand texts at a time.
    threads:
        Threads to use; ``None`` is every core.

    Returns
    -------
    list
        One result a piece, in order; none for no texts.

    References
    ----------
    Pieces shrink as the work runs out, so that threads end together: C. Polychronopoulos and D. Kuck, "Guided
    self-scheduling", IEEE Transactions on Computers 36 (1987).
    """
    workers, texts = thread_count(threads), column_of(texts)

    def pieces() -> Iterator[tuple[int, Texts]]:
        first, total = 0, len(texts)
        for chunk in chunks_of(texts):
            while len(chunk):
                left = chunk.nbytes * (total - first) // len(chunk)
                piece = chunk.head(max(SMALLEST, min(LARGEST, left // (2 * workers))))
                yield first, piece
                first += len(piece)
                chunk = chunk.slice(len(piece), len(chunk))

    def apply(numbered: tuple[int, Texts]) -> list[Out]:
        first, piece = numbered
        parts = piece.normalised()
        starts = accumulate(map(len, parts), initial=first)
        return [function(start, part) for start, part in zip(starts, parts, strict=False)]

    return list(chain.from_iterable(gather(apply, pieces(), threads=workers)))
