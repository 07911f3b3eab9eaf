"""Lists of stories: filters, order, cursors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from dedup.errors import InputError
from dedup.service.queries import Reader
from dedup.store import keys, reading
from dedup.store.connection import Plan
from dedup.store.records import STANDS, Record, StoryRecord, milliseconds
from dedup.views import Page, Sort, StoryView

#: Stories read at a time, and looked through for one page; a page that ends there has a cursor to go on.
_CHUNK, _MOST_LOOKED_AT = 200, 20_000


class Which(TypedDict, total=False):
    """The fields of :class:`Filters`, by name."""

    lang: str | None
    source: str | None
    since: datetime | None
    until: datetime | None
    updated_since: datetime | None
    min_articles: int
    min_sources: int
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which stories; every missing filter lets all pass."""

    lang: str | None = None
    source: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    updated_since: datetime | None = None
    min_articles: int = 1
    min_sources: int = 1
    text: str | None = None

    def may_pass(self, place: StoryRecord) -> bool:
        """Judge by the story's record alone."""
        if place.state != STANDS or place.articles < max(1, self.min_articles, self.min_sources):
            return False
        if self.updated_since is not None and place.updated_ms < milliseconds(self.updated_since):
            return False
        if self.since is not None and place.last_ms < milliseconds(self.since):
            return False
        return self.until is None or place.first_ms <= milliseconds(self.until)

    def passes(self, view: StoryView, members: Sequence[Record]) -> bool:
        """Judge by what its members say."""
        if self.lang is not None and view.lang != self.lang.split("-")[0].lower():
            return False
        if len(view.sources) < self.min_sources and self.min_sources > 1:
            return False
        if self.source is not None and self.source.casefold() not in {name.casefold() for name in view.sources}:
            return False
        if self.text is None:
            return True
        words = self.text.casefold().split()
        titles = [(one.title or "").casefold() for one in members]
        return any(all(word in title for word in words) for title in titles)


def stories(
    reader: Reader, filters: Filters, *, sort: Sort = "updated", cursor: str | None = None, limit: int = 50
) -> Plan[Page[StoryView]]:
    """A page of stories, the newest (largest) first.

    Raises
    ------
    InputError
        The cursor is not one of this order.
    """
    if limit < 1:
        return Page(())
    found: list[StoryView] = []
    looked = 0
    place = _Cursor.read(cursor, sort)
    while True:
        chunk = yield from _chunk(sort, place)
        if not chunk:
            return Page(tuple(found))
        records = yield from reading.stories([number for number, _ in chunk])
        wanted = [
            number
            for number, at in chunk
            if number in records
            and filters.may_pass(records[number])
            and not (at.stage == "1" and sort == "size" and records[number].articles > 1)
        ]
        lines = {n: (view, members) for n, view, members in (yield from reader.summaries(wanted, records))}
        for number, at in chunk:
            place = at
            if number in lines and filters.passes(*lines[number]):
                found.append(lines[number][0])
                if len(found) == limit:
                    return Page(tuple(found), str(place))
        looked += len(chunk)
        if looked >= _MOST_LOOKED_AT:
            return Page(tuple(found), str(place))


@dataclass(frozen=True, slots=True)
class _Cursor:
    """Where a list stands: stage of the order, score, number of the last story seen."""

    stage: str
    score: float
    number: int

    @classmethod
    def read(cls, text: str | None, sort: Sort) -> _Cursor:
        first = {"updated": "1", "size": "2", "first": "0"}[sort]
        if not text:
            return cls(first, float("inf"), 0)
        parts = text.split(".")
        allowed = {"updated": "1", "size": "21", "first": "0"}[sort]
        if (
            len(parts) != 3
            or parts[0] not in allowed
            or not all(part.isascii() and part.isdecimal() for part in parts[1:])
        ):
            raise InputError(f"{text[:40]!r} is not a cursor of this list")
        return cls(parts[0], float(parts[1][:18]), int(parts[2][:12]))

    def __str__(self) -> str:
        return f"{self.stage}.{self.score:.0f}.{self.number}"


def _chunk(sort: Sort, place: _Cursor) -> Plan[list[tuple[int, _Cursor]]]:
    """The next stories after ``place``, each with the cursor that stands at it."""
    if sort == "first":
        return (yield from _by_founder(place))
    if place.stage == "2":
        found = yield from _by_score(keys.SIZES, place)
        if found:
            return found
        place = _Cursor("1", float("inf"), 0)  # then the stories of one article
    return (yield from _by_score(keys.UPDATED, place))


def _by_score(key: str, place: _Cursor) -> Plan[list[tuple[int, _Cursor]]]:
    highest = "+inf" if place.score == float("inf") else f"{place.score:.0f}"
    offset = 0
    while True:
        (flat,) = yield [("ZREVRANGEBYSCORE", key, highest, "-inf", "WITHSCORES", "LIMIT", offset, _CHUNK)]
        if not flat:
            return []
        found = [(int(name), _Cursor(place.stage, float(score), int(name))) for name, score in _pairs(flat)]
        # Equal scores stand in reverse order of their members as text.
        last = str(place.number)
        after = [item for item in found if item[1].score != place.score or str(item[0]) < last]
        if after:
            return after
        offset += _CHUNK


def _by_founder(place: _Cursor) -> Plan[list[tuple[int, _Cursor]]]:
    (newest,) = yield [("GET", keys.SEQUENCE)]
    number = int(newest or 0) + 1
    if place.score != float("inf"):
        number = min(number, place.number)  # a forged cursor must not walk through numbers that were never given
    found: list[tuple[int, _Cursor]] = []
    while number > 0 and not found:
        block = (number - 1) // keys.BLOCK
        (cells,) = yield [("HKEYS", keys.story(block * keys.BLOCK)[0])]
        numbers = sorted((block * keys.BLOCK + int(cell) for cell in cells), reverse=True)
        found = [(n, _Cursor("0", 0.0, n)) for n in numbers if n < number]
        number = block * keys.BLOCK
    return found


def _pairs(flat: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Members and scores, whether the client paired them or not."""
    if flat and isinstance(flat[0], tuple | list):
        return [(pair[0], float(pair[1])) for pair in flat]
    return list(zip(flat[::2], map(float, flat[1::2]), strict=True))
