"""Waiting ends with what happened: a later version, a takedown and a dead letter are not waited out.

Where waiting would not end, these tests would fail with the article still pending.
"""

from __future__ import annotations

import pytest

from dedup.errors import DedupError
from dedup.service import Service
from dedup.service.waiting import check


@pytest.fixture
def queue(settings):
    """A service whose queue nobody works on."""
    with Service.open(settings=settings) as service:
        yield service


def test_who_is_overtaken_gets_the_story_of_the_version_that_stands(at_work):
    with Service.open(settings=at_work.settings) as other:
        at_work.push([{"id": "late", "text": "The first version of this article."}])
        other.push([{"id": "late", "text": "The version of another desk, a moment later."}], wait=60.0)
        waited = at_work.wait(["late"], timeout=60)
        assert waited == {"late": other.article("late").story_id}
        assert (waited.overtaken, waited.pending) == (("late",), ())
        receipt = other.push([{"id": "late", "text": "The version of another desk, a moment later."}], wait=60.0)
        assert receipt.waited is not None
        assert receipt.waited.overtaken == (), "pushed again, it is the version that stands"


def test_an_older_version_that_is_admitted_after_a_newer_one_is_overtaken(settings, running, queue):
    queue.push([{"id": "a", "text": "The first version, which a worker takes last."}])
    with Service.open(settings=settings) as other:
        other.push([{"id": "a", "text": "The second version, which the queue took later."}])
        running()
        assert other.wait(["a"], timeout=60).overtaken == ()
        assert queue.wait(["a"], timeout=60).overtaken == ("a",)


def test_who_is_taken_down_on_the_queue_is_not_waited_for(queue):
    queue.push([{"id": "a", "text": "Nobody will see it."}, {"id": "b", "text": "It stays on the queue."}])
    assert not queue.delete("a")
    waited = queue.wait(["a", "b"], timeout=0.5)
    assert (dict(waited), waited.removed, waited.pending) == ({}, ("a",), ("b",))
    assert queue.wait(["a"], timeout=60).removed == ("a",)


def test_who_is_taken_down_after_it_was_seen_is_not_waited_for(at_work):
    with Service.open(settings=at_work.settings) as other:
        at_work.push([{"id": "seen", "text": "Seen, and taken down by somebody else."}], wait=60.0)
        assert other.delete("seen")
        assert at_work.wait(["seen"], timeout=60).removed == ("seen",)
        at_work.push([{"id": "seen", "text": "Seen, and taken down by somebody else."}])
        assert set(at_work.wait(["seen"], timeout=60)) == {"seen"}, "a takedown from before does not count"


def test_one_that_goes_does_not_end_the_wait_for_the_others(queue):
    names = [f"a{n}" for n in range(600)]
    queue.push([{"id": name, "text": f"Text of {name}."} for name in names])
    for name in names[:300]:
        queue.delete(name)
    waited = queue.wait(names, timeout=0.5)
    assert (waited.removed, waited.pending) == (tuple(names[:300]), tuple(names[300:]))


def test_who_became_a_dead_letter_is_not_waited_for(queue):
    article = {"id": "a", "text": "Its worker will fail."}
    queue.bury([article], "an earlier bug")
    queue.push([article])
    assert queue.wait(["a"], timeout=0.2).pending == ("a",), "the letter is of a version before"
    queue.bury([article], "a bug")
    waited = queue.wait(["a"], timeout=60)
    assert waited.dead == ("a",)
    with pytest.raises(DedupError, match="dedup dead list"):
        check(waited, 60)
