"""An empty store filled with what an export holds; rows are those of :mod:`dedup.batch.archive`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import orjson

from dedup.store import keys, reading
from dedup.store.connection import Connection, together
from dedup.store.index import Arrival, Index
from dedup.store.index_pages import same_text
from dedup.store.records import (
    ADD,
    MERGED,
    REMOVED,
    STANDS,
    Document,
    Event,
    Membership,
    PendingEntry,
    StoryRecord,
    milliseconds,
    pack_numbers,
    pack_record,
)
from dedup.store.scripts import Command

Rows = Sequence[dict[str, Any]]
_STEP = 500
_STATES = {"stands": STANDS, "merged": MERGED, "removed": REMOVED}
_FIELDS = ("id", "title", "text", "url", "source", "published_at", "lang", "metadata")


def articles(
    connection: Connection,
    pages: Iterable[Rows],
    documents: Iterator[Mapping[str, Any]],
    *,
    waiting: Set[int],
    bands: int,
    span_ms: int,
) -> int:
    """Put articles and their index back, in order of number; returns how many.

    ``documents`` are the rows of those ``kept``, in the same order; those that are ``waiting`` enter the index when
    they are decided.  ``bands`` and ``span_ms`` see :class:`dedup.store.index.Index`.
    """
    indexes: dict[str, Index] = {}
    count = 0
    for rows in pages:
        _whole(connection, indexes, rows)
        _run(connection, [command for row in rows for command in _article(row, documents)])
        by_lang: dict[str, list[Arrival]] = {}
        for row in rows:
            if not row["retired"] and row["number"] not in waiting:
                one = Arrival(row["number"], row["digest"], row["bands"], milliseconds(row["received_at"]))
                by_lang.setdefault(row["language"], []).append(one)
        for lang, arrivals in by_lang.items():
            index = indexes.setdefault(lang, Index(lang, bands=bands, span_ms=span_ms))
            namesakes = index.namesakes(one.digest for one in arrivals)
            have = connection.run(together(*(same_text(numbers, digest) for digest, numbers in namesakes.items())))
            same = dict(zip(namesakes, have, strict=True))
            _run(connection, connection.run(index.arrive(arrivals, same))[1])
        count += len(rows)
    return count


def waiting(state: Mapping[str, Any]) -> set[int]:
    """Numbers of the articles that wait for their first decision."""
    entries = (PendingEntry.unpack(_bytes(item)) for one in state["languages"].values() for item in one["pending"])
    return {entry.number for entry in entries if entry.kind == ADD}


def _whole(connection: Connection, indexes: Mapping[str, Index], rows: Rows) -> None:
    """Exports of layout 4 and before have no bands of copies: they are those of the first of their text."""
    bands = {(row["language"], row["digest"]): row["bands"] for row in reversed(rows) if row["bands"]}
    for row in rows:
        if row["bands"] or row["retired"]:
            continue
        text = (row["language"], row["digest"])
        if text not in bands and row["language"] in indexes:
            numbers = indexes[row["language"]].namesakes([row["digest"]]).get(row["digest"], [])
            first = connection.run(same_text(numbers, row["digest"]))[:1]
            for record in connection.run(reading.records(first)).values():
                bands[text] = record.bands
        row["bands"] = bands.get(text, b"")


def _article(row: Mapping[str, Any], documents: Iterator[Mapping[str, Any]]) -> Iterator[Command]:
    received, number = milliseconds(row["received_at"]), row["number"]
    published, title, url, source = orjson.loads(row["facts"])
    record = pack_record(
        retired=row["retired"],
        revision=row["revision"],
        content=row["content"],
        digest=row["digest"],
        bands=row["bands"],
        lang=row["language"],
        body=(received, published, row["id"], title, url, source, row["length"], row["features"], row["signature"]),
    )
    yield ("SET", keys.record(number), record)
    if not row["retired"]:
        shard, name = keys.ident(row["id"])
        yield ("HSET", keys.numbers(shard), name, pack_numbers([number]))
    if row["kept"]:
        kept = next(documents)
        raw = {name: kept[name] for name in _FIELDS if kept[name] is not None}
        if "metadata" in raw:
            raw["metadata"] = orjson.loads(raw["metadata"])
        yield ("SET", keys.document(number), Document.pack(raw))


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
