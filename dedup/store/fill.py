"""An empty store filled with what an export holds; rows are those of :mod:`dedup.batch.archive`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from dedup.store import keys, scripts
from dedup.store.connection import Connection
from dedup.store.records import (
    MERGED,
    REMOVED,
    STANDS,
    Document,
    Event,
    Membership,
    StoryRecord,
    milliseconds,
    pack_numbers,
    pack_record,
)
from dedup.store.scripts import Command, Return

Rows = Sequence[Mapping[str, Any]]
_STEP = 500
_STATES = {"stands": STANDS, "merged": MERGED, "removed": REMOVED}
_FIELDS = ("id", "title", "text", "url", "source", "published_at", "lang", "metadata")


def articles(
    connection: Connection, pages: Iterable[Rows], documents: Iterator[Mapping[str, Any]], *, span_ms: int
) -> int:
    """Put articles and their index back, in order of number; returns how many.

    ``documents`` are the rows of those ``kept``, in the same order.
    """
    count = 0
    for rows in pages:
        by_lang: dict[str, list[Return]] = {}
        for row in rows:
            by_lang.setdefault(row["language"], []).append(_return(row, next(documents) if row["kept"] else None))
        for lang, listed in by_lang.items():
            for start in range(0, len(listed), _STEP):
                connection.one(*scripts.restore(lang, listed[start : start + _STEP], span_ms=span_ms))
        count += len(rows)
    return count


def _return(row: Mapping[str, Any], kept: Mapping[str, Any] | None) -> Return:
    received = milliseconds(row["received_at"])
    published, title, url, source = orjson.loads(row["facts"])
    document = b""
    if kept is not None:
        raw = {name: kept[name] for name in _FIELDS if kept[name] is not None}
        if "metadata" in raw:
            raw["metadata"] = orjson.loads(raw["metadata"])
        document = Document.pack(raw)
    record = pack_record(
        retired=row["retired"],
        revision=row["revision"],
        content=row["content"],
        digest=row["digest"],
        bands=row["bands"],
        lang=row["language"],
        body=(received, published, row["id"], title, url, source, row["length"], row["features"], row["signature"]),
    )
    return Return(
        number=row["number"],
        id=row["id"],
        named=not row["retired"],
        received_ms=received,
        digest=row["digest"],
        indexed=not row["retired"],
        bands=row["bands"],
        record=record,
        document=document,
    )


def groups(connection: Connection, pages: Iterable[Rows]) -> int:
    """Put duplicate groups back."""
    count = 0
    for rows in pages:
        commands = [_push(keys.group_members(row["number"]), row["members"]) for row in rows if row["listed"]]
        _run(connection, commands)
        count += len(rows)
    return count


def stories(connection: Connection, pages: Iterable[Rows]) -> int:
    """Put stories back, those too that were merged or removed."""
    count = 0
    for rows in pages:
        commands: list[Command] = []
        for row in rows:
            number = row["number"]
            first, last, updated = (milliseconds(row[name]) for name in ("first_at", "last_at", "updated_at"))
            state, sizes = _STATES[row["state"]], (row["articles"], row["groups"])
            story = StoryRecord(state, row["canonical"], *sizes, first, last, updated, row["founder"])
            key, cell = keys.story(number)
            shelf, name = keys.story_numbers(row["story_id"])
            commands += [("HSET", key, cell, story.pack()), ("HSET", shelf, name, pack_numbers([number]))]
            if row["members"]:
                commands.append(_push(keys.story_members(number), row["members"]))
            if row["history"]:
                commands.append(_push(keys.story_history(number), row["history"]))
            if row["by_updated"] is not None:
                commands.append(("ZADD", keys.UPDATED, row["by_updated"], number))
            if row["by_size"] is not None:
                commands.append(("ZADD", keys.SIZES, row["by_size"], number))
        _run(connection, commands)
        count += len(rows)
    return count


def links(connection: Connection, pages: Iterable[Rows]) -> int:
    """Put memberships back."""
    count = 0
    for rows in pages:
        commands: list[Command] = []
        for row in rows:
            key, cell = keys.membership(row["number"])
            place = Membership(
                row["group"], row["story"], row["other"], row["relation"], row["score"], row["probability"]
            )
            commands.append(("HSET", key, cell, place.pack()))
        _run(connection, commands)
        count += len(rows)
    return count


def changes(connection: Connection, pages: Iterable[Rows]) -> int:
    """Put the change feed back, under the same cursors."""
    count = 0
    for rows in pages:
        commands: list[Command] = []
        for row in rows:
            event = Event(row["kind"], row["article_id"], row["story_id"], orjson.loads(row["detail"]))
            commands.append(("XADD", keys.FEED, row["cursor"], "e", event.pack()))
        _run(connection, commands)
        count += len(rows)
    return count


def rest(connection: Connection, state: Mapping[str, Any]) -> None:
    """Put back what is no table; the sequence last, so that a restore cut short is seen to be one."""
    commands: list[Command] = []
    for lang, one in state["languages"].items():
        commands += [("SADD", keys.LANGUAGES, lang), ("SET", keys.position(lang), one["position"])]
        commands.append(("SET", keys.fence(lang), one["fence"]))
        for key, items in ((keys.live(lang), one["live"]), (keys.pending(lang), map(_bytes, one["pending"]))):
            listed = list(items)
            commands += [_push(key, listed[at : at + _STEP]) for at in range(0, len(listed), _STEP)]
    for name, score, data in state["dead"]:
        commands += [("HSET", keys.DEAD, name, _bytes(data)), ("ZADD", keys.DEAD_ORDER, score, name)]
    for name, data in state["blobs"].items():
        commands.append(("SET", keys.snapshot(name), _bytes(data)))
    for key, counts in ((keys.COUNTS, state["counts"]), (keys.TOTALS, state["totals"])):
        if counts:
            commands.append(("HSET", key, *(part for pair in counts.items() for part in pair)))
    _run(connection, commands)
    connection.one("SET", keys.SEQUENCE, state["sequence"])


def _push(key: str, items: Sequence[Any]) -> Command:
    return ("RPUSH", key, *items)


def _run(connection: Connection, commands: Sequence[Command]) -> None:
    for start in range(0, len(commands), _STEP):
        connection.execute(commands[start : start + _STEP])


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
