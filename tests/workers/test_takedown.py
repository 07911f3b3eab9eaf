"""What is taken down while it is on the queue never appears; of two versions on it the one pushed last stands."""

from __future__ import annotations

import pytest

from dedup.errors import NotFound
from dedup.service import Service, broker


def test_taken_down_on_the_queue_it_never_appears(settings, running):
    with Service.open(settings=settings) as before:
        before.push([{"id": "a", "text": "The first version."}, {"id": "b", "text": "Another article."}])
        before.push([{"id": "a", "text": "The second version, on the queue like the first."}])
        assert not before.delete("a"), "no worker has seen it yet"
        before.push([{"id": "c", "text": "Pushed, taken down, and pushed again."}])
        assert not before.delete("c")
        before.push([{"id": "c", "text": "Pushed, taken down, and pushed again."}])
        assert before.status().queue == 4
        service = running()
        assert set(service.wait(["b", "c"], timeout=60)) == {"b", "c"}
        service.push([{"id": "end", "text": "Behind all others on the queue."}], wait=60.0)
        with pytest.raises(NotFound):
            service.article("a")
        assert service.article("c").revision == 1
        assert service.status().articles == 3
        events = [change.article_id for change in service.changes().items if change.kind.startswith("article.")]
        assert sorted(events) == ["b", "c", "end"]


def test_a_message_delivered_again_does_not_bring_it_back(at_work):
    service = at_work
    before = service.connection.one("TIME")
    article = {"id": "again", "text": "Its worker is killed after the commit, so its message comes again."}
    service.push([article], wait=60.0)
    assert service.delete("again")
    taken = int(before[0]) * 1_000_000 + int(before[1])
    broker.send(service.app, broker.INGEST, [[article]], accepted_us=taken)
    service.push([{"id": "end", "text": "Behind it on the queue."}], wait=60.0)
    with pytest.raises(NotFound):
        service.article("again")


def test_an_older_version_delivered_again_does_not_take_the_place_of_a_newer_one(at_work):
    service = at_work
    second, microseconds = service.connection.one("TIME")
    first = {"id": "twice", "text": "The first version, whose worker is killed after the commit."}
    service.push([first], wait=60.0)
    service.push([{"id": "twice", "text": "The second version."}], wait=60.0)
    broker.send(service.app, broker.INGEST, [[first]], accepted_us=int(second) * 1_000_000 + int(microseconds))
    service.push([{"id": "end3", "text": "Behind it on the queue."}], wait=60.0)
    assert service.article("twice", text=True).text == "The second version."
    service.push([first], wait=60.0)
    assert service.article("twice").revision == 3, "pushed anew, it is the newest"


def test_of_versions_pushed_together_the_last_stands(at_work):
    service = at_work
    versions = [{"id": "often", "text": f"Version {n} of the same article."} for n in range(40)]
    service.push(versions, batch=1, wait=60.0)
    service.push(versions[:5], batch=1)
    service.push([versions[30]], batch=1, wait=60.0)
    service.push([{"id": f"behind{n}", "text": f"Behind it, number {n}."} for n in range(8)], batch=1, wait=60.0)
    assert service.article("often", text=True).text == versions[30]["text"]


def test_a_dead_letter_from_before_the_takedown_stays_dead(at_work):
    service = at_work
    service.bury([{"id": "dead", "text": "It was the fault of the worker."}], "a bug")
    assert not service.delete("dead")
    assert service.retry_dead() == 1
    service.push([{"id": "end2", "text": "Behind it on the queue."}], wait=60.0)
    with pytest.raises(NotFound):
        service.article("dead")


@pytest.mark.parametrize("said", [True, "soon", -1, 2**60, 1.5, None])
def test_a_header_that_tells_no_time_is_ignored(said):
    assert broker.accepted({broker.ACCEPTED: said}) == {}
