"""What has been read of articles, groups and stories: each once, many in one round trip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict, Unpack

from dedup.identity import story_id
from dedup.store import keys, reading
from dedup.store.connection import Connection, together
from dedup.store.records import Document, Membership, Record, StoryRecord


class Wanted(TypedDict, total=False):
    """Numbers of what is to be read; a group's place is read with it."""

    records: Iterable[int]
    documents: Iterable[int]
    places: Iterable[int]
    stories: Iterable[int]
    groups: Iterable[int]


class Seen:
    """Articles, groups and stories as they were when first asked for.

    Parameters
    ----------
    connection:
        Where to read from.

    Attributes
    ----------
    records:
        Records by number; put those you have read here, the others are read when they are asked for.
    documents:
        Documents by number, as far as they were loaded; those that are gone are missing.
    """

    def __init__(self, connection: Connection) -> None:
        self.records: dict[int, Record] = {}
        self.documents: dict[int, Document] = {}
        self._connection = connection
        self._places: dict[int, Membership | None] = {}
        self._stories: dict[int, StoryRecord] = {}
        self._members: dict[int, list[int]] = {}
        self._groups: dict[int, list[int]] = {}

    def load(self, **wanted: Unpack[Wanted]) -> None:
        """Read many in one round trip; what was read or changed already stays as it is."""
        # Not as differences of sets, which go through all that was read before.
        records = {n for n in wanted.get("records", ()) if n not in self.records}
        documents = {n for n in wanted.get("documents", ()) if n not in self.documents}
        grouped = {n for n in wanted.get("groups", ()) if n not in self._groups}
        told = {n for n in wanted.get("stories", ()) if n not in self._stories}
        places = {n for n in (*wanted.get("places", ()), *grouped) if n not in self._places}
        if not (records or documents or grouped or told or places):
            return
        found, texts, places_of, stories_of, members_of_groups, members_of_stories = self._connection.run(
            together(
                reading.records(records),
                reading.documents(documents),
                reading.memberships(places),
                reading.stories(told),
                reading.lists(keys.group_members, grouped),
                reading.lists(keys.story_members, told),
            )
        )
        self.records |= found
        self.documents |= texts
        self._places |= {number: places_of.get(number) for number in places}
        for number in grouped:
            place = self._places[number]
            stands = place is not None and place.group == number
            self._groups[number] = members_of_groups[number] or ([number] if stands else [])
        self._stories |= stories_of
        for number in told:
            one = self._stories[number]
            self._members[number] = members_of_stories[number] or ([one.canonical] if one.articles else [])

    def record(self, number: int) -> Record:
        """The record of an article that stands or stood."""
        if number not in self.records:
            self.load(records=[number])
        return self.records[number]

    def place(self, number: int) -> Membership | None:
        """Where an article belongs; ``None`` before its decision."""
        if number not in self._places:
            self.load(places=[number])
        return self._places[number]

    def story(self, number: int) -> StoryRecord:
        """A story by the number of its founder."""
        if number not in self._stories:
            self.load(stories=[number])
        return self._stories[number]

    def members(self, story: int) -> list[int]:
        """Numbers of a story's members in order of joining (a copy)."""
        self.story(story)
        return list(self._members[story])

    def group(self, representative: int) -> list[int]:
        """Numbers of a duplicate group's members in order of joining (a copy)."""
        if representative not in self._groups:
            self.load(groups=[representative])
        return list(self._groups[representative])

    def story_name(self, number: int) -> str:
        """Id of a story by the number of its founder."""
        return story_id(self.record(number).id)
