"""Does the store hold together?  Every key has an owner, lists agree with what they list, the feed tells it all."""

from __future__ import annotations

import struct
from collections import Counter

from dedup.identity import group_id, story_id
from dedup.service import Service
from dedup.store import keys
from dedup.store.records import HEADER, MERGED, REMOVED, STANDS, Event, Membership, Record, StoryRecord, unpack_numbers

#: Keys of which there is one, or one a language, or which expire by themselves.
SINGLE = {
    "schema",
    "seq",
    "counts",
    "langs",
    "feed",
    "by-updated",
    "by-size",
    "dead",
    "dead-at",
    "taken",
    "workers",
    "snap",
    "totals",
}
PER_LANGUAGE = {"dropping", "lsh", "p", "pos", "live", "fence", "lease", "wake"}
EXPIRING = {"try", "rate"}


class Snapshot:
    """Everything the store holds, read key by key, without the code that answers questions."""

    def __init__(self, service: Service) -> None:
        client = service.connection.client
        self.raw = {}
        for key in client.scan_iter(count=5000):
            name = key.decode("utf-8", "surrogateescape")
            if name.startswith("{d}:"):
                self.raw.setdefault(name.split(":")[1], []).append(name)
        self.numbers = {}
        for name in self.raw.get("i", []):
            for cell in client.hvals(name):
                (number,) = unpack_numbers(cell)
                self.numbers[number] = None
        self.records = {int(n.split(":")[2]): Record.unpack(0, client.get(n)) for n in self.raw.get("r", [])}
        self.documents = {int(name.split(":")[2]) for name in self.raw.get("t", [])}
        self.places = self._cells(client, "m", Membership.unpack)
        self.stories = self._cells(client, "s", StoryRecord.unpack)
        self.groups = self._lists(client, "g")
        self.members = self._lists(client, "sm")
        self.histories = {int(name.split(":")[2]) for name in self.raw.get("sh", [])}
        self.bands = {}
        for name in self.raw.get("b", []):
            page = client.get(name)
            assert page, "a page without cells is not kept"
            for _, number in struct.iter_unpack("<II", page):
                if number:
                    self.bands[number] = self.bands.get(number, 0) + 1
        for name in self.raw.get("bt", []):
            for number, banded, *_ in struct.iter_unpack("<35I", client.get(name)):
                self.bands[number] = self.bands.get(number, 0) + 1 + 32 * banded
        self.feed = [Event.unpack(fields[b"e"]) for _, fields in client.xrange(keys.FEED)]
        self.pending = sum(client.llen(name) for name in self.raw.get("p", []))
        self.updated = {int(n) for n in client.zrange(keys.UPDATED, 0, -1)}
        self.sizes = {int(n): int(s) for n, s in client.zrange(keys.SIZES, 0, -1, withscores=True)}
        self.counts = {name.decode(): int(value) for name, value in client.hgetall(keys.COUNTS).items()}
        self.sequence = int(client.get(keys.SEQUENCE) or 0)
        self.ttls = {name: client.ttl(name) for kind in EXPIRING for name in self.raw.get(kind, [])}

    def _cells(self, client, kind, unpack):
        found = {}
        for name in self.raw.get(kind, []):
            block = int(name.split(":")[2]) * keys.BLOCK
            found |= {block + int(cell): unpack(value) for cell, value in client.hgetall(name).items()}
        return found

    def _lists(self, client, kind):
        return {int(name.split(":")[2]): list(map(int, client.lrange(name, 0, -1))) for name in self.raw.get(kind, [])}


def audit(service: Service, *, expected: set[str] | None = None) -> Snapshot:
    """Assert that the store holds together, and that exactly the ``expected`` articles are in it."""
    snap = Snapshot(service)
    assert snap.pending == 0
    standing = {n: record for n, record in snap.records.items() if not record.retired}
    _articles(snap, standing, expected)
    _groups(snap, standing)
    _stories(snap, standing)
    _index(snap, standing)
    _owners(snap)
    replay(snap, standing)
    return snap


def _articles(snap: Snapshot, standing: dict[int, Record], expected: set[str] | None) -> None:
    names = Counter(record.id for record in standing.values())
    assert set(names.values()) <= {1}, f"twice: {[name for name, count in names.items() if count > 1][:5]}"
    if expected is not None:
        assert names.keys() == expected, (
            f"lost {sorted(expected - names.keys())[:5]}, odd {sorted(names.keys() - expected)[:5]}"
        )
    assert set(snap.numbers) == set(standing), "the id map names exactly the articles that stand"
    assert set(snap.places) == set(standing), "each article that stands has a place, nobody else has"
    assert snap.documents == set(standing)
    assert snap.counts.get("articles", 0) == len(standing)
    assert max(snap.records, default=0) <= snap.sequence


def _groups(snap: Snapshot, standing: dict[int, Record]) -> None:
    groups: dict[int, set[int]] = {}
    for number, place in snap.places.items():
        groups.setdefault(place.group, set()).add(number)
        assert snap.places[place.group].group == place.group, "a representative represents itself"
        assert snap.places[place.group].story == place.story, "a group is in one story"
    assert {n: set(m) for n, m in groups.items() if len(m) > 1} == {n: set(m) for n, m in snap.groups.items()}
    assert all(len(m) == len(set(m)) for m in snap.groups.values())
    assert snap.counts.get("groups", 0) == len(groups)


def _stories(snap: Snapshot, standing: dict[int, Record]) -> None:
    members: dict[int, set[int]] = {}
    for number, place in snap.places.items():
        members.setdefault(place.story, set()).add(number)
    stand = {n for n, story in snap.stories.items() if story.state == STANDS}
    assert stand == set(members), "the stories that stand are those that have members"
    for number, story in snap.stories.items():
        if story.state == STANDS:
            assert story.articles == len(members[number])
            assert story.groups == len({snap.places[n].group for n in members[number]})
            assert story.canonical in members[number]
        elif story.state == MERGED:
            assert story.canonical in snap.stories, "a merged story names its survivor"
        else:
            assert story.state == REMOVED
    assert {n: set(m) for n, m in members.items() if len(m) > 1} == {n: set(m) for n, m in snap.members.items()}
    assert snap.updated == stand
    assert snap.sizes == {n: len(m) for n, m in members.items() if len(m) > 1}
    assert snap.counts.get("stories", 0) == len(stand)


def _index(snap: Snapshot, standing: dict[int, Record]) -> None:
    assert set(snap.bands) <= set(standing), "nobody who has gone is met in the index"
    texts: dict[tuple[str, bytes], list[int]] = {}
    for number, record in standing.items():
        if record.bands:
            texts.setdefault((record.lang, record.digest), []).append(number)
    for copies in texts.values():
        cells = Counter(snap.bands.get(number, 0) for number in copies)
        assert cells[33] == 1, "one of each text stands in all bands, and once"
        assert set(cells) <= {33, 1, 0}, "its copies stand in the region of the digests alone"


def _owners(snap: Snapshot) -> None:
    kinds = set(snap.raw) - SINGLE - PER_LANGUAGE - EXPIRING
    assert kinds <= {"i", "j", "r", "t", "m", "s", "g", "sm", "sh", "b", "bt"}, kinds
    assert all(life > 0 for life in snap.ttls.values()), "what is for a while expires"
    tombs = {n for n, record in snap.records.items() if record.retired}
    assert tombs <= set(snap.stories), "what is left of a removed article is the name of its story"
    assert snap.histories <= set(snap.stories)
    assert HEADER.size == 52


def replay(snap: Snapshot, standing: dict[int, Record]) -> None:
    """The feed alone tells where every article is and which is canonical."""
    where: dict[str, tuple[str, str, str]] = {}
    canonical: dict[str, str] = {}
    for event in snap.feed:
        match event.kind:
            case "article.added" | "article.updated":
                where[event.article_id] = (event.story_id, event.detail["duplicate_group_id"], event.detail["relation"])
            case "article.removed":
                where.pop(event.article_id, None)
            case "story.created":
                canonical[event.story_id] = event.detail["canonical_id"]
            case "story.canonical":
                canonical[event.story_id] = event.detail["canonical_id"]
            case "story.merged":
                into = event.detail["into"]
                where = {
                    name: (into, *rest) if story == event.story_id else (story, *rest)
                    for name, (story, *rest) in where.items()
                }
                canonical.pop(event.story_id, None)
            case "story.split":
                for name in event.detail["articles"]:
                    where[name] = (event.detail["into"], *where[name][1:])
            case "story.removed":
                canonical.pop(event.story_id, None)
    name = {n: record.id for n, record in snap.records.items()}
    truth = {
        name[n]: (story_id(name[place.story]), group_id(name[place.group]), place.relation)
        for n, place in snap.places.items()
    }
    assert where == truth
    stands = {story_id(name[n]): name[s.canonical] for n, s in snap.stories.items() if s.state == STANDS}
    assert {story: canonical.get(story) for story in stands} == stands
