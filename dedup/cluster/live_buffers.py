"""Growing columns: the memory of :class:`~dedup.cluster.live.LiveStories`, doubled when it is full."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.candidates import KEYS
from dedup.cluster.live_kernels import BLOCK, State, fill
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


def new_state() -> State:
    i64, i32 = np.int64, np.int32
    return State(
        np.zeros(1 << 16, np.uint32), np.zeros(1 << 16, i32), np.zeros(1 << 15, i32), np.zeros(1 << 15, i32),
        np.zeros((1 << 15, BLOCK), i32), np.zeros(1 << 15, i32), np.zeros(1 << 15, i32),
        np.full(1024, -1, i64), np.full(1024, -1, i64),
        np.zeros(1024, i64), np.zeros(1024, i64), np.zeros(1024, i64),
        np.zeros(1024, np.float32), np.zeros(1024, np.float32), np.zeros(4, i64),
    )  # fmt: skip


def make_room(state: State, slots: int, new: int) -> State:
    """Grow the state so that ``new`` of ``slots`` articles can be posted, each founding its story."""
    wanted = new * KEYS
    lists, blocks, _, rows = state.used.tolist()
    out = state._asdict()
    if 2 * (lists + wanted) > len(state.table_key):
        size = 1 << (4 * (lists + wanted)).bit_length()
        keys, values = np.zeros(size, np.uint32), np.zeros(size, np.int32)
        full = np.flatnonzero(state.table_key)
        fill(keys, values, state.table_key[full], state.table_list[full])
        out["table_key"], out["table_list"] = keys, values
    sizes = {"list_head": lists + wanted, "list_size": lists + wanted}
    sizes |= dict.fromkeys(("block_slot", "block_next", "block_used"), blocks + wanted)
    sizes |= dict.fromkeys(("story", "next_slot", "score", "judged"), slots)
    # Stories loaded by name are opened after all articles have entered: there can be one an article.
    sizes |= dict.fromkeys(("story_head", "story_tail", "story_size"), max(rows + new, slots))
    for name, size in sizes.items():
        array = out[name]
        if size > len(array):
            larger = np.zeros((2 * size, *array.shape[1:]), array.dtype)
            larger[: len(array)] = array
            if name in ("story", "next_slot"):
                larger[len(array) :] = -1
            out[name] = larger
    return State(**out)
