"""The whole state of a store at one moment, read while articles come in.

Decisions change only under the lease of their language, so whoever holds all leases sees a
whole state; articles admitted meanwhile have higher numbers and are left out.  Articles are large and never
change, so most of them are read before, and the leases are held for seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from dedup.errors import StoreError
from dedup.store import keys
from dedup.store.connection import Connection
from dedup.store.lease import Lease, holder_name, take_within
from dedup.store.records import ADD, REPLACE, Membership, PendingEntry, StoryRecord

_STEP = 500
#: Seconds to wait for the lease of a language.
_PATIENCE = 120.0
_LIFE = 30.0


@dataclass(slots=True)
class Language:
    """What a language has beside its articles."""

    position: int
    fence: int
    live: list[int]
    pending: list[bytes]


@dataclass(slots=True)
class State:
    """All but the articles.

    Attributes
    ----------
    last :
        Number of the last article that belongs to the state.
    places :
        Memberships by number.
    stories :
        Every story there ever was, by the number of its founder.
    group_members, story_members :
        Members in order of joining, of groups and stories that keep a list of them.
    histories :
        Feed ids, by story.
    updated, sizes :
        The two sort orders: score by story.
    """

    last: int = 0
    counts: dict[bytes, bytes] = field(default_factory=dict)
    totals: dict[bytes, bytes] = field(default_factory=dict)
    languages: dict[str, Language] = field(default_factory=dict)
    places: dict[int, Membership] = field(default_factory=dict)
    stories: dict[int, StoryRecord] = field(default_factory=dict)
    group_members: dict[int, list[int]] = field(default_factory=dict)
    story_members: dict[int, list[int]] = field(default_factory=dict)
    histories: dict[int, list[str]] = field(default_factory=dict)
    updated: dict[int, float] = field(default_factory=dict)
    sizes: dict[int, float] = field(default_factory=dict)
    feed_end: str | None = None
    dead: list[tuple[str, float, bytes]] = field(default_factory=list)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def waiting(self) -> set[int]:
        """Numbers of articles that wait for their first decision."""
        entries = self._entries()
        return {entry.number for entry in entries if entry.kind == ADD}

    @property
    def leaving(self) -> set[int]:
        """Numbers of articles that were taken down or replaced, which the drain has yet to see."""
        return {entry.number for entry in self._entries() if entry.kind != ADD}

    def _entries(self) -> list[PendingEntry]:
        return [PendingEntry.unpack(item) for one in self.languages.values() for item in one.pending]


@contextmanager
def all_leases(connection: Connection) -> Iterator[list[Lease]]:
    """Hold the lease of every language, those too that appear while waiting for the others.

    Raises
    ------
    StoreError
        When a language is not free for two minutes.
    """
    held: dict[str, Lease] = {}
    with ExitStack() as stack:
        while missing := set(_languages(connection)) - held.keys():
            for lang in sorted(missing):
                held[lang] = stack.enter_context(_taken(connection, lang))
                for lease in held.values():
                    lease.renew()
        yield list(held.values())


def _taken(connection: Connection, lang: str) -> Lease:
    lease = take_within(connection, lang, holder_name(), life=_LIFE, seconds=_PATIENCE)
    if lease is None:
        raise StoreError(f"the lease of {lang} was not free for {_PATIENCE:g} s; try again")
    return lease


def _languages(connection: Connection) -> list[str]:
    return sorted(name.decode() for name in connection.one("SMEMBERS", keys.LANGUAGES))


def read_state(connection: Connection, leases: Sequence[Lease], *, blobs: Sequence[str]) -> State:
    """Read all but the articles, under all leases; ``blobs`` names the snapshots wanted."""
    state = State()
    # The sequence first: what is admitted after it has a higher number and is left out everywhere.
    state.last = int(connection.one("GET", keys.SEQUENCE) or 0)
    for lease in leases:
        state.languages[lease.lang] = _language(connection, lease, state.last)
    counts, totals = connection.execute([("HGETALL", keys.COUNTS), ("HGETALL", keys.TOTALS)])
    state.counts, state.totals = dict(counts), dict(totals)
    newest = connection.one("XREVRANGE", keys.FEED, "+", "-", "COUNT", 1)
    state.feed_end = newest[0][0].decode() if newest else None
    _read_blocks(connection, leases, state)
    _read_lists(connection, leases, state)
    state.updated = _scores(connection, keys.UPDATED)
    state.sizes = _scores(connection, keys.SIZES)
    dead = connection.one("ZRANGE", keys.DEAD_ORDER, 0, -1, "WITHSCORES")
    for name, score in _pairs(dead):
        data = connection.one("HGET", keys.DEAD, name)
        if data is not None:
            state.dead.append((name.decode(), score, data))
    for blob in blobs:
        data = connection.one("GET", keys.snapshot(blob))
        if data is not None:
            state.blobs[blob] = data
    return state


def _language(connection: Connection, lease: Lease, last: int) -> Language:
    lang = lease.lang
    position, fence, live, pending = connection.execute(
        [
            ("GET", keys.position(lang)),
            ("GET", keys.fence(lang)),
            ("LRANGE", keys.live(lang), 0, -1),
            ("LRANGE", keys.pending(lang), 0, -1),
        ]
    )
    entries = [(item, PendingEntry.unpack(item)) for item in pending]
    followed = {entry.old for _, entry in entries if entry.kind == ADD and entry.number <= last}
    kept = [
        item
        for item, entry in entries
        # A replacement whose new revision came too late has not happened yet.
        if entry.number <= last and (entry.kind != REPLACE or entry.number in followed)
    ]
    return Language(int(position or 0), int(fence or 0), [int(item) for item in live], kept)


def _read_blocks(connection: Connection, leases: Sequence[Lease], state: State) -> None:
    blocks = range(state.last // keys.BLOCK + 1)
    for start in range(0, len(blocks), _STEP):
        part = blocks[start : start + _STEP]
        first = [keys.membership(block * keys.BLOCK)[0] for block in part]
        second = [keys.story(block * keys.BLOCK)[0] for block in part]
        replies = connection.execute([("HGETALL", key) for key in (*first, *second)])
        for block, cells in zip((*part, *part), replies[: len(part)], strict=False):
            for cell, data in dict(cells).items():
                state.places[block * keys.BLOCK + int(cell)] = Membership.unpack(data)
        for block, cells in zip(part, replies[len(part) :], strict=True):
            for cell, data in dict(cells).items():
                state.stories[block * keys.BLOCK + int(cell)] = StoryRecord.unpack(data)
        for lease in leases:
            lease.renew()


def _read_lists(connection: Connection, leases: Sequence[Lease], state: State) -> None:
    copies: dict[int, int] = {}
    for place in state.places.values():
        copies[place.group] = copies.get(place.group, 0) + 1
    groups = [number for number, count in copies.items() if count > 1]
    many = [number for number, story in state.stories.items() if story.articles > 1]
    state.group_members = _lists(connection, leases, keys.group_members, groups)
    state.story_members = _lists(connection, leases, keys.story_members, many)
    histories = _raw_lists(connection, leases, keys.story_history, list(state.stories))
    state.histories = {number: [item.decode() for item in items] for number, items in histories.items()}


def _lists(
    connection: Connection, leases: Sequence[Lease], name: Callable[[int], str], numbers: Sequence[int]
) -> dict[int, list[int]]:
    raw = _raw_lists(connection, leases, name, numbers)
    return {number: [int(item) for item in items] for number, items in raw.items()}


def _raw_lists(
    connection: Connection, leases: Sequence[Lease], name: Callable[[int], str], numbers: Sequence[int]
) -> dict[int, list[bytes]]:
    found: dict[int, list[bytes]] = {}
    for start in range(0, len(numbers), _STEP):
        part = numbers[start : start + _STEP]
        replies = connection.execute([("LRANGE", name(number), 0, -1) for number in part])
        found |= {number: reply for number, reply in zip(part, replies, strict=True) if reply}
        for lease in leases:
            lease.renew()
    return found


def _scores(connection: Connection, key: str) -> dict[int, float]:
    return {int(name): score for name, score in _pairs(connection.one("ZRANGE", key, 0, -1, "WITHSCORES"))}


def _pairs(reply: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Members and scores, in whichever of the two shapes the client gives them."""
    rows = reply if reply and isinstance(reply[0], list | tuple) else zip(reply[::2], reply[1::2], strict=True)
    return [(member, float(score)) for member, score in rows]
