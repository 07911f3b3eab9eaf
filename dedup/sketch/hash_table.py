"""Hash tables from a band hash to the articles that have it: an LSH index in memory.

One table a region (a band of the signatures, or a text's digest), all of one size, with open addressing and linear
probing.  A cell is ``hash << 32 | number``; 0 is empty, and articles are numbered from 1.
(Indyk and Motwani, *Approximate nearest neighbors*, 1998; Leskovec et al., *Mining of Massive Datasets*, section 3.4.)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text.compiled import inlined, kernel

#: Number in the cell of an article that has left; other cells may lie behind it.
GONE = 0xFFFFFFFF
#: Cells in use, of four, before a table doubles.
_FULL = 3
_LEAST_BITS = 6

Hashes = NDArray[np.uint32]
Numbers = NDArray[np.uint32]


class HashTable:
    """Who has which hash; in each region apart.

    Parameters
    ----------
    regions:
        Tables beside one another.
    expected:
        Entries a region to make room for.
    """

    def __init__(self, regions: int, expected: int = 0) -> None:
        self._slots = np.zeros((regions, 1 << _bits_for(expected)), np.uint64)
        self._used = np.zeros(regions, np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of the tables."""
        return int(self._slots.nbytes)

    def find(self, hashes: Hashes) -> tuple[NDArray[np.int64], Numbers]:
        """Look hashes up.

        Parameters
        ----------
        hashes:
            ``uint32[n, regions]``, a row an article.

        Returns
        -------
        rows : int64[m]
        numbers : uint32[m]
            Each number that has a hash of a row, as often as they share one.
        """
        found = np.empty(max(64, hashes.size), np.uint64)
        while (count := _find(self._slots, hashes, found)) > len(found):
            found = np.empty(count, np.uint64)
        return _apart(found[:count])

    def arrive(
        self, numbers: Numbers, hashes: Hashes, *, most: int
    ) -> tuple[NDArray[np.int64], Numbers, NDArray[np.bool_]]:
        """Look each article up among those before it, then enter it; one after the other.

        Parameters
        ----------
        numbers:
            ``uint32[n]``, ascending, larger than all that were entered.
        hashes:
            ``uint32[n, regions]``.
        most:
            Articles that one hash keeps: the newest.

        Returns
        -------
        rows, numbers : as :meth:`find` has them
        displaced : bool[n, regions]
            Where an older one has made room.
        """
        self._reserve(len(numbers))
        found = np.empty(hashes.size * most, np.uint64)
        displaced = np.zeros(hashes.shape, np.bool_)
        count = _arrive(self._slots, self._used, numbers, hashes, most, found, displaced)
        return *_apart(found[:count]), displaced

    def enter(self, regions: NDArray[np.int64], hashes: Hashes, numbers: Numbers, *, most: int) -> NDArray[np.bool_]:
        """Enter one hash a row; return where one made room for another, or found none.

        All are one-dimensional.  Of one hash the ``most`` largest numbers are kept.
        """
        fresh = np.bincount(regions, minlength=len(self._slots)) if len(regions) else np.zeros(1, np.int64)
        self._reserve(int(fresh.max()))
        crowded: NDArray[np.bool_] = _enter(self._slots, self._used, regions, hashes, numbers, most)
        return crowded

    def put(self, region: int, hash_: int, numbers: Numbers) -> None:
        """Let exactly ``numbers`` have a hash."""
        self._reserve(len(numbers))
        _forget(self._slots[region], np.uint32(hash_))
        regions, hashes = np.full(len(numbers), region, np.int64), np.full(len(numbers), hash_, np.uint32)
        _enter(self._slots, self._used, regions, hashes, numbers, len(numbers))

    def _reserve(self, more: int) -> None:
        need = int(self._used.max()) + more
        if 4 * need <= _FULL * self._slots.shape[1]:
            return
        wider = np.zeros((len(self._slots), 1 << _bits_for(need)), np.uint64)
        _move(self._slots, wider, self._used)
        self._slots = wider


def _bits_for(entries: int) -> int:
    """Bits of a table in which so many entries have room."""
    return max(_LEAST_BITS, (4 * entries // _FULL).bit_length())


def _apart(found: NDArray[np.uint64]) -> tuple[NDArray[np.int64], Numbers]:
    return (found >> np.uint64(32)).astype(np.int64), found.astype(np.uint32)


@inlined
def _home(hash_: Any, slots: Any) -> Any:
    """Cell where the search for a hash begins."""
    mixed = np.uint64(hash_) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(20)) & (slots.shape[0] - 1)


@kernel
def _find(slots: Any, hashes: Any, found: Any) -> Any:
    mask, count = slots.shape[1] - 1, 0
    for row in range(hashes.shape[0]):
        for region in range(hashes.shape[1]):
            hash_, table = hashes[row, region], slots[region]
            at = _home(hash_, table)
            while table[at] != 0:
                number = np.uint32(table[at])
                if table[at] >> np.uint64(32) == hash_ and number != GONE:
                    if count < found.shape[0]:
                        found[count] = np.uint64(row) << np.uint64(32) | np.uint64(number)
                    count += 1
                at = (at + 1) & mask
    return count


@kernel
def _arrive(slots: Any, used: Any, numbers: Any, hashes: Any, most: Any, found: Any, displaced: Any) -> Any:
    mask, count = slots.shape[1] - 1, 0
    for row in range(hashes.shape[0]):
        for region in range(hashes.shape[1]):
            hash_, table = hashes[row, region], slots[region]
            at = _home(hash_, table)
            met, eldest, place = 0, np.uint32(GONE), -1
            while table[at] != 0:
                number = np.uint32(table[at])
                if table[at] >> np.uint64(32) == hash_ and number != GONE:
                    found[count] = np.uint64(row) << np.uint64(32) | np.uint64(number)
                    count += 1
                    met += 1
                    if number < eldest:
                        eldest, place = number, at
                at = (at + 1) & mask
            if met < most:
                used[region] += 1
            else:
                at, displaced[row, region] = place, True
            table[at] = np.uint64(hash_) << np.uint64(32) | np.uint64(numbers[row])
    return count


@kernel
def _enter(slots: Any, used: Any, regions: Any, hashes: Any, numbers: Any, most: Any) -> Any:
    mask = slots.shape[1] - 1
    crowded = np.zeros(hashes.shape[0], np.bool_)
    for row in range(hashes.shape[0]):
        hash_, table = hashes[row], slots[regions[row]]
        at = _home(hash_, table)
        met, eldest, place = 0, np.uint32(GONE), -1
        while table[at] != 0:
            number = np.uint32(table[at])
            if table[at] >> np.uint64(32) == hash_ and number != GONE:
                met += 1
                if number < eldest:
                    eldest, place = number, at
            at = (at + 1) & mask
        if met < most:
            used[regions[row]] += 1
        else:
            crowded[row] = True
            if numbers[row] < eldest:
                continue
            at = place
        table[at] = np.uint64(hash_) << np.uint64(32) | np.uint64(numbers[row])
    return crowded


@kernel
def _forget(table: Any, hash_: Any) -> None:
    mask = table.shape[0] - 1
    at = _home(hash_, table)
    while table[at] != 0:
        if table[at] >> np.uint64(32) == hash_:
            table[at] |= np.uint64(GONE)
        at = (at + 1) & mask


@kernel
def _move(slots: Any, wider: Any, used: Any) -> None:
    mask = wider.shape[1] - 1
    for region in range(slots.shape[0]):
        table, count = wider[region], 0
        for cell in slots[region]:
            if np.uint32(cell) != GONE and cell != 0:
                at = _home(cell >> np.uint64(32), table)
                while table[at] != 0:
                    at = (at + 1) & mask
                table[at] = cell
                count += 1
        used[region] = count
