"""Growing columns: the memory of :class:`~dedup.cluster.live.LiveStories`, doubled when it is full."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.candidates import KEYS
from dedup.cluster.live_postings import BLOCK, Postings, enter
from dedup.cluster.live_state import State
from dedup.cluster.pair_features import Prepared

_RAGGED = {"term_hash": "term_offsets", "term_bits": "term_offsets", "weight": "term_offsets"}
_RAGGED |= {"anchor_key": "anchor_offsets", "anchor_weight": "anchor_offsets"}


def grow(buffer: NDArray, used: int, new: NDArray) -> NDArray:
    """Put ``new`` behind the first ``used`` values of a buffer that doubles when it is full."""
    if used + len(new) > len(buffer):
        larger = np.empty((max(1024, 2 * (used + len(new))), *buffer.shape[1:]), buffer.dtype)
        larger[:used] = buffer[:used]
        buffer = larger
    buffer[used : used + len(new)] = new
    return buffer


def append(old: Prepared, new: Prepared, n: int) -> Prepared:
    """Put the articles of ``new`` behind the first ``n`` of ``old``, whose arrays are buffers."""
    columns: dict[str, Any] = {}
    for name in Prepared._fields:
        buffer, values = getattr(old, name), getattr(new, name)
        if name.endswith("offsets"):
            columns[name] = grow(buffer, n + 1, values[1:] + buffer[n])
        else:
            used = int(getattr(old, _RAGGED[name])[n]) if name in _RAGGED else n
            columns[name] = grow(buffer, used, values)
    return Prepared(**columns)


def take(old: Prepared, slots: NDArray[np.int64]) -> Prepared:
    """Return the articles in ``slots``."""
    columns: dict[str, Any] = {}
    for name in Prepared._fields:
        values = getattr(old, name)
        if name.endswith("offsets"):
            columns[name] = np.concatenate([[0], np.cumsum(values[slots + 1] - values[slots])]).astype(np.int64)
        elif name in _RAGGED:
            columns[name] = take_ragged(values, getattr(old, _RAGGED[name]), slots)
        else:
            columns[name] = values[slots]
    return Prepared(**columns)


def take_ragged(values: NDArray, offsets: NDArray[np.int64], slots: NDArray[np.int64]) -> NDArray:
    return np.concatenate([values[offsets[s] : offsets[s + 1]] for s in slots] or [values[:0]])


def new_postings() -> Postings:
    i64, i32 = np.int64, np.int32
    return Postings(
        np.zeros(1 << 16, i64), np.zeros((1 << 15, 2), i32), np.zeros((1 << 15, 2 + BLOCK), i32), np.zeros(2, i64),
        np.zeros(1024, np.float32),
    )  # fmt: skip


def new_state() -> State:
    i64 = np.int64
    return State(
        np.full(1024, -1, i64), np.full(1024, -1, i64), np.zeros(1024, i64), np.zeros(1024, i64), np.zeros(1024, i64),
        np.zeros(1024, np.float32), np.zeros(1, i64),
    )  # fmt: skip


def make_room(state: State, postings: Postings, slots: int, new: int) -> tuple[State, Postings]:
    """Grow both so that ``new`` of ``slots`` articles can be posted, each founding its story."""
    wanted = new * KEYS
    lists, blocks = postings.used.tolist()
    table = postings.table
    if 2 * (lists + wanted) > len(table):
        table = np.zeros(1 << (4 * (lists + wanted)).bit_length(), np.int64)
        enter(table, postings.table[postings.table != 0])
    # Stories loaded by name are opened after all articles have entered: there can be one an article.
    rows = max(int(state.used[0]) + new, slots)
    return (
        State(
            _room(state.story, slots, -1), _room(state.next_slot, slots, -1), _room(state.story_head, rows),
            _room(state.story_tail, rows), _room(state.story_size, rows), _room(state.judged, slots), state.used,
        ),
        Postings(
            table, _room(postings.lists, lists + wanted), _room(postings.blocks, blocks + wanted), postings.used,
            _room(postings.score, slots),
        ),
    )  # fmt: skip


def _room(array: NDArray, size: int, empty: int = 0) -> NDArray:
    """The array itself, or one of twice ``size`` that begins with it."""
    if size <= len(array):
        return array
    larger = np.full((2 * size, *array.shape[1:]), empty, array.dtype)
    larger[: len(array)] = array
    return larger
