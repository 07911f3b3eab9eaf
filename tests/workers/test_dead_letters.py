"""What cannot be processed ends in the dead-letter list with its reason, and the queue goes on."""

from __future__ import annotations

import pytest

from tests.eventually import eventually


@pytest.fixture
def empty(at_work):
    """The shared service, without dead letters."""
    at_work.purge_dead()
    return at_work


def settled(service, count):
    """The dead letters, once there are so many."""

    def enough():
        letters = service.dead_letters(limit=100).items
        return letters if len(letters) >= count else ()

    return eventually(enough)


def test_an_article_that_kills_its_worker_is_buried_and_the_others_live(running):
    service = running(app="tests.workers.poisoned")
    articles = [
        {"id": f"a{n}", "text": f"Article number {n} of the batch, with its own words {n * 7}."} for n in range(20)
    ]
    articles[7]["text"] = "POISON that no worker survives"
    others = [article["id"] for article in articles if article["id"] != "a7"]
    service.push(articles, batch=20)
    found = service.wait(others, timeout=60)
    assert set(found) == set(others)
    (letter,) = settled(service, 1)
    assert letter.article_id == "a7"
    assert letter.tries == service.settings.queue.tries
    assert "killed its worker" in letter.reason
    assert letter.article["text"].startswith("POISON")
    service.push([{"id": "after", "text": "Life goes on."}], wait=60.0)


def test_what_is_no_list_of_articles_is_buried(empty):
    service = empty
    service.app.send_task("dedup.ingest", args=["no list"])
    service.app.send_task("dedup.ingest", args=[{"id": "a", "text": "an article, but not in a list"}])
    service.app.send_task("dedup.ingest", args=[[], []])
    service.app.send_task("dedup.ingest", kwargs={"articles": []})
    service.app.send_task("dedup.ingest", args=[[{"id": "bad"}, 17, None, {"id": "ok", "text": "good text"}]])
    service.app.send_task("nobody.knows", args=[1])
    assert set(service.wait(["ok"], timeout=60)) == {"ok"}
    reasons = [letter.reason for letter in settled(service, 7)]
    assert len(reasons) == 7
    assert any(reason == "text: missing" for reason in reasons)
    assert any("no task of that name" in reason for reason in reasons)
    assert sum("takes one argument" in reason for reason in reasons) == 3


def test_a_body_that_is_not_json_is_buried(empty):
    service = empty
    with service.app.producer_pool.acquire() as producer:
        for body, kind in ((b"\x80\x04not json", "application/x-python-serialize"), (b"{broken", "application/json")):
            producer.publish(
                body,
                routing_key="dedup.ingest",
                content_type=kind,
                content_encoding="utf-8",
                headers={"task": "dedup.ingest", "id": kind},
                serializer=None,
            )
    assert len(settled(service, 2)) == 2
    service.push([{"id": "after", "text": "Life goes on."}], wait=60.0)


def test_a_dead_letter_can_be_retried_and_purged(empty):
    service = empty
    service.bury([{"id": "a", "text": "it was the fault of the worker"}, {"id": "b"}], "a bug")
    names = {letter.article_id: letter.id for letter in service.dead_letters().items}
    assert service.retry_dead([names["a"]]) == 1
    assert set(service.wait(["a"], timeout=60)) == {"a"}
    assert [letter.article_id for letter in service.dead_letters().items] == ["b"]
    assert service.purge_dead() == 1
    assert service.dead_letters().items == ()
