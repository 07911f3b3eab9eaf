"""One decides for a language at a time, and a commit happens once."""

from __future__ import annotations

import time

import pytest

from dedup.errors import FencedOut
from dedup.store import keys, scripts
from dedup.store.connection import Connection
from dedup.store.lease import take
from dedup.store.records import Event
from tests.eventually import eventually
from tests.store.admissions import admission, admit, distinct

EVENT = Event("article.added", "a", "s1", {"relation": "original"})


def test_a_lease_is_held_by_one(store: Connection) -> None:
    first = take(store, "vi", "one", life=5)
    assert first is not None
    assert take(store, "vi", "two", life=5) is None
    assert take(store, "en", "two", life=5) is not None, "another language, another lease"
    first.release()
    second = take(store, "vi", "two", life=5)
    assert second is not None
    assert second.token > first.token


def test_a_take_whose_answer_was_lost_finds_its_own_lease(store: Connection) -> None:
    first, again = take(store, "vi", "one", life=5), take(store, "vi", "one", life=5)
    assert first is not None
    assert again is not None
    assert again.token == first.token


def test_a_holder_past_its_lease_changes_nothing(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    asleep = take(store, "vi", "asleep", life=0.05)
    assert asleep is not None
    time.sleep(0.1)
    other = take(store, "vi", "other", life=5)
    assert other is not None
    before = store.client.dbsize()
    with pytest.raises(FencedOut):
        asleep.commit(1, [("SET", "{d}:evil", 1)], [EVENT])
    assert store.client.dbsize() == before
    assert store.one("EXISTS", "{d}:evil") == 0
    assert store.one("LLEN", keys.pending("vi")) == 1
    assert store.one("XLEN", keys.FEED) == 0
    other.commit(1, [("SET", "{d}:good", 1)], [EVENT])
    assert store.one("LLEN", keys.pending("vi")) == 0


def test_a_holder_past_its_lease_may_commit_while_nobody_followed(store: Connection) -> None:
    asleep = take(store, "vi", "asleep", life=0.05)
    assert asleep is not None
    time.sleep(0.1)
    asleep.commit(0, [("SET", "{d}:late", 1)], [])
    assert store.one("GET", "{d}:late") == b"1"


@pytest.mark.parametrize("ahead", [0, 10])
def test_a_commit_sent_twice_is_done_once(store: Connection, monkeypatch: pytest.MonkeyPatch, ahead: int) -> None:
    admit(store, admission("a", distinct(1)), admission("b", distinct(2)))
    lease = take(store, "vi", "one", life=5)
    assert lease is not None
    send = store._send
    sent = []

    def lose_the_first_answer(step):
        replies = send(step)
        if not sent:
            sent.append(step)
            raise ConnectionError("the answer was lost")
        return replies

    monkeypatch.setattr(store, "_send", lose_the_first_answer)
    lease.commit(1, [("INCR", "{d}:n")], [EVENT], ahead=ahead)
    assert sent
    assert [entry.number for entry in lease.pending(10)] == [2]
    assert store.one("GET", "{d}:n") == b"1"
    assert store.one("LLEN", keys.pending("vi")) == 1
    assert store.one("XLEN", keys.FEED) == 1
    lease.commit(1, [("INCR", "{d}:n")], [EVENT])
    assert store.one("GET", "{d}:n") == b"2"


def test_a_commit_reads_what_comes_next(store: Connection) -> None:
    admit(store, *(admission(name, distinct(n)) for n, name in enumerate("abcd", 1)))
    lease = take(store, "vi", "one", life=5)
    assert lease is not None
    assert [entry.number for entry in lease.pending(1)] == [1]
    lease.commit(1, [], [], ahead=2)
    admit(store, admission("e", distinct(5)))
    assert [entry.number for entry in lease.pending(2)] == [2, 3]
    assert [entry.number for entry in lease.pending(9)] == [2, 3, 4, 5], "what was read ahead is given once"


def test_who_waits_is_named_once(store: Connection) -> None:
    def waiting() -> list[bytes]:
        return list(store.one(*scripts.wake(life_ms=60_000)))

    assert waiting() == []
    admit(store, admission("a", distinct(1)), lang="vi")
    admit(store, admission("b", distinct(2)), lang="en")
    assert waiting() == [b"en", b"vi"]
    assert waiting() == [], "somebody was told"
    store.one("DEL", keys.wake("en"))
    assert waiting() == [b"en"], "who begins takes the note away"


def test_events_stand_in_the_histories_they_name(store: Connection) -> None:
    lease = take(store, "vi", "one", life=5)
    assert lease is not None
    lease.commit(0, [], [Event("story.merged", None, "s1", {}, (3, 4))])
    ids = [name for name, _ in store.one("XRANGE", keys.FEED, "-", "+")]
    assert store.one("LRANGE", keys.story_history(3), 0, -1) == ids
    assert store.one("LRANGE", keys.story_history(4), 0, -1) == ids


def test_renewal_tells_of_a_lost_lease(store: Connection) -> None:
    lease = take(store, "vi", "one", life=0.06)
    assert lease is not None
    time.sleep(0.1)
    with pytest.raises(FencedOut):
        lease.renew()


def test_scripts_come_back_after_a_flush(store: Connection) -> None:
    admit(store, admission("a", distinct(1)))
    store.client.script_flush()
    assert admit(store, admission("b", distinct(2))) == [[scripts.ADDED, 2]]


def test_a_lease_is_kept_while_its_holder_works(store: Connection) -> None:
    lease = take(store, "vi", "one", life=2)
    assert lease is not None
    left = [2000]

    def renewed() -> bool:
        left.append(store.one("PTTL", keys.lease("vi")))
        return left[-1] > left[-2]

    with lease.kept():
        for _ in range(2):
            eventually(renewed, pause=0.01)
        assert take(store, "vi", "two", life=5) is None
        lease.commit(0, [], [])
    assert eventually(lambda: take(store, "vi", "two", life=5)), "it is kept no longer than the work lasts"
