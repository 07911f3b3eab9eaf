"""Memory of the store by kind of key, cheaply enough for a scrape.

The names of keys follow from counters (see :mod:`dedup.store.keys`), so none is searched for.  A family of a few keys
is measured whole; of a larger one, :data:`SAMPLE` keys at equal distances stand for all.  What makes up most of a
large store, texts, records and index, consists of many keys of about one size: a sample tells their sum to a few
hundredths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from dedup.store import keys
from dedup.store.connection import Plan
from dedup.store.index_pages import Segment, segments
from dedup.store.scripts import Command

#: What the keys are for, by the part of their name after the tag.
KINDS = {
    "b": "index",
    "bt": "index",
    "lsh": "index",
    "t": "texts",
    "r": "records",
    "i": "ids",
    "j": "ids",
    "m": "memberships",
    "g": "memberships",
    "s": "stories",
    "sm": "stories",
    "sh": "stories",
    "by-updated": "stories",
    "by-size": "stories",
    "feed": "changes",
}
#: Keys measured of a family, and commands sent together: others are served between two steps.
SAMPLE, _STEP = 512, 128
#: As many times more of an index whose pages are mostly empty.
_SPARSE = 32
#: Elements that the server looks at in a key of many; 0 would be all, of a feed of millions of events too.
_ELEMENTS = 100


@dataclass(frozen=True, slots=True)
class Family:
    """Keys of one kind that could exist, ``name(0)`` to ``name(count - 1)``."""

    kind: str
    count: int
    name: Callable[[int], str | bytes]
    size: int = SAMPLE

    def sample(self) -> list[str | bytes]:
        """All names, or ``size`` of them at equal distances."""
        if self.count <= self.size:
            return [self.name(place) for place in range(self.count)]
        return [self.name((2 * turn + 1) * self.count // (2 * self.size)) for turn in range(self.size)]


def kind_of(key: str) -> str:
    """Kind of one of our keys; ``other`` for the small rest."""
    return KINDS.get(key.removeprefix(f"{keys.TAG}:").split(":")[0], "other")


def by_kind() -> Plan[dict[str, int]]:
    """Estimate the bytes of each kind of :data:`KINDS`, as ``MEMORY USAGE`` counts them."""
    sequence, named = yield [("GET", keys.SEQUENCE), ("SMEMBERS", keys.LANGUAGES)]
    langs = sorted(name.decode() for name in named)
    stored = yield [("HGETALL", keys.segments(lang)) for lang in langs]
    families = list(_families(int(sequence or 0)))
    for lang, cells in zip(langs, stored, strict=True):
        families.append(_index(lang, segments(cells)))
    bytes_ = dict.fromkeys(KINDS.values(), 0)
    tails = [keys.tail(lang, one.id) for lang, cells in zip(langs, stored, strict=True) for one in segments(cells)]
    for name in (keys.FEED, keys.UPDATED, keys.SIZES, *map(keys.segments, langs), *tails):
        bytes_[kind_of(name)] += yield from _measured([name])
    for family in families:
        sample = family.sample()
        if sample:
            bytes_[family.kind] += round((yield from _measured(sample)) * family.count / len(sample))
    return bytes_


def _families(sequence: int) -> Iterator[Family]:
    yield Family("texts", sequence, lambda place: keys.document(place + 1))
    yield Family("records", sequence, lambda place: keys.record(place + 1))
    for name in (keys.story_members, keys.story_history):
        yield Family("stories", sequence, _numbered(name))
    yield Family("memberships", sequence, _numbered(keys.group_members))
    blocks = sequence // keys.BLOCK + 1
    yield Family("memberships", blocks, lambda place: keys.membership(place * keys.BLOCK)[0])
    yield Family("stories", blocks, lambda place: keys.story(place * keys.BLOCK)[0])
    yield Family("ids", keys.IDENT_SHARDS, keys.numbers)
    yield Family("ids", keys.IDENT_SHARDS, keys.story_shelf)


def _numbered(name: Callable[[int], str]) -> Callable[[int], str]:
    return lambda place: name(place + 1)


def _index(lang: str, listed: Sequence[Segment]) -> Family:
    """The pages of all segments of a language, one segment after the other."""

    def name(place: int) -> str:
        for segment in listed:
            if place < segment.pages:
                return keys.page(lang, segment.id, place)
            place -= segment.pages
        raise IndexError(place)

    articles, pages = sum(one.count for one in listed), sum(one.pages for one in listed)
    return Family("index", pages, name, SAMPLE * _SPARSE if articles < pages // 32 else SAMPLE)


def _measured(names: Sequence[str | bytes]) -> Plan[int]:
    total = 0
    for start in range(0, len(names), _STEP):
        step: list[Command] = [("MEMORY", "USAGE", name, "SAMPLES", _ELEMENTS) for name in names[start : start + _STEP]]
        total += sum(size or 0 for size in (yield step))
    return total
