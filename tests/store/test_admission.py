"""Admission: one atomic step that inserts bands, looks candidates up and keeps the order."""

from __future__ import annotations

import struct
from multiprocessing import get_context

import pytest

from dedup.settings import StoreSettings
from dedup.store import keys, scripts
from dedup.store.connection import Connection
from dedup.store.records import ADD, REMOVE, REPLACE, Document, PendingEntry, Record
from tests.store.admissions import BANDS, SPAN, admission, admit, distinct


def waiting(store: Connection, lang: str = "vi") -> list[PendingEntry]:
    return [PendingEntry.unpack(item) for item in store.one("LRANGE", keys.pending(lang), 0, -1)]


def record(store: Connection, number: int) -> Record:
    return Record.unpack(number, store.one("GET", keys.record(number)))


def test_an_article_is_stored_as_it_came(store: Connection) -> None:
    assert admit(store, admission("a", distinct(1))) == [[scripts.ADDED, 1]]
    kept = record(store, 1)
    assert (kept.id, kept.revision, kept.retired, kept.lang) == ("a", 1, False, "vi")
    assert struct.unpack("<8I", kept.bands) == tuple(distinct(1))
    assert kept.features == b"features"
    assert Document(store.one("GET", keys.document(1))).text == "text of a"


def test_a_version_older_than_the_one_that_stands_changes_nothing(store: Connection) -> None:
    first, second = admission("a", distinct(1), "first"), admission("a", distinct(2), "second")
    assert admit(store, second, accepted=20) == [[scripts.ADDED, 1]]
    assert admit(store, first, accepted=10) == [[scripts.UNCHANGED, 1]]
    assert record(store, 1).content == second.content
    assert admit(store, second, accepted=40) == [[scripts.UNCHANGED, 1]], "pushed again, it is as new as that push"
    assert admit(store, first, accepted=30) == [[scripts.UNCHANGED, 1]]
    assert admit(store, first, accepted=50) == [[scripts.REVISED, 2]]
    assert record(store, 2).accepted_us == 50
    assert len(waiting(store)) == 3


def test_the_same_article_again_changes_nothing(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    assert admit(store, admission("a", distinct(1))) == [[scripts.UNCHANGED, 1]]
    assert len(waiting(store)) == 1


def test_who_shares_a_band_is_met_most_shared_first(store: Connection) -> None:
    one, two = distinct(1), distinct(2)
    admit(store, admission("a", one), admission("b", two))
    admit(store, admission("c", one[:2] + two[2:]))
    assert waiting(store)[2].candidates == ((2, 6), (1, 2))


def test_in_one_batch_the_later_meets_the_earlier(store: Connection) -> None:
    admit(store, admission("a", distinct(1)), admission("b", distinct(1)))
    first, second = waiting(store)
    assert first.candidates == ()
    assert second.candidates == ((1, BANDS),)


def test_the_same_text_takes_no_room_in_the_index(store: Connection) -> None:
    admit(store, admission("a", distinct(1), text="x"), admission("b", distinct(1), text="x"))
    assert waiting(store)[1].candidates == ((1, 255),)
    assert record(store, 2).bands == b""


def test_languages_do_not_meet(store: Connection) -> None:
    admit(store, admission("a", distinct(1)), lang="vi")
    admit(store, admission("b", distinct(1)), lang="en")
    assert waiting(store, "en")[0].candidates == ()
    assert store.client.smembers(keys.LANGUAGES) == {b"vi", b"en"}


def test_another_content_under_an_id_is_a_new_revision(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    assert admit(store, admission("a", distinct(2), text="other")) == [[scripts.REVISED, 2]]
    assert [(entry.kind, entry.number, entry.old) for entry in waiting(store)] == [
        (ADD, 1, 0),
        (REPLACE, 1, 0),
        (ADD, 2, 1),
    ]
    assert record(store, 2).revision == 2
    assert record(store, 1).retired
    assert store.one("GET", keys.document(1)) is None
    admit(store, admission("b", distinct(1)))
    assert waiting(store)[-1].candidates == (), "the old revision is met no more"


def test_a_revision_may_change_the_language(store: Connection) -> None:
    admit(store, admission("a", distinct(1)), lang="vi")
    admit(store, admission("a", distinct(1), text="other"), lang="en")
    assert [entry.kind for entry in waiting(store, "vi")] == [ADD, REPLACE]
    assert [(entry.kind, entry.old) for entry in waiting(store, "en")] == [(ADD, 1)]


def test_a_removed_article_leaves_the_index_at_once(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    assert store.one(*scripts.remove("a", now_ms=2_000)) == b"vi"
    assert store.one(*scripts.remove("a", now_ms=2_000)) is None
    assert waiting(store)[-1].kind == REMOVE
    assert store.one("GET", keys.document(1)) is None
    assert not list(store.client.scan_iter("{d}:b:*"))
    assert admit(store, admission("a", distinct(1))) == [[scripts.ADDED, 2]]


def test_what_the_queue_took_before_a_takedown_is_passed_over(store: Connection) -> None:
    def late(name: str, accepted_us: int | None, *, text: str | None = None) -> list[list[int]]:
        command = scripts.admit(
            "vi", [admission(name, distinct(1), text)], now_ms=1, span_ms=SPAN, accepted_us=accepted_us
        )
        answer: list[list[int]] = store.one(*command)
        return answer

    before = store.one(*scripts.clock())
    assert store.one(*scripts.remove("a", now_ms=2_000)) is None
    after = store.one(*scripts.clock())
    assert late("a", before) == [[scripts.TAKEN, 0]]
    assert late("b", before) == [[scripts.ADDED, 1]], "others are not meant"
    assert late("a", after) == [[scripts.ADDED, 2]], "pushed again after the takedown, it is taken in"
    assert late("a", before, text="an older version, delivered late") == [[scripts.TAKEN, 0]]
    assert late("a", None, text="who knows when") == [[scripts.REVISED, 3]]
    assert store.one("ZCARD", keys.TAKEN) == 1


def test_takedowns_are_forgotten_after_their_time(store: Connection) -> None:
    store.one("ZADD", keys.TAKEN, store.one(*scripts.clock()) - scripts.TAKEN_LIFE - 1, b"old")
    store.one("ZADD", keys.TAKEN, store.one(*scripts.clock()) - scripts.TAKEN_LIFE + 10**9, b"not so old")
    store.one(*scripts.remove("a", now_ms=2_000))
    assert b"old" not in (kept := store.one("ZRANGE", keys.TAKEN, 0, -1))
    assert len(kept) == 2


def test_a_copy_inherits_the_place_of_the_one_that_leaves(store: Connection) -> None:
    admit(store, *(admission(name, distinct(1), text="x") for name in "abc"))
    store.one(*scripts.remove("a", now_ms=2_000))
    assert struct.unpack("<8I", record(store, 2).bands) == tuple(distinct(1))
    admit(store, admission("near", distinct(1)[:4] + distinct(9)[4:]), admission("d", distinct(1), text="x"))
    near, copy = waiting(store)[-2:]
    assert near.candidates == ((2, 4),)
    assert copy.candidates == ((2, 255),)


def test_a_hot_bucket_keeps_the_newest_and_stays_small(store: Connection) -> None:
    hot = distinct(1)[:1]
    for number in range(100):
        admit(store, admission(f"a{number}", hot + distinct(100 + number)[1:]))
    last = waiting(store)[-1]
    assert [number for number, _ in last.candidates] == list(range(84, 100))
    page = store.one("GET", keys.page("vi", 1, keys.PAGE_BITS, hot[0] % 2**keys.PAGE_BITS))
    assert sum(cell[:2] == (hot[0] >> 16, 1) for cell in struct.iter_unpack("<HBI", page)) == 16


def test_look_ups_go_through_all_segments(store: Connection) -> None:
    old = scripts.admit("vi", [admission("a", distinct(1))], now_ms=1_000, span_ms=500)
    new = scripts.admit("vi", [admission("b", distinct(1))], now_ms=2_000, span_ms=500)
    store.execute([old, new])
    assert set(store.client.hkeys(keys.segments("vi"))) == {b"n", b"1", b"2"}
    assert waiting(store)[1].candidates == ((1, BANDS),)


def test_a_band_is_a_cell_on_the_page_of_its_hash(store: Connection) -> None:
    for start in range(0, 2_000, 100):
        admit(store, *(admission(f"a{n}", distinct(n)) for n in range(start, start + 100)))
    places = {keys.page("vi", 1, keys.PAGE_BITS, place): place for place in range(2**keys.PAGE_BITS)}
    found = [
        (number - 1, band, places[name] + 2**keys.PAGE_BITS * high)
        for name in store.client.scan_iter("{d}:b:*", count=5000)
        for high, band, number in struct.iter_unpack("<HBI", store.one("GET", name))
    ]
    assert len(found) == 2_000 * (BANDS + 1), "a cell for every band, and one for the text"
    bands = [cell for cell in found if cell[1] > 0]
    assert sorted(bands) == sorted((n, band, hash) for n in range(2_000) for band, hash in enumerate(distinct(n), 1))


def test_bands_of_one_article_share_a_page_while_it_is_short_and_when_it_is_long(store: Connection) -> None:
    # Hashes of one lower half lie on one page; four articles there make it long.
    hashes = [[(8 * n + band) << 16 | 7 for band in range(BANDS)] for n in range(6)]
    for n in range(6):
        admit(store, admission(f"a{n}", hashes[n]))
    cells = struct.iter_unpack("<HBI", store.one("GET", keys.page("vi", 1, keys.PAGE_BITS, 7)))
    wanted = [(8 * n + band, band + 1, n + 1) for n in range(6) for band in range(BANDS)]
    assert [cell for cell in cells if cell[1] > 0] == wanted
    admit(store, admission("last", hashes[0][:4] + hashes[5][4:]))
    assert waiting(store)[6].candidates == ((1, 4), (6, 4))


def test_after_a_full_segment_comes_one_of_more_pages(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    store.one("HSET", keys.segments("vi"), "1", "16 1 1 1000 1000")  # as if it had room for one article
    admit(store, admission("b", distinct(1)), admission("c", distinct(2)))
    assert [entry.candidates for entry in waiting(store)] == [(), ((1, BANDS),), ()]
    assert store.one("HGET", keys.segments("vi"), "2").split()[0] == b"19"
    pages = set(keys.segment_pages("vi", 2, 19))
    assert all(name in pages for name in store.client.scan_iter("{d}:b:vi:2:*"))
    admit(store, admission("d", distinct(1)), admission("copy", distinct(2), text="text of c"))
    assert [entry.candidates for entry in waiting(store)[3:]] == [((1, BANDS), (2, BANDS)), ((3, 255),)]
    store.one(*scripts.remove("c", now_ms=2_000))
    assert record(store, 5).bands, "its copy stands in its place"
    for name in ("a", "b", "d", "copy"):
        store.one(*scripts.remove(name, now_ms=2_000))
    assert not list(store.client.scan_iter("{d}:b:*"))


def _admit_from_a_process(settings: StoreSettings, names: list[str]) -> None:
    connection = Connection(settings)
    for name in names:
        admit(connection, admission(name, distinct(int(name[1:]))))
    connection.client.close()


@pytest.mark.parametrize("pairs", [300])
def test_of_two_admitted_at_once_one_sees_the_other(
    store: Connection, store_settings: StoreSettings, pairs: int
) -> None:
    context = get_context("spawn")
    work = [[f"{side}{n}" for n in range(1, pairs + 1)] for side in "xy"]
    running = [context.Process(target=_admit_from_a_process, args=(store_settings, names)) for names in work]
    for process in running:
        process.start()
    for process in running:
        process.join()
        assert process.exitcode == 0
    met = [candidate for entry in waiting(store) for candidate in entry.candidates]
    assert len(met) == pairs


def test_a_revision_stands_in_line_between_its_neighbours(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    batch = [admission("c", distinct(2)), admission("a", distinct(3), text="anew"), admission("d", distinct(4))]
    assert [status for status, _ in admit(store, *batch)] == [scripts.ADDED, scripts.REVISED, scripts.ADDED]
    steps = [(entry.kind, entry.number) for entry in waiting(store)[1:]]
    assert steps == [(ADD, 2), (REPLACE, 1), (ADD, 3), (ADD, 4)]
