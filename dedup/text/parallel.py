"""A thread pool of ours: kernels release the GIL, chunks are independent, no result depends on their number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import accumulate, chain
from typing import Any, TypeVar

from dedup.text.columns import Texts, chunks_of

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


def map_texts(
    function: Callable[[int, Texts], Out], texts: Any, *, threads: int | None, piece_bytes: int = 1 << 19
) -> list[Out]:
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
    piece_bytes:
        About how many bytes a piece has.

    Returns
    -------
    list
        One result a piece, in order; none for no texts.
    """

    def pieces() -> Iterator[tuple[int, Texts]]:
        first = 0
        for chunk in chunks_of(texts):
            for piece in chunk.pieces(piece_bytes):
                yield first, piece
                first += len(piece)

    def apply(numbered: tuple[int, Texts]) -> list[Out]:
        first, piece = numbered
        parts = piece.normalised()
        starts = accumulate(map(len, parts), initial=first)
        return [function(start, part) for start, part in zip(starts, parts, strict=False)]

    done = ordered_map(apply, pieces(), threads=thread_count(threads))
    return list(chain.from_iterable(done))
