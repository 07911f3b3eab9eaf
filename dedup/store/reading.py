"""Plans that read the store's records; what they mean for people is said in :mod:`dedup.service.queries`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from dedup.store import keys, scripts
from dedup.store.connection import Plan
from dedup.store.records import Document, Membership, Record, StoryRecord
from dedup.store.scripts import Command

#: Commands in one step; members of a story read in the round trip that finds it.
_STEP, _TOLD = 1000, 64


@dataclass(frozen=True, slots=True)
class Found:
    """An article and where it belongs; ``membership`` is ``None`` until it is decided.

    ``beside`` are its group's representative, its story's founder and the article it is linked to, by number; empty
    where the document was not asked for.
    """

    record: Record
    membership: Membership | None
    story: StoryRecord | None
    canonical: Record | None
    document: Document | None
    beside: dict[int, Record]
    linked: bytes | None

    def linked_document(self) -> Document | None:
        """The document of the article it is linked to; ``None`` where that is gone."""
        return Document(self.linked) if self.linked else None


@dataclass(frozen=True, slots=True)
class Told:
    """A story: its members in order of joining, cursors and packed events of its history, oldest first.

    ``redirected``: it was asked for by an id that was merged away.  ``records``, ``places`` and ``documents`` are those
    of the members, by number, but for ``untold`` of them.
    """

    number: int
    record: StoryRecord
    redirected: bool
    members: list[int]
    history: list[tuple[bytes, bytes]]
    records: dict[int, Record]
    places: dict[int, Membership]
    documents: dict[int, Document]
    untold: list[int]


def article(article_id: str, *, document: bool = False) -> Plan[Found | None]:
    """Read an article, its membership, its story and the canonical article in one round trip."""
    (reply,) = yield [scripts.look(article_id, document=document)]
    if reply is None:
        return None
    number, record, membership, story, canonical, text, beside, linked = reply
    place = StoryRecord.unpack(story) if story else None
    others = dict(zip(beside[::2], beside[1::2], strict=True))
    return Found(
        Record.unpack(number, record),
        Membership.unpack(membership) if membership else None,
        place,
        Record.unpack(place.canonical, canonical) if place and canonical else None,
        Document(text) if text else None,
        {n: Record.unpack(n, other) for n, other in others.items() if other},
        linked,
    )


def numbers(article_ids: Iterable[str]) -> Plan[list[int | None]]:
    """Numbers of articles by their ids."""
    step: list[Command] = [("HGET", keys.numbers(shard), name) for shard, name in map(keys.ident, article_ids)]
    found: list[int | None] = []
    for start in range(0, len(step), _STEP):
        replies = yield step[start : start + _STEP]
        found += [int.from_bytes(reply, "little") if reply else None for reply in replies]
    return found


def records(wanted: Iterable[int]) -> Plan[dict[int, Record]]:
    """Records by number; those that are gone are missing."""
    found: dict[int, Record] = {}
    listed = list(dict.fromkeys(wanted))
    for start in range(0, len(listed), _STEP):
        part = listed[start : start + _STEP]
        (replies,) = yield [("MGET", *map(keys.record, part))]
        found |= {n: Record.unpack(n, reply) for n, reply in zip(part, replies, strict=True) if reply}
    return found


def documents(wanted: Iterable[int]) -> Plan[dict[int, Document]]:
    """Documents by number; those that are gone are missing."""
    found: dict[int, Document] = {}
    listed = list(dict.fromkeys(wanted))
    for start in range(0, len(listed), _STEP):
        part = listed[start : start + _STEP]
        (replies,) = yield [("MGET", *map(keys.document, part))]
        found |= {n: Document(reply) for n, reply in zip(part, replies, strict=True) if reply}
    return found


def memberships(wanted: Iterable[int]) -> Plan[dict[int, Membership]]:
    """Memberships by number; those not decided, or gone, are missing."""
    cells = yield from _cells(list(dict.fromkeys(wanted)), keys.membership)
    return {number: Membership.unpack(data) for number, data in cells.items()}


def stories(wanted: Iterable[int]) -> Plan[dict[int, StoryRecord]]:
    """Story records by the number of their founder."""
    cells = yield from _cells(list(dict.fromkeys(wanted)), keys.story)
    return {number: StoryRecord.unpack(data) for number, data in cells.items()}


def _cells(listed: list[int], place: Any) -> Plan[dict[int, bytes]]:
    blocks: dict[str, list[tuple[int, int]]] = {}
    for number in listed:
        key, cell = place(number)
        blocks.setdefault(key, []).append((number, cell))
    step: list[Command] = [("HMGET", key, *(cell for _, cell in cells)) for key, cells in blocks.items()]
    found: dict[int, bytes] = {}
    waiting = list(blocks.values())
    for start in range(0, len(step), _STEP):
        replies = yield step[start : start + _STEP]
        for cells, reply in zip(waiting[start : start + _STEP], replies, strict=True):
            found |= {number: data for (number, _), data in zip(cells, reply, strict=True) if data}
    return found


def story(story_id: str, *, most: int) -> Plan[Told | None]:
    """Read a story by its id in one round trip; of a merged one, its survivor."""
    (reply,) = yield [scripts.story(story_id, most=most, told=_TOLD)]
    if reply is None:
        return None
    number, packed, redirected, members, history, records, places, documents = reply
    listed = [int(item) for item in members]
    return Told(
        number,
        StoryRecord.unpack(packed),
        bool(redirected),
        listed,
        list(zip(history[::2], history[1::2], strict=True)),
        {n: Record.unpack(n, data) for n, data in zip(listed, records, strict=False) if data},
        {n: Membership.unpack(data) for n, data in zip(listed, places, strict=False) if data},
        {n: Document(data) for n, data in zip(listed, documents, strict=False) if data},
        listed[_TOLD:],
    )


def lists(name: Callable[[int], str], wanted: Iterable[int]) -> Plan[dict[int, list[int]]]:
    """Lists of numbers under the keys ``name`` gives, whole, by number; empty where there is none."""
    listed = list(dict.fromkeys(wanted))
    found: dict[int, list[int]] = {}
    for start in range(0, len(listed), _STEP):
        part = listed[start : start + _STEP]
        replies = yield [("LRANGE", name(number), 0, -1) for number in part]
        found |= {number: list(map(int, reply)) for number, reply in zip(part, replies, strict=True)}
    return found


def story_members(number: int, place: StoryRecord, *, limit: int = 10_000) -> Plan[list[int]]:
    """Numbers of a story's members in order of joining."""
    if place.articles == 0:
        return []
    (listed,) = yield [("LRANGE", keys.story_members(number), 0, limit - 1)]
    return [int(item) for item in listed] or [place.canonical]


def group_members(number: int) -> Plan[list[int]]:
    """Numbers of a duplicate group's members in order of joining, its representative among them."""
    (listed,) = yield [("LRANGE", keys.group_members(number), 0, -1)]
    return [int(item) for item in listed] or [number]
