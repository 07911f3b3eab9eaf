"""The LSH index as it lies in the store: segments, their pages, and the cells on them; read by anybody.

A *segment* takes articles until it is full or too old; look-ups go through all that live, and expiry drops whole
segments.  It has *regions*: the digest of the text, then one for each band.  The cells of a region lie on pages by the
lowest bits of their hashes.  An article stands in the segment's *tail* first, as one row, and comes onto the pages with
some thousands of others: then there are several cells for each page, and it is written once for all of them.

Only the holder of the language's lease writes here (:mod:`dedup.store.index`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.records import HEADER
from dedup.store.scripts import Command

#: A cell of a page; number 0 where an article has left.
CELL: Final = np.dtype([("hash", "<u4"), ("number", "<u4")])
#: Articles that one band hash keeps: the newest; copies remembered of one text: the oldest.
MOST: Final = 16
#: Candidates of one article: those with most bands in common.
CANDIDATES: Final = 64

Hashes = NDArray[np.uint32]
Cells = NDArray[np.void]


@dataclass(slots=True)
class Segment:
    """A segment, as its field of ``lsh:LANG`` tells of it; times in milliseconds."""

    id: int
    regions: int
    bits: int
    capacity: int
    count: int
    first_ms: int
    last_ms: int

    @classmethod
    def unpack(cls, name: bytes, cell: bytes) -> Segment:
        """Read a field."""
        return cls(int(name), *map(int, cell.split()))

    def pack(self) -> str:
        """The value of its field."""
        return f"{self.regions} {self.bits} {self.capacity} {self.count} {self.first_ms} {self.last_ms}"

    @property
    def pages(self) -> int:
        """Pages that it can have."""
        return self.regions << self.bits

    @property
    def row(self) -> np.dtype[np.void]:
        """A row of its tail: number, whether it has bands, its hashes."""
        return np.dtype([("number", "<u4"), ("banded", "<u4"), ("hashes", "<u4", (self.regions,))])

    def places(self, hashes: Hashes, *, first: int = 0) -> NDArray[np.int64]:
        """Page of each hash of ``uint32[n, r]``, for regions from ``first`` on."""
        wide = 1 << self.bits
        regions = np.arange(first, first + hashes.shape[1])
        return regions * wide + (hashes & np.uint32(wide - 1)).astype(np.int64)


def segments(stored: Mapping[bytes, bytes]) -> list[Segment]:
    """The segments in ``lsh:LANG``, oldest first."""
    found = [Segment.unpack(name, cell) for name, cell in stored.items() if name != b"n"]
    return sorted(found, key=lambda one: one.id)


def cells_of(page: bytes | None) -> Cells:
    """The cells of a page, of one that is not there none."""
    return np.frombuffer(page or b"", CELL)


def digest_hash(digest: bytes) -> int:
    """What stands for a text's digest in its region: the first 32 bits."""
    return int.from_bytes(digest[:4], "little")


def band_hashes(bands: bytes) -> Hashes:
    """The band hashes in a record."""
    return np.frombuffer(bands, "<u4").astype(np.uint32, copy=False)


def newest(cells: Cells) -> Cells:
    """The cells that are kept where there are too many: of each hash the :data:`MOST` largest numbers, in place."""
    order = np.lexsort((cells["number"], cells["hash"]))
    hashes = cells["hash"][order]
    ends = np.append(np.flatnonzero(np.diff(hashes)) + 1, len(hashes))
    behind = np.repeat(ends, np.diff(ends, prepend=0)) - np.arange(len(hashes))
    kept = np.sort(order[behind <= MOST])
    return cells[kept][cells["number"][kept] > 0]


def mended(name: str, page: bytes | None, hash_: int, number: int, heir: int) -> tuple[bytes, list[Command]]:
    """A page on which ``heir`` takes the place of ``number`` for a hash, or nobody (0), and what writes it."""
    cells = cells_of(page).copy()
    found = np.flatnonzero((cells["hash"] == hash_) & (cells["number"] == number))
    cells["number"][found] = heir
    left = int(np.count_nonzero(cells["number"]))
    writes: list[Command] = [("SETRANGE", name, CELL.itemsize * at, cells[at].tobytes()) for at in found.tolist()]
    if writes and not left:
        writes = [("DEL", name)]
    elif writes and 2 * left < len(cells):
        writes = [("SET", name, cells[cells["number"] > 0].tobytes())]
    return cells.tobytes(), writes


def same_text(numbers: Sequence[int], digest: bytes) -> Plan[list[int]]:
    """Those whose text has this digest, of some of which 32 bits of it agree."""
    if not numbers:
        return []
    heads = yield [("GETRANGE", keys.record(number), 0, HEADER.size - 1) for number in numbers]
    return [n for n, head in zip(numbers, heads, strict=True) if head and HEADER.unpack(head)[4] == digest]


def look_up(lang: str, *, digest: bytes, bands: bytes) -> Plan[list[int]]:
    """Whom a text meets, those first that share most bands; of a text that is there already, who has it.

    Nothing is entered.
    """
    (stored,) = yield [("HGETALL", keys.segments(lang))]
    row = np.concatenate([np.array([digest_hash(digest)], np.uint32), band_hashes(bands)])
    found = segments(stored)
    if not found:
        return []
    steps: list[Command] = []
    for one in found:
        steps.append(("MGET", *(keys.page(lang, one.id, place) for place in one.places(row[None])[0].tolist())))
        steps.append(("GET", keys.tail(lang, one.id)))
    shared: Counter[int] = Counter()
    texts: list[int] = []
    replies = yield steps
    for one, pages, tail in zip(found, replies[::2], replies[1::2], strict=True):
        first, *rest = holders(pages, np.frombuffer(tail or b"", one.row), row)
        texts += first
        for numbers in rest:
            shared.update(numbers[-MOST:])
    twins = yield from same_text(sorted(texts), digest)
    return twins[:1] or sorted(shared, key=lambda number: (-shared[number], number))[:CANDIDATES]


def holders(pages: Sequence[bytes | None], tail: NDArray[np.void], row: Hashes) -> list[list[int]]:
    """Who has the hash of each region, on its page or in the tail; in order of number."""
    regions = np.repeat(np.arange(len(row)), [len(page or b"") // CELL.itemsize for page in pages])
    cells = cells_of(b"".join(page or b"" for page in pages))
    hits = (cells["hash"] == row[regions]) & (cells["number"] > 0)
    which, tail_regions = np.nonzero(tail["hashes"][:, : len(row)] == row)
    has = (tail["number"][which] > 0) & ((tail_regions == 0) | (tail["banded"][which] > 0))
    pairs = {
        *zip(regions[hits].tolist(), cells["number"][hits].tolist(), strict=True),
        *zip(tail_regions[has].tolist(), tail["number"][which[has]].tolist(), strict=True),
    }
    found: list[list[int]] = [[] for _ in row]
    for region, number in sorted(pairs):
        found[region].append(number)
    return found


def ranked(rows: NDArray[np.int64], numbers: NDArray[np.uint32], count: int) -> list[list[int]]:
    """Candidates of each row, from all pairs of rows and numbers that share a band, as often as they do."""
    pairs, shared = np.unique(rows.astype(np.uint64) << np.uint64(32) | numbers, return_counts=True)
    rows, numbers = (pairs >> np.uint64(32)).astype(np.int64), pairs.astype(np.uint32)
    order = np.lexsort((numbers, -shared, rows))
    listed = numbers[order].tolist()
    bounds: list[Any] = np.searchsorted(rows, np.arange(count + 1)).tolist()
    return [listed[start : min(stop, start + CANDIDATES)] for start, stop in pairwise(bounds)]
