"""The LSH index of a language in the memory of its one writer.

Whoever holds the lease of a language enters what it decides, in the commit of the decision.  Nobody else writes, so
look-up and entry are one step: between them nothing can come that neither sees.  How it lies in the store, where others
read it, is said in :mod:`dedup.store.index_pages`.

A text that is in the index already takes no room: its copies stand in the region of the digests alone, and when the
one that stands in the bands goes, the next takes its place.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dedup.sketch.hash_table import HashTable, Numbers
from dedup.store import index_pages, keys
from dedup.store.connection import Plan
from dedup.store.index_pages import CELL, MOST, Cells, Hashes, Segment
from dedup.store.scripts import Command

#: Bits of the pages of a region in a first segment, and articles in it; what follows a full one has more of both.
_BITS, _CAPACITY = 7, 1 << 17
_MORE_BITS, _TIMES_MORE, _LARGEST = 2, 8, 1 << 23
#: Cells on one page that are too many of their hash, before it is written anew without them.
_CROWDED = 512
#: Pages read with one command, and commands sent together.
_PAGES, _TOGETHER = 128, 8
#: Rows in a tail before they are put onto pages.
_TAIL = 4096
_ALL = 1 << 30


@dataclass(frozen=True, slots=True)
class Arrival:
    """An article to be entered: its number, the digest of its text, its band hashes (``uint32`` each), its time."""

    number: int
    digest: bytes
    bands: bytes
    at_ms: int


@dataclass(slots=True)
class _Held:
    """A segment in memory.

    ``crowded``: by page, cells that are too many of their hash.  ``tail``: the rows that are not on pages yet;
    ``written`` of them are in the store.
    """

    segment: Segment
    texts: HashTable
    bands: HashTable
    tail: NDArray[np.void]
    written: int = 0
    crowded: Counter[int] = field(default_factory=Counter)

    def enter(self, rows: NDArray[np.void]) -> tuple[NDArray[np.int64], Numbers]:
        """Enter rows; return pairs of a place among those that have bands, and of whom that one met in this segment."""
        self.tail = np.concatenate([self.tail, rows])
        self.texts.enter(np.zeros(len(rows), np.int64), rows["hashes"][:, 0].copy(), rows["number"].copy(), most=_ALL)
        numbers, bands = _banded(rows)
        places, met, displaced = self.bands.arrive(numbers, bands, most=MOST)
        self.crowded.update(self.segment.places(bands, first=1)[displaced].tolist())
        return places, met

    def take_out(self, lang: str, number: int, heir: int, row: Hashes) -> Plan[list[Command]]:
        """Let ``heir`` (or nobody, 0) have the hashes of ``number``, but that of the text; return what writes it."""
        names = [keys.page(lang, self.segment.id, place) for place in self.segment.places(row[None])[0].tolist()]
        (read,) = yield [("MGET", *names)]
        commands, stand = self._take_out_of_tail(lang, number, heir), []
        for region, (name, hash_, page) in enumerate(zip(names, row.tolist(), read, strict=True)):
            cells, writes = index_pages.mended(name, page, hash_, number, heir if region else 0)
            commands += writes
            stand.append(cells)
        first, *rest = index_pages.holders(stand, self.tail, row)
        self.texts.put(0, int(row[0]), np.array(first, np.uint32))
        for band, numbers in enumerate(rest):
            self.bands.put(band, int(row[1 + band]), np.array(numbers[-MOST:], np.uint32))
        return commands

    def _take_out_of_tail(self, lang: str, number: int, heir: int) -> list[Command]:
        numbers, name = self.tail["number"], keys.tail(lang, self.segment.id)
        row = np.flatnonzero(numbers == number)
        if not len(row):
            return []
        # Who takes its place came later and has a row here too, which says less: of a copy it has no bands.
        own = np.flatnonzero(numbers == heir) if heir else row[:0]
        numbers[own], numbers[row] = 0, heir
        if not numbers.any():
            self.tail, self.written = self.tail[:0], 0
            return [("DEL", name)]
        changed = np.concatenate([row, own]).tolist()
        return [("SETRANGE", name, self.tail.itemsize * at, numbers[at].tobytes()) for at in changed]

    def cells(self) -> tuple[NDArray[np.int64], Cells]:
        """The cells of the tail, by page, and the page of each."""
        rows, one = self.tail[self.tail["number"] > 0], self.segment
        banded = rows[rows["banded"] > 0]
        parts = ((rows["hashes"][:, :1], rows["number"], 0), (banded["hashes"][:, 1:], banded["number"], 1))
        places = np.concatenate([one.places(hashes, first=first).reshape(-1) for hashes, _, first in parts])
        cells = np.empty(len(places), CELL)
        cells["hash"] = np.concatenate([hashes.reshape(-1) for hashes, _, _ in parts])
        cells["number"] = np.concatenate([np.repeat(numbers, hashes.shape[1]) for hashes, numbers, _ in parts])
        order = np.argsort(places, kind="stable")
        return places[order], cells[order]

    def read_pages(self, read: Iterable[tuple[int, bytes]]) -> None:
        """Enter what stands on pages, given by place."""
        listed = list(read)
        if listed:
            places = np.repeat([place for place, _ in listed], [len(page) // CELL.itemsize for _, page in listed])
            self._read(places, np.concatenate([index_pages.cells_of(page) for _, page in listed]))

    def read_tail(self, tail: bytes) -> None:
        """Enter what stands in the tail."""
        self.tail = np.frombuffer(tail, self.segment.row).copy()
        self.written = len(self.tail)
        self._read(*self.cells())

    def _read(self, places: NDArray[np.int64], cells: Cells) -> None:
        stands = cells["number"] > 0
        regions = places >> self.segment.bits
        for table, first, inside, most in (
            (self.texts, 0, stands & (regions == 0), _ALL),
            (self.bands, 1, stands & (regions > 0), MOST),
        ):
            hashes, numbers = (np.ascontiguousarray(cells[name][inside]) for name in ("hash", "number"))
            over = table.enter(regions[inside] - first, hashes, numbers, most=most)
            self.crowded.update(places[inside][over].tolist())


class Index:
    """The index of one language; see :meth:`load`.

    Parameters
    ----------
    lang:
        The language.
    bands:
        Band hashes of an article.
    span_ms:
        Longest time between the first article of a segment and its last.
    """

    def __init__(self, lang: str, *, bands: int, span_ms: int) -> None:
        self._lang = lang
        self._bands = bands
        self._span_ms = span_ms
        self._held: list[_Held] = []
        self._newest = 0

    @classmethod
    def load(cls, lang: str, *, bands: int, span_ms: int) -> Plan[Index]:
        """Read it from the store."""
        index = cls(lang, bands=bands, span_ms=span_ms)
        (stored,) = yield [("HGETALL", keys.segments(lang))]
        index._newest = int(stored.get(b"n", 0))
        for segment in index_pages.segments(stored):
            held = index._hold(segment)
            for start in range(0, segment.pages, _PAGES * _TOGETHER):
                parts = [
                    range(at, min(at + _PAGES, segment.pages))
                    for at in range(start, min(start + _PAGES * _TOGETHER, segment.pages), _PAGES)
                ]
                replies = yield [("MGET", *(keys.page(lang, segment.id, place) for place in part)) for part in parts]
                for part, reply in zip(parts, replies, strict=True):
                    held.read_pages((place, page) for place, page in zip(part, reply, strict=True) if page)
            (tail,) = yield [("GET", keys.tail(lang, segment.id))]
            held.read_tail(tail or b"")
        return index

    def namesakes(self, digests: Iterable[bytes]) -> dict[bytes, list[int]]:
        """Numbers that may have a text of that digest, in order: of which 32 bits agree."""
        listed = list(dict.fromkeys(digests))
        hashes = np.array([[index_pages.digest_hash(digest)] for digest in listed], np.uint32).reshape(-1, 1)
        found: dict[bytes, list[int]] = {}
        for held in self._held:
            rows, numbers = held.texts.find(hashes)
            for row, number in zip(rows.tolist(), numbers.tolist(), strict=True):
                found.setdefault(listed[row], []).append(number)
        return {digest: sorted(numbers) for digest, numbers in found.items()}

    def arrive(
        self, arrivals: Sequence[Arrival], known: Mapping[bytes, Sequence[int]]
    ) -> Plan[tuple[list[list[int]], list[Command]]]:
        """Look each article up among all before it, then enter it.

        Parameters
        ----------
        arrivals:
            In order of number.
        known:
            By digest, those of :meth:`namesakes` that have the very text.

        Returns
        -------
        candidates : list
            For each those that share a band with it, most shared first, at most
            :data:`~dedup.store.index_pages.CANDIDATES`; of a copy only the one that stands for its text.
        commands : list
            What writes it all; to be part of the commit.
        """
        same = {digest: list(numbers) for digest, numbers in known.items()}
        met: list[list[int]] = [[] for _ in arrivals]
        fresh: list[int] = []
        copies: list[tuple[Arrival, int]] = []
        for row, one in enumerate(arrivals):
            others = same.setdefault(one.digest, [])
            if not others:
                fresh.append(row)
            else:
                met[row] = others[:1]
                if len(others) < MOST:
                    copies.append((one, others[0]))
            others.append(one.number)
        for held, rows in self._spread(arrivals, fresh):
            for row, numbers in zip(rows, self._enter(held, [arrivals[row] for row in rows]), strict=True):
                met[row] = numbers
        self._remember(copies)
        return met, (yield from self._written())

    def leave(self, number: int, digest: bytes, bands: bytes) -> Plan[list[Command]]:
        """Take an article out; the next copy of its text takes its place.  Returns what writes it."""
        text = index_pages.digest_hash(digest)
        for held in self._held:
            _, found = held.texts.find(np.array([[text]], np.uint32))
            if number in found:
                same = yield from index_pages.same_text(sorted(found.tolist()), digest)
                stands = same[0] == number
                heir = same[1] if stands and len(same) > 1 else 0
                row = np.concatenate([np.array([text], np.uint32), index_pages.band_hashes(bands if stands else b"")])
                return (yield from held.take_out(self._lang, number, heir, row))
        return []

    def _hold(self, segment: Segment) -> _Held:
        tables = HashTable(1, segment.count), HashTable(self._bands, segment.count)
        held = _Held(segment, *tables, np.empty(0, segment.row))
        self._held.append(held)
        return held

    def _spread(self, arrivals: Sequence[Arrival], rows: Sequence[int]) -> Iterator[tuple[_Held, list[int]]]:
        """Which rows go into which segment."""
        start = 0
        while start < len(rows):
            held = self._open(arrivals[rows[start]].at_ms)
            one, stop = held.segment, start
            while stop < len(rows) and self._takes(one, at_ms := arrivals[rows[stop]].at_ms):
                one.count, one.last_ms = one.count + 1, max(one.last_ms, at_ms)
                stop += 1
            yield held, list(rows[start:stop])
            start = stop

    def _takes(self, segment: Segment, at_ms: int) -> bool:
        return segment.count < segment.capacity and at_ms - segment.first_ms <= self._span_ms

    def _open(self, at_ms: int) -> _Held:
        last = self._held[-1].segment if self._held else None
        if last is not None and self._takes(last, at_ms):
            return self._held[-1]
        bits, capacity = (last.bits, last.capacity) if last is not None else (_BITS, _CAPACITY)
        if last is not None and last.count >= capacity < _LARGEST:
            bits, capacity = bits + _MORE_BITS, capacity * _TIMES_MORE
        self._newest += 1
        return self._hold(Segment(self._newest, 1 + self._bands, bits, capacity, 0, at_ms, at_ms))

    def _enter(self, held: _Held, arrivals: Sequence[Arrival]) -> list[list[int]]:
        """Enter texts that are new, and return whom each meets."""
        rows = _rows(held.segment, arrivals)
        _, bands = _banded(rows)
        found = [other.bands.find(bands) for other in self._held if other is not held]
        places, met = (np.concatenate(part) for part in zip(*found, held.enter(rows), strict=True))
        return index_pages.ranked(np.flatnonzero(rows["banded"])[places], met, len(arrivals))

    def _remember(self, copies: Sequence[tuple[Arrival, int]]) -> None:
        """Enter copies, without bands, where the first of their text stands, whose number is given with each."""
        hashes = np.array([[index_pages.digest_hash(one.digest)] for one, _ in copies], np.uint32).reshape(-1, 1)
        for held in self._held:
            places, numbers = (part.tolist() for part in held.texts.find(hashes))
            here = sorted(place for place, number in zip(places, numbers, strict=True) if number == copies[place][1])
            held.enter(_rows(held.segment, [replace(copies[place][0], bands=b"") for place in here]))

    def _written(self) -> Plan[list[Command]]:
        """What writes the rows that are new, and the segments they are in."""
        commands: list[Command] = []
        for held in self._held:
            one, fresh = held.segment, held.tail[held.written :]
            if not len(fresh):
                continue
            if len(held.tail) < _TAIL:
                commands.append(("APPEND", keys.tail(self._lang, one.id), fresh.tobytes()))
                held.written = len(held.tail)
            else:
                commands += yield from self._turned(held)
            commands.append(("HSET", keys.segments(self._lang), "n", self._newest, one.id, one.pack()))
        return commands

    def _turned(self, held: _Held) -> Plan[list[Command]]:
        """What puts the tail onto pages."""
        places, cells = held.cells()
        had, held.tail, held.written = held.written, held.tail[:0], 0
        packed = cells.tobytes()
        starts = np.flatnonzero(np.diff(places, prepend=-1))
        bounds = (CELL.itemsize * np.append(starts, len(places))).tolist()
        crowded = {place for place, count in held.crowded.items() if count >= _CROWDED}
        commands: list[Command] = [("DEL", keys.tail(self._lang, held.segment.id))] if had else []
        for place, (start, stop) in zip(places[starts].tolist(), pairwise(bounds), strict=True):
            name = keys.page(self._lang, held.segment.id, place)
            if place not in crowded:
                commands.append(("APPEND", name, packed[start:stop]))
                continue
            (page,) = yield [("GET", name)]
            del held.crowded[place]
            cells = index_pages.cells_of((page or b"") + packed[start:stop])
            commands.append(("SET", name, index_pages.newest(cells).tobytes()))
        return commands


def _rows(segment: Segment, arrivals: Sequence[Arrival]) -> NDArray[np.void]:
    """The rows of articles in a tail."""
    rows = np.zeros(len(arrivals), segment.row)
    rows["number"] = [one.number for one in arrivals]
    rows["banded"] = [len(one.bands) > 0 for one in arrivals]
    rows["hashes"][:, 0] = [index_pages.digest_hash(one.digest) for one in arrivals]
    bands = index_pages.band_hashes(b"".join(one.bands for one in arrivals))
    rows["hashes"][rows["banded"] > 0, 1:] = bands.reshape(-1, segment.regions - 1)
    return rows


def _banded(rows: NDArray[np.void]) -> tuple[Numbers, Hashes]:
    """Numbers and band hashes of the rows that have some."""
    banded = rows[rows["banded"] > 0]
    return banded["number"].copy(), np.ascontiguousarray(banded["hashes"][:, 1:])
