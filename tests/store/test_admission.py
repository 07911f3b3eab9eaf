"""Admission: one atomic step that gives articles their numbers and keeps the order."""

from __future__ import annotations

import struct

from dedup.store import keys, scripts
from dedup.store.connection import Connection
from dedup.store.records import ADD, REMOVE, REPLACE, Document, PendingEntry, Record
from tests.store.admissions import admission, admit, distinct


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


def test_each_language_has_a_line_of_its_own(store: Connection) -> None:
    admit(store, admission("a", distinct(1)), lang="vi")
    admit(store, admission("b", distinct(1)), lang="en")
    assert [entry.number for entry in waiting(store, "en")] == [2]
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


def test_a_revision_may_change_the_language(store: Connection) -> None:
    admit(store, admission("a", distinct(1)), lang="vi")
    admit(store, admission("a", distinct(1), text="other"), lang="en")
    assert [entry.kind for entry in waiting(store, "vi")] == [ADD, REPLACE]
    assert [(entry.kind, entry.old) for entry in waiting(store, "en")] == [(ADD, 1)]


def test_the_text_of_a_removed_article_goes_at_once(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    assert store.one(*scripts.remove("a", now_ms=2_000)) == b"vi"
    assert store.one(*scripts.remove("a", now_ms=2_000)) is None
    assert waiting(store)[-1].kind == REMOVE
    assert store.one("GET", keys.document(1)) is None
    assert admit(store, admission("a", distinct(1))) == [[scripts.ADDED, 2]]


def test_what_the_queue_took_before_a_takedown_is_passed_over(store: Connection) -> None:
    def late(name: str, accepted_us: int | None, *, text: str | None = None) -> list[list[int]]:
        command = scripts.admit("vi", [admission(name, distinct(1), text)], now_ms=1, accepted_us=accepted_us)
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


def test_a_revision_stands_in_line_between_its_neighbours(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    batch = [admission("c", distinct(2)), admission("a", distinct(3), text="anew"), admission("d", distinct(4))]
    assert [status for status, _ in admit(store, *batch)] == [scripts.ADDED, scripts.REVISED, scripts.ADDED]
    steps = [(entry.kind, entry.number) for entry in waiting(store)[1:]]
    assert steps == [(ADD, 2), (REPLACE, 1), (ADD, 3), (ADD, 4)]
