"""Postings over the terms of live articles: what :mod:`~dedup.cluster.live_kernels` finds candidates with.

The lists are kept in blocks of one cache line, newest first, under the terms' hashes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.cluster.prefetch import fetch
from dedup.text.compiled import inlined, kernel
from dedup.vectors.anchors import UNDATED

#: Entries of a block, behind the number of the next older block and the number of entries in use.
BLOCK = 14
#: Postings read for one article.
BUDGET = 4000


class Postings(NamedTuple):
    """Lists of slots by term.

    ``table int64[t]``: open addressing from term to list, ``hash << 32 | list + 1``, 0 where empty.
    ``lists int32[l, 2]``: newest block of a list, and its entries.  ``blocks int32[b, 2 + BLOCK]``: next older block
    (-1), entries in use, slots.  ``used int64[2]``: lists and blocks in use.  ``score float32[s]``: scratch, 0 between
    articles.
    """

    table: NDArray[np.int64]
    lists: NDArray[np.int32]
    blocks: NDArray[np.int32]
    used: NDArray[np.int64]
    score: NDArray[np.float32]


@inlined
def cell_of(table: Any, key: Any) -> Any:
    """Cell of a term in the table, unless others are in its way."""
    return np.int64(key ^ (key >> np.uint32(16))) & (table.shape[0] - 1)


@inlined
def list_of(table: Any, key: Any) -> Any:
    """Cell of a term in the table: its list is there, or the cell is empty."""
    mask = table.shape[0] - 1
    at = cell_of(table, key)
    while table[at] != 0 and table[at] >> 32 & 0xFFFFFFFF != np.int64(key):
        at = (at + 1) & mask
    return at


@njit(nogil=True)
def post(s: Any, keys: Any, slot: Any) -> None:
    """Append a slot to the posting lists of terms."""
    table, lists, blocks, used = s.table, s.lists, s.blocks, s.used
    for key in keys:
        at = list_of(table, key)
        if table[at] == 0:
            table[at] = np.int64(key) << 32 | (used[0] + 1)
            lists[used[0], 0] = -1
            lists[used[0], 1] = 0
            used[0] += 1
        number = (table[at] & 0xFFFFFFFF) - 1
        head = lists[number, 0]
        if head < 0 or blocks[head, 1] == BLOCK:
            new = used[1]
            used[1] += 1
            blocks[new, 0] = head
            blocks[new, 1] = 0
            lists[number, 0] = new
            head = new
        blocks[head, 2 + blocks[head, 1]] = slot
        blocks[head, 1] += 1
        lists[number, 1] += 1


@kernel
def post_slots(s: Any, first: Any, key_offsets: Any, keys: Any) -> None:
    """Enter the slots from ``first`` on into the postings."""
    for k in range(key_offsets.shape[0] - 1):
        post(s, keys[key_offsets[k] : key_offsets[k + 1]], first + k)


@kernel
def enter(table: Any, entries: Any) -> None:
    """Enter terms with their lists into an empty table."""
    for entry in entries:
        table[list_of(table, np.uint32(entry >> 32 & 0xFFFFFFFF))] = entry


@inlined
def near(one: Any, two: Any, window: Any) -> Any:
    """Say whether two times are within the window of each other; undated is near to all."""
    return one == UNDATED or two == UNDATED or abs(one - two) <= window


@njit(nogil=True)
def live_candidates(
    s: Any, story: Any, published: Any, slot: Any, keys: Any, weights: Any, window: Any, most: Any, out: Any
) -> Any:
    """Write the best candidates of ``slot`` to ``out int64[most]``, best first; return how many.

    Slots whose ``story`` is negative were taken out, and are passed over.
    """
    table, lists, blocks, score = s.table, s.lists, s.blocks, s.score
    size = keys.shape[0]
    order = np.empty(size, np.int64)
    found = 0
    # All that the terms lead to is asked for before any of it is read: cells of the table, lists, blocks.
    for key in keys:
        fetch(table, cell_of(table, key))
    for k in range(size):
        order[k] = table[list_of(table, keys[k])]
        fetch(lists, 2 * ((order[k] & 0xFFFFFFFF) - 1))
    for k in range(size):
        entry = order[k]
        if entry != 0:
            number = (entry & 0xFFFFFFFF) - 1
            fetch(blocks, blocks.shape[1] * np.int64(lists[number, 0]))
            order[found] = np.int64(lists[number, 1]) << 38 | np.int64(k) << 32 | number
            found += 1
    touched = np.empty(BUDGET + BLOCK, np.int32)
    read, count = 0, 0
    for entry in np.sort(order[:found]):
        if read >= BUDGET:
            break
        w = weights[entry >> 32 & 63]
        block = np.int64(lists[entry & 0xFFFFFFFF, 0])
        while block >= 0 and read < BUDGET:
            entries, older = blocks[block, 1], np.int64(blocks[block, 0])
            fetch(blocks, blocks.shape[1] * older)
            for b in range(entries + 1, 1, -1):
                other = blocks[block, b]
                touched[count] = other
                count += score[other] == 0
                score[other] += w
            read += entries
            block = older
    # Of a few thousand touched, all but the best are refused by a limit that rises as better ones are found.
    best = np.empty(4 * most, np.uint64)
    kept, limit = 0, np.uint64(0xFFFFFFFFFFFFFFFF)
    for other in touched[:count]:
        code = np.uint64(0xFFFFFFFF - np.int64(score[other] * 64)) << np.uint64(32) | np.uint64(other)
        score[other] = 0
        if code < limit and story[other] >= 0 and near(published[slot], published[other], window):
            best[kept] = code
            kept += 1
            if kept == 4 * most:
                best.sort()
                kept, limit = most, best[most - 1]
    total = min(most, kept)
    chosen = np.sort(best[:kept])
    for c in range(total):
        out[c] = np.int64(chosen[c] & np.uint64(0xFFFFFFFF))
    return total
