"""The change feed: one event for each change, written in the same commit as the change."""

from __future__ import annotations

import re
from collections.abc import Iterable

from dedup.errors import InputError
from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.records import Event, moment
from dedup.views import Change, Page, StoryEvent

_CURSOR = re.compile(r"\d{1,18}-\d{1,18}|0")


def read(cursor: str | None = None, *, limit: int = 100) -> Plan[Page[Change]]:
    """Events after ``cursor`` (the beginning when missing), oldest first.

    ``next_cursor`` is where to go on, also when there is nothing yet; it is ``None`` only before the first event.
    """
    start = checked(cursor)
    (items,) = yield [("XRANGE", keys.FEED, f"({start}" if start else "-", "+", "COUNT", max(1, limit))]
    changes = tuple(_change(name, fields[b"e"]) for name, fields in items or ())
    return Page(changes, changes[-1].cursor if changes else cursor)


def newest() -> Plan[str | None]:
    """Cursor of the newest event."""
    (items,) = yield [("XREVRANGE", keys.FEED, "+", "-", "COUNT", 1)]
    return items[0][0].decode() if items else None


def history(entries: Iterable[tuple[bytes, bytes]]) -> tuple[StoryEvent, ...]:
    """The events of a story's history, from their cursors and packed events."""
    found = []
    for name, packed in entries:
        change = _change(name, packed)
        detail = dict(change.detail)
        if change.article_id:
            detail["article_id"] = change.article_id
        found.append(StoryEvent(change.cursor, change.at, change.kind, detail))
    return tuple(found)


def checked(cursor: str | None) -> str | None:
    """The cursor if it is one.

    Raises
    ------
    InputError
        It is not a cursor of this feed.
    """
    if cursor is None or cursor in ("", "0", "0-0"):
        return None
    if not _CURSOR.fullmatch(cursor):
        raise InputError(f"{cursor[:40]!r} is not a cursor of the change feed, such as 1700000000000-0")
    return cursor


def _change(name: bytes, packed: bytes) -> Change:
    event = Event.unpack(packed)
    at = moment(int(name.split(b"-")[0]))
    return Change(name.decode(), at, event.kind, event.article_id, event.story_id, event.detail)
