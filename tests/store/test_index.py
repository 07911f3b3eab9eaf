"""The LSH index: what its one writer holds in memory, what lies in the store, and what anybody reads there agree."""

from __future__ import annotations

import random
import struct
from collections import Counter
from collections.abc import Sequence

import pytest

from dedup.store import index as index_module
from dedup.store import keys
from dedup.store.connection import Connection
from dedup.store.index import Arrival, Index
from dedup.store.index_pages import CANDIDATES, MOST, digest_hash, look_up, same_text, segments
from dedup.store.records import pack_head
from tests.store.admissions import BANDS, distinct

SPAN = 1_000


class Writer:
    """Does what the drain does, with a store of its own articles."""

    def __init__(self, store: Connection) -> None:
        self.store = store
        self.newest = 0
        self.index = self.load()

    def load(self) -> Index:
        return self.store.run(Index.load("vi", bands=BANDS, span_ms=SPAN))

    def add(self, *articles: tuple[bytes, Sequence[int]], at_ms: int = 1_000) -> list[list[int]]:
        """Enter articles, given by digest and bands; return the candidates of each."""
        arrivals = []
        for digest, hashes in articles:
            self.newest += 1
            bands = struct.pack(f"<{len(hashes)}I", *hashes)
            head = pack_head(content=bytes(16), digest=digest, bands=bands, lang="vi")
            self.store.one("SET", keys.record(self.newest), head)
            arrivals.append(Arrival(self.newest, digest, bands, at_ms))
        names = self.index.namesakes(one.digest for one in arrivals)
        known = {digest: self.store.run(same_text(numbers, digest)) for digest, numbers in names.items()}
        met, commands = self.store.run(self.index.arrive(arrivals, known))
        self.store.execute(commands)
        return met

    def take_out(self, number: int, digest: bytes, hashes: Sequence[int]) -> None:
        self.store.execute(self.store.run(self.index.leave(number, digest, struct.pack(f"<{len(hashes)}I", *hashes))))

    def ask(self, digest: bytes, hashes: Sequence[int]) -> list[int]:
        """What anybody is told who asks the store."""
        bands = struct.pack(f"<{len(hashes)}I", *hashes)
        return self.store.run(look_up("vi", digest=digest, bands=bands))

    def pages(self) -> set[bytes]:
        return {key for kind in ("b", "bt") for key in self.store.client.scan_iter(f"{{d}}:{kind}:*", count=5000)}


@pytest.fixture
def writer(store: Connection) -> Writer:
    return Writer(store)


@pytest.fixture
def short_tail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_TAIL", 3)


def text(serial: int) -> bytes:
    return struct.pack("<QQ", serial * 2654435761, serial)


def test_who_shares_a_band_is_met_most_shared_first(writer: Writer) -> None:
    one, two = distinct(1), distinct(2)
    assert writer.add((text(1), one), (text(2), two)) == [[], []]
    assert writer.add((text(3), one[:2] + two[2:])) == [[2, 1]]
    assert writer.ask(text(4), one[:6] + two[6:]) == [1, 3, 2]


def test_in_one_batch_the_later_meets_the_earlier(writer: Writer) -> None:
    assert writer.add((text(1), distinct(1)), (text(2), distinct(1))) == [[], [1]]


def test_the_same_text_takes_no_room(writer: Writer) -> None:
    assert writer.add((text(1), distinct(1)), (text(1), distinct(1))) == [[], [1]]
    assert writer.add((text(1), distinct(1)), (text(2), distinct(1))) == [[1], [1]], "copies are met by nobody"
    assert writer.ask(text(1), distinct(1)) == [1]


def test_digests_that_begin_alike_are_told_apart(writer: Writer) -> None:
    first, second = b"\1" * 16, b"\1" * 15 + b"\2"
    assert writer.add((first, distinct(1)), (second, distinct(2)), (second, distinct(2))) == [[], [], [2]]
    assert writer.add((second, distinct(2)), (first, distinct(1))) == [[2], [1]]
    assert writer.ask(second, distinct(2)) == [2]


def test_texts_without_tokens_meet_their_copies_alone(writer: Writer) -> None:
    assert writer.add((text(1), []), (text(2), []), (text(1), []), (text(3), distinct(3))) == [[], [], [1], []]
    assert writer.ask(text(2), []) == [2]


@pytest.mark.usefixtures("short_tail")
def test_a_copy_inherits_the_place_of_the_one_that_leaves(writer: Writer) -> None:
    writer.add(*[(text(1), distinct(1))] * 3)
    for gone in (1, 2):
        writer.take_out(gone, text(1), distinct(1))
        near = distinct(1)[:4] + distinct(9)[4:]
        assert writer.ask(text(9), near) == [gone + 1]
        assert writer.ask(text(1), distinct(1)) == [gone + 1]
    writer.take_out(3, text(1), distinct(1))
    assert writer.ask(text(1), distinct(1)) == []
    assert not writer.pages()


@pytest.mark.usefixtures("short_tail")
def test_a_hot_hash_keeps_the_newest_and_its_page_stays_small(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_CROWDED", 20)
    hot = distinct(1)[:1]
    for number in range(1, 101):
        met = writer.add((text(number), hot + distinct(100 + number)[1:]))
        assert met == [list(range(max(1, number - MOST), number))]
    assert writer.ask(text(200), hot + distinct(300)[1:]) == list(range(85, 101))
    assert max(len(writer.store.one("GET", name)) for name in writer.pages()) < 8 * 60
    assert Writer(writer.store).ask(text(200), hot + distinct(300)[1:]) == list(range(85, 101))


def test_an_article_has_no_more_candidates_than_can_be_judged(writer: Writer) -> None:
    rows = [
        [*distinct(900 + n)[: n % BANDS], distinct(1)[n % BANDS], *distinct(900 + n)[n % BANDS + 1 :]]
        for n in range(120)
    ]
    writer.add(*((text(n), row) for n, row in enumerate(rows)))
    (met,) = writer.add((text(500), distinct(1)))
    assert len(met) == CANDIDATES


def test_look_ups_go_through_all_segments(writer: Writer) -> None:
    writer.add((text(1), distinct(1)))
    assert writer.add((text(2), distinct(1)), at_ms=1_001 + SPAN) == [[1]]
    assert [one.id for one in segments(writer.store.one("HGETALL", keys.segments("vi")))] == [1, 2]
    assert writer.ask(text(3), distinct(1)) == [1, 2]
    writer.take_out(1, text(1), distinct(1))
    assert writer.ask(text(3), distinct(1)) == [2]


@pytest.mark.usefixtures("short_tail")
def test_after_a_full_segment_comes_one_of_more_pages(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_CAPACITY", 2)
    assert writer.add(*((text(n), distinct(1)) for n in range(3))) == [[], [1], [1, 2]]
    first, second = segments(writer.store.one("HGETALL", keys.segments("vi")))
    assert (first.bits, first.count, second.bits, second.count) == (7, 2, 9, 1)
    assert second.capacity > first.capacity
    for number in (1, 2, 3):
        writer.take_out(number, text(number - 1), distinct(1))
    assert not writer.pages()


@pytest.mark.usefixtures("short_tail")
@pytest.mark.parametrize("seed", range(4))
def test_memory_store_and_definition_agree(writer: Writer, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Articles come and go at random; whoever holds the index and whoever reads it is told what the definition says."""
    monkeypatch.setattr(index_module, "_CAPACITY", 40)
    monkeypatch.setattr(index_module, "_CROWDED", 5)
    chance = random.Random(seed)
    standing: dict[int, tuple[bytes, list[int]]] = {}
    first_of: dict[bytes, list[int]] = {}

    def wanted(digest: bytes, hashes: Sequence[int]) -> set[int]:
        if first_of.get(digest):
            return {first_of[digest][0]}
        holders = {numbers[0] for numbers in first_of.values() if numbers}
        return {n for n in holders if any(a == b for a, b in zip(standing[n][1], hashes, strict=True))}

    for step in range(60):
        batch = []
        for _ in range(chance.randrange(5)):
            serial = chance.randrange(30)
            # Texts have bands of their own, each in common with few others.
            batch.append((text(serial), [1000 * band + (serial + band) // 4 for band in range(BANDS)]))
        before = writer.newest
        for place, (one, met) in enumerate(zip(batch, writer.add(*batch, at_ms=step), strict=True)):
            assert set(met) == wanted(*one)
            standing[before + 1 + place] = one
            first_of.setdefault(one[0], []).append(before + 1 + place)
        for number in chance.sample(sorted(standing), min(len(standing), chance.randrange(3))):
            digest, hashes = standing.pop(number)
            first_of[digest].remove(number)
            writer.take_out(number, digest, hashes)
        if not step % 7:
            writer.index = writer.load()
        for serial in range(30, 34):
            hashes = [1000 * band + (serial - 5 + band) // 4 for band in range(BANDS)]
            assert set(writer.ask(text(serial), hashes)) == wanted(text(serial), hashes)
    for number, (digest, hashes) in standing.items():
        writer.take_out(number, digest, hashes)
    assert not writer.pages()


def test_a_cell_for_every_band_and_one_for_the_text(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "_TAIL", 500)
    for start in range(0, 2_000, 100):
        writer.add(*((text(n), distinct(n)) for n in range(start, start + 100)))
    found: Counter[tuple[int, int, int]] = Counter()
    (segment,) = segments(writer.store.one("HGETALL", keys.segments("vi")))
    assert writer.store.one("EXISTS", keys.tail("vi", 1)) == 0
    for name in writer.pages():
        region, low = divmod(int(name.split(b":")[-1]), 1 << segment.bits)
        for hash_, number in struct.iter_unpack("<II", writer.store.one("GET", name)):
            assert hash_ % (1 << segment.bits) == low
            found[number, region, hash_] += 1
    rows = {n: [digest_hash(text(n - 1)), *distinct(n - 1)] for n in range(1, 2_001)}
    assert found == Counter((n, region, hash_) for n, row in rows.items() for region, hash_ in enumerate(row))
