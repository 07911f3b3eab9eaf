"""How waiting for articles ends: a version is visible when it has a story, unless something became of it before.

A later version may overtake it, somebody may take the article down, or it may become a dead letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dedup.errors import DedupError
from dedup.identity import story_id
from dedup.store import deadletters, keys, reading
from dedup.store.connection import Plan
from dedup.store.records import HEADER
from dedup.views import DeadLetter, Waited

#: Articles looked at in one step.
_PART = 250
#: Dead letters looked through, the newest first.
_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class Version:
    """A version that was pushed: its content digest, and when the queue took it, if the store's clock was known then.

    Without a time, later versions and takedowns cannot be told from earlier ones, and are not.
    """

    content: bytes
    accepted_us: int | None

    def stands(self, content: bytes) -> bool:
        """Whether a record of this content is of this version."""
        return content == self.content

    def before(self, moment_us: float) -> bool:
        """Whether the queue took this version before a time of the store's clock."""
        return self.accepted_us is not None and self.accepted_us <= moment_us


@dataclass(slots=True)
class Wait:
    """Articles waited for: what is known of each so far.

    Parameters
    ----------
    ids:
        Article ids.
    pushed:
        Versions by id: who is named here is waited for until that version, or a later one, is visible.
    """

    pending: list[str]
    pushed: Mapping[str, Version]
    stories: dict[str, str] = field(default_factory=dict)
    overtaken: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, ids: Iterable[str], pushed: Mapping[str, Version]) -> Wait:
        """Wait for some articles, each named once or more."""
        return cls(list(dict.fromkeys(ids)), pushed)

    def look(self, *, thorough: bool = False) -> Plan[int]:
        """Look what became of the articles; answers of how many more than before it is known.

        A queue is worked on from its beginning: a look ends where nothing new shows, so that waiting for
        a hundred thousand costs no more than waiting for a few.  ``thorough`` looks at all.
        """
        before = len(self.pending)
        pending: list[str] = []
        for start in range(0, before, _PART):
            part = self.pending[start : start + _PART]
            left = yield from self._visible(part)
            stalled = len(left) == len(part)
            if stalled or thorough:
                left = yield from self._removed(left)
            pending += left
            if stalled and not thorough:
                pending += self.pending[start + _PART :]
                break
        if pending and (thorough or len(pending) == before):
            pending = yield from self._dead(pending)
        self.pending = pending
        return before - len(pending)

    def result(self) -> Waited:
        """What is known."""
        ended = (tuple(names) for names in (self.overtaken, self.removed, self.dead, self.pending))
        return Waited(self.stories, *ended)

    def _visible(self, part: Sequence[str]) -> Plan[list[str]]:
        """Take note of who has a story; answers the others."""
        numbers = yield from reading.numbers(part)
        known = {name: number for name, number in zip(part, numbers, strict=True) if number is not None}
        places = yield from reading.memberships(known.values())
        decided = {name: number for name, number in known.items() if number in places}
        heads = yield [("GETRANGE", keys.record(number), 0, HEADER.size - 1) for number in decided.values()]
        ready: dict[str, int] = {}
        overtaken: list[str] = []
        for (name, number), head in zip(decided.items(), heads, strict=True):
            if len(head) < HEADER.size:
                continue
            _, _, _, content, *_, accepted_us = HEADER.unpack(head)
            version = self.pushed.get(name)
            if version is None or version.stands(content):
                ready[name] = places[number].story
            elif version.before(accepted_us):
                ready[name] = places[number].story
                overtaken.append(name)
        founders = {known[name]: name for name in ready}
        others = yield from reading.records(story for story in ready.values() if story not in founders)
        founders |= {number: record.id for number, record in others.items()}
        found = {name: story_id(founders[story]) for name, story in ready.items() if story in founders}
        self.stories |= found
        self.overtaken += (name for name in overtaken if name in found)
        return [name for name in part if name not in found]

    def _removed(self, part: Sequence[str]) -> Plan[list[str]]:
        """Take note of who was taken down since it was pushed; answers the others."""
        numbers = yield from reading.numbers(part)
        absent = [name for name, number in zip(part, numbers, strict=True) if number is None and name in self.pushed]
        if not absent:
            return list(part)
        (moments,) = yield [("ZMSCORE", keys.TAKEN, *(keys.ident(name)[1] for name in absent))]
        removed = {
            name
            for name, moment_us in zip(absent, moments, strict=True)
            if moment_us is not None and self.pushed[name].before(float(moment_us))
        }
        self.removed += (name for name in part if name in removed)
        return [name for name in part if name not in removed]

    def _dead(self, part: Sequence[str]) -> Plan[list[str]]:
        """Take note of who became a dead letter; answers the others."""
        page = yield from deadletters.read(limit=_LETTERS)
        wanted = set(part)
        dead = {letter.article_id for letter in page.items if letter.article_id in wanted and self._is_of(letter)}
        self.dead += (name for name in part if name in dead)
        return [name for name in part if name not in dead]

    def _is_of(self, letter: DeadLetter) -> bool:
        """Whether a letter is of the version waited for, not of one before it."""
        version = self.pushed.get(letter.article_id or "")
        # Letters have the time of their worker's clock, in whole milliseconds.
        return version is None or version.accepted_us is None or version.before(letter.at.timestamp() * 1e6 + 1e3)


def pause(idle: float) -> float:
    """Seconds until the next look when nothing has shown for ``idle`` seconds: what shows is seen a quarter late."""
    return min(max(0.02, idle / 4), 0.5)


def check(waited: Waited, seconds: float) -> None:
    """Complain of articles that were waited for in vain.

    Raises
    ------
    DedupError
        Some were not visible after so many ``seconds``, or became dead letters.
    """
    if waited.pending:
        raise DedupError(
            f"{_some(waited.pending)} not visible after {seconds:g} s: they are on the queue; "
            "see dedup status and dedup dead list"
        )
    if waited.dead:
        raise DedupError(f"{_some(waited.dead)} not processed; dedup dead list says why")


def _some(names: Sequence[str]) -> str:
    return f"{len(names):,} article{'s were' if len(names) > 1 else ' was'}, such as {min(names)!r},"
