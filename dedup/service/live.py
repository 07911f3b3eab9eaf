"""The live stories of a language, in the memory of whoever decides or is asked.

:class:`dedup.cluster.live.LiveStories` is the state machine; here it meets the store: what it
is loaded from, and how numbers stand for stories (a story's key is the number of its founder).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dedup.cluster.decision import Decision
from dedup.cluster.live import LiveStories
from dedup.settings import Settings
from dedup.store import keys, reading
from dedup.store.connection import Plan
from dedup.store.records import Record
from dedup.vectors import Features, Idf, packing

#: Records read at a time while loading.
_PART = 2000


@dataclass(frozen=True, slots=True)
class Linked:
    """Where a representative stands since stories were linked anew; ``other`` is 0 for one that is alone."""

    number: int
    story: int
    other: int
    probability: float


@dataclass(frozen=True, slots=True)
class Decided:
    """The story part of a decision: ``other`` is the article it is linked to, 0 for a founder.

    ``merged`` are stories that are gone, with the one they are now part of; ``links`` see
    :class:`dedup.cluster.decision.Decision`.
    """

    story: int
    other: int
    probability: float
    merged: tuple[tuple[int, int], ...] = ()
    links: tuple[Linked, ...] = ()


class LiveLanguage:
    """Live stories of one language.

    Attributes
    ----------
    position:
        The language's position (see :mod:`dedup.store.lease`) that this state stands at.
    """

    def __init__(self, settings: Settings, idf: Idf | None) -> None:
        story = settings.story
        self._stories = LiveStories(
            new_key=str,
            idf=idf,
            threshold=story.threshold,
            quorum=story.quorum,
            window=story.window_days * 86_400,
            most=story.candidates,
        )
        self.position = -1

    def __len__(self) -> int:
        return len(self._stories)

    @classmethod
    def load(cls, lang: str, settings: Settings) -> Plan[LiveLanguage]:
        """Read the state from the store."""
        position, snapshot, listed = yield [
            ("GET", keys.position(lang)),
            ("GET", keys.snapshot(keys.IDF)),
            ("LRANGE", keys.live(lang), 0, -1),
        ]
        state = cls(settings, Idf.from_bytes(snapshot) if snapshot else None)
        yield from state._enter([int(item) for item in listed])
        state.position = int(position or 0)
        return state

    def _enter(self, numbers: Sequence[int]) -> Plan[None]:
        """Enter representatives as if they had just been decided, one after the other."""
        parts: list[Features] = []
        story_of: dict[int, int] = {}
        wanted = list(dict.fromkeys(numbers))
        for start in range(0, len(wanted), _PART):
            part = wanted[start : start + _PART]
            records = yield from reading.records(part)
            places = yield from reading.memberships(part)
            # A copy that stands for its group since the first one went is live; one that left is not.
            part = [n for n in part if n in records and n in places and places[n].group == n]
            parts.append(packing.unpack([records[n].features for n in part]))
            story_of |= {n: places[n].story for n in part}
        if not story_of:
            return
        place = {number: k for k, number in enumerate(story_of)}
        joined: list[int] = []
        stories = sorted(set(story_of.values()))
        for start in range(0, len(stories), _PART):
            lists = yield [("LRANGE", keys.story_members(number), 0, -1) for number in stories[start : start + _PART]]
            joined += [place[n] for listed in lists for n in map(int, listed) if n in place]
        alone = set(place.values()) - set(joined)
        self._stories.load(
            list(story_of),
            Features.concat(parts),
            [str(story) for story in story_of.values()],
            rows=[str(story) for story in stories],
            joined=[*joined, *sorted(alone)],
        )

    def decide(self, records: Sequence[Record]) -> list[Decided]:
        """Decide the stories of new representatives, in order."""
        if not records:
            return []
        features = packing.unpack([one.features for one in records])
        decisions = self._stories.assign([one.number for one in records], features)
        return [_decided(one) for one in decisions]

    def ask(self, record: Record) -> Decided:
        """Say what would be decided for an article that nobody has pushed."""
        return _decided(self._stories.ask(record.number, packing.unpack([record.features])))

    def story_of(self, number: int) -> int | None:
        """The story of a live representative, with what has been decided so far; ``None`` of any other article."""
        key = self._stories.story_of(number)
        return None if key is None else int(key)

    def add(self, record: Record, story: int) -> None:
        """Enter an article that has become the representative of a group in ``story``."""
        self._stories.load([record.number], packing.unpack([record.features]), [str(story)])

    def remove(self, number: int) -> None:
        """Take an article out."""
        self._stories.remove(number)


def _decided(one: Decision) -> Decided:
    return Decided(
        int(one.story),
        0 if one.founded or one.best is None else one.best,
        one.probability,
        tuple((int(pair.gone), int(pair.into)) for pair in one.merged),
        tuple(Linked(at.number, int(at.story), at.other or 0, at.probability) for at in one.links),
    )
