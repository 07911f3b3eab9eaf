"""A working copy of memberships, groups and stories: change it, then commit it as one step.

The drain and the nightly job decide; a draft knows what a decision means for every key and
which events tell of it.  It reads what it needs (:mod:`dedup.store.seen`), and writes nothing by itself: hand its
:meth:`Draft.commands` and :attr:`Draft.events` to :meth:`dedup.store.lease.Lease.commit`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dedup.identity import group_id
from dedup.store import keys
from dedup.store.connection import Connection
from dedup.store.records import MERGED, REMOVED, STANDS, Event, Membership, Record, StoryRecord, pack_numbers
from dedup.store.scripts import Command
from dedup.store.seen import Seen
from dedup.store.writes import Writes, spread
from dedup.views import ChangeKind


class Draft(Seen):
    """Changes to one language, made under its lease; what was changed is read as it will be.

    Parameters
    ----------
    connection:
        Where to read from.
    lang:
        The language.
    now_ms:
        Time of the changes.

    Attributes
    ----------
    events:
        Events so far, in order.
    """

    def __init__(self, connection: Connection, lang: str, now_ms: int) -> None:
        super().__init__(connection)
        self.lang = lang
        self.now_ms = now_ms
        self.events: list[Event] = []
        self._before: dict[str, dict[int, Any]] = {"places": {}, "stories": {}, "members": {}, "groups": {}}
        self._counts = {"articles": 0, "stories": 0, "groups": 0}
        self._live: list[int] = []
        self._gone: list[int] = []

    # Changing ----------------------------------------------------------------------------------

    def add(self, record: Record, place: Membership, *, updated: bool = False) -> None:
        """Give an article its place; a story of its own number is founded.

        ``updated``: it is a new revision of an article that was there before.
        """
        number = record.number
        self.records[number] = record
        if place.group == number:
            self._groups[number] = [number]
            self._before["groups"].setdefault(number, [])
            self._counts["groups"] += 1
            self._live.append(number)
        else:
            self._enter_group(place.group, number)
        self._set_place(number, place)
        self._counts["articles"] += 1
        detail = {"relation": place.relation, "duplicate_group_id": group_id(self.record(place.group).id)}
        kind: ChangeKind = "article.updated" if updated else "article.added"
        self.events.append(Event(kind, record.id, self.story_name(place.story), detail))
        if place.story == number:
            self._found(record)
        else:
            self._join(place.story, record, new_group=place.group == number)

    def _found(self, record: Record) -> None:
        number, at = record.number, event_ms(record)
        self._before["stories"].setdefault(number, None)
        self._before["members"].setdefault(number, [])
        self._stories[number] = StoryRecord(STANDS, number, 1, 1, at, at, self.now_ms, number)
        self._members[number] = [number]
        self._counts["stories"] += 1
        self.events.append(Event("story.created", record.id, self.story_name(number), {"canonical_id": record.id}))

    def _join(self, story: int, record: Record, *, new_group: bool) -> None:
        place, at = self.story(story), event_ms(record)
        if story not in self._before["members"]:
            self._before["members"][story] = self.members(story)
        self._members[story].append(record.number)
        self._set_story(
            story,
            place.changed(
                articles=place.articles + 1,
                groups=place.groups + new_group,
                first_ms=min(place.first_ms, at),
                last_ms=max(place.last_ms, at),
                updated_ms=self.now_ms,
            ),
        )

    def merge(self, survivor: int, gone: int) -> None:
        """Put the members of story ``gone`` into ``survivor``; the id of ``gone`` redirects for ever."""
        left, right = self.story(survivor), self.story(gone)
        movers = self.members(gone)
        self.load(places=movers)
        for number in movers:
            place = self.place(number)
            if place is not None:
                self._set_place(number, changed(place, story=survivor))
        self._set_members(survivor, [*self._members[survivor], *movers])
        self._set_members(gone, [])
        self._set_story(
            survivor,
            left.changed(
                articles=left.articles + right.articles,
                groups=left.groups + right.groups,
                first_ms=min(left.first_ms, right.first_ms),
                last_ms=max(left.last_ms, right.last_ms),
                updated_ms=self.now_ms,
            ),
        )
        self._set_story(
            gone, right.changed(state=MERGED, canonical=survivor, articles=0, groups=0, updated_ms=self.now_ms)
        )
        self._counts["stories"] -= 1
        detail = {"into": self.story_name(survivor), "articles": right.articles}
        self.events.append(Event("story.merged", None, self.story_name(gone), detail, (survivor, gone)))

    def split(self, story: int, movers: Iterable[int], *, founder: int | None = None) -> int:
        """Move members of ``story`` to a story of their own; return its number.

        ``movers`` are whole duplicate groups.  The new story is that of ``founder`` (the first mover by number).
        """
        moved = sorted(movers)
        number = moved[0] if founder is None else founder
        self.load(records=moved, places=moved)
        groups = len({place.group for n in moved if (place := self.place(n)) is not None})
        times = [event_ms(self.record(n)) for n in moved]
        self._before["stories"].setdefault(number, self._stories.get(number))
        self._before["members"].setdefault(number, [])
        self._stories[number] = StoryRecord(
            STANDS, moved[0], len(moved), groups, min(times), max(times), self.now_ms, number
        )
        self._members[number] = moved
        for n in moved:
            place = self.place(n)
            if place is not None:
                self._set_place(n, changed(place, story=number))
        self._shrink(story, moved, groups)
        self._counts["stories"] += 1
        detail = {"into": self.story_name(number), "articles": [self.record(n).id for n in moved]}
        self.events.append(Event("story.split", None, self.story_name(story), detail, (story, number)))
        return number

    def transfer(self, number: int, place: Membership) -> None:
        """Move a representative with its duplicates from a story that keeps others to that of ``place``."""
        standing = self.place(number)
        if standing is None:
            return
        group = set(self.group(number))
        moved = [n for n in self.members(standing.story) if n in group]
        self.load(records=moved, places=moved)
        for n in moved:
            before = self.place(n)
            if before is None:
                continue
            after = place if n == number else changed(before, story=place.story)
            self._set_place(n, after)
            self._join(place.story, self.record(n), new_group=n == number)
            detail = {"relation": after.relation, "duplicate_group_id": group_id(self.record(after.group).id)}
            self.events.append(Event("article.updated", self.record(n).id, self.story_name(place.story), detail))
        self._shrink(standing.story, moved, 1)

    def move(self, number: int, place: Membership) -> None:
        """Change an article's duplicate group, relation or link inside its story."""
        old = self.place(number)
        if old is None or old == place:
            return
        if old.group != place.group:
            self._set_group(old.group, [n for n in self.group(old.group) if n != number])
            self._enter_group(place.group, number)
        self._set_place(number, place)
        detail = {"relation": place.relation, "duplicate_group_id": group_id(self.record(place.group).id)}
        self.events.append(Event("article.updated", self.record(number).id, self.story_name(place.story), detail))

    def promote(self, number: int, story: int) -> None:
        """Make an article the representative of a group of its own (its old group has lost its own)."""
        place = self.place(number)
        if place is None:
            return
        self._set_group(place.group, [n for n in self.group(place.group) if n != number])
        self._set_group(number, [number])
        self._set_place(number, Membership(number, story, 0, "report" if number != story else "original", 1.0, 1.0))
        self._counts["groups"] += 1
        one = self.story(story)
        self._set_story(story, one.changed(groups=one.groups + 1, updated_ms=self.now_ms))
        # As a representative it joins anew: members stand in the order in which the live state knows them.
        self._set_members(story, [*(n for n in self._members[story] if n != number), number])
        self._live.append(number)
        detail = {"relation": "report", "duplicate_group_id": group_id(self.record(number).id)}
        self.events.append(Event("article.updated", self.record(number).id, self.story_name(story), detail))

    def remove(self, number: int, *, replaced: bool = False) -> None:
        """Take an article out of its group and story.

        ``replaced``: a newer revision follows, which tells of the change.
        """
        record, place = self.record(number), self.place(number)
        self._gone.append(number)
        if place is None:
            return
        rest = [n for n in self.group(place.group) if n != number]
        self._set_group(place.group, rest)
        group_ends = not rest
        self._set_place(number, None)
        self._counts["articles"] -= 1
        self._counts["groups"] -= group_ends
        if not replaced:
            self.events.append(Event("article.removed", record.id, self.story_name(place.story)))
        self._shrink(place.story, [number], int(group_ends))

    def _shrink(self, story: int, leaving: Iterable[int], groups: int) -> None:
        gone = set(leaving)
        place = self.story(story)
        rest = [n for n in self._members[story] if n not in gone]
        self._set_members(story, rest)
        if not rest:
            self._set_story(story, place.changed(state=REMOVED, articles=0, groups=0, updated_ms=self.now_ms))
            self._counts["stories"] -= 1
            self.events.append(Event("story.removed", None, self.story_name(story), {}, (story,)))
            return
        self.load(records=rest)
        times = [event_ms(self.record(n)) for n in rest]
        self._set_story(
            story,
            place.changed(
                articles=len(rest),
                groups=place.groups - groups,
                first_ms=min(times),
                last_ms=max(times),
                updated_ms=self.now_ms,
            ),
        )
        self.events.append(Event("story.changed", None, self.story_name(story), {"articles": len(rest)}))

    def set_canonical(self, story: int, number: int) -> None:
        """Let an article stand for its story."""
        place = self.story(story)
        if place.canonical == number:
            return
        detail = {"canonical_id": self.record(number).id, "before": self.record(place.canonical).id}
        self._set_story(story, place.changed(canonical=number, updated_ms=self.now_ms))
        self.events.append(Event("story.canonical", None, self.story_name(story), detail, (story,)))

    def touched_stories(self) -> list[int]:
        """Stories that changed and stand, in order of number."""
        return sorted(n for n in self._before["stories"] if self._stories[n].state == STANDS)

    # Writing -----------------------------------------------------------------------------------

    def commands(self) -> list[Command]:
        """The commands that write the draft."""
        writes = Writes()
        for number in self._before["places"]:
            place = self._places[number]
            key, cell = keys.membership(number)
            writes.cell(key, cell, place.pack() if place is not None else None)
        for number in self._before["stories"]:
            self._write_story(number, writes)
        out = writes.commands()
        for number, before in self._before["members"].items():
            out += _list_commands(keys.story_members(number), before, self._members[number])
        for number, before in self._before["groups"].items():
            out += _list_commands(keys.group_members(number), before, self._groups[number])
        if self._live:
            out += spread("RPUSH", keys.live(self.lang), self._live)
        for number in self._gone:
            out += self._burial(number)
        out += [("HINCRBY", keys.COUNTS, name, by) for name, by in self._counts.items() if by]
        return out

    def _write_story(self, number: int, writes: Writes) -> None:
        place, before = self._stories[number], self._before["stories"][number]
        key, cell = keys.story(number)
        writes.cell(key, cell, place.pack())
        if before is None:
            shelf, name = keys.story_numbers(self.story_name(number))
            writes.cell(shelf, name, pack_numbers([number]))
        stands, several = place.state == STANDS, place.articles > 1
        if stands or before is not None:
            writes.rank(keys.UPDATED, number, place.updated_ms if stands else None)
        if (stands and several) or (before is not None and before.articles > 1):
            writes.rank(keys.SIZES, number, place.articles if stands and several else None)

    def _burial(self, number: int) -> list[Command]:
        """What is left of an article: nothing; of the founder of a story, its id."""
        record = self.record(number)
        if number not in self._stories and not self._founded(number):
            return [("DEL", keys.record(number), keys.document(number))]
        return [("SET", keys.record(number), record.tombstone()), ("DEL", keys.document(number))]

    def _founded(self, number: int) -> bool:
        key, cell = keys.story(number)
        return bool(self._connection.one("HEXISTS", key, cell))

    def _set_place(self, number: int, place: Membership | None) -> None:
        self._before["places"].setdefault(number, self._places.get(number))
        self._places[number] = place

    def _set_story(self, number: int, story: StoryRecord) -> None:
        self._before["stories"].setdefault(number, self._stories.get(number))
        self._stories[number] = story

    def _set_members(self, number: int, members: list[int]) -> None:
        self._before["members"].setdefault(number, self._members.get(number, []))
        self._members[number] = members

    def _enter_group(self, group: int, number: int) -> None:
        # Grown in place: a text copied ten thousand times must not be copied at each copy.
        if group not in self._before["groups"]:
            self._before["groups"][group] = self.group(group)
        self._groups[group].append(number)

    def _set_group(self, number: int, members: list[int]) -> None:
        self._before["groups"].setdefault(number, self._groups.get(number, []))
        self._groups[number] = members


def event_ms(record: Record) -> int:
    """When an article happened: its publication, else its arrival."""
    return record.received_ms if record.published_ms is None else record.published_ms


def changed(place: Membership, *, story: int) -> Membership:
    """The same place in another story."""
    return Membership(place.group, story, place.other, place.relation, place.score, place.probability)


def _list_commands(key: str, before: list[int], after: list[int]) -> list[Command]:
    """Lists are kept for two members or more: append where that is all, else write anew."""
    old = before if len(before) > 1 else []
    new = after if len(after) > 1 else []
    if old == new:
        return []
    if new[: len(old)] == old:
        return list(spread("RPUSH", key, new[len(old) :]))
    return [("DEL", key), *spread("RPUSH", key, new)]
