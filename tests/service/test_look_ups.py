"""A look-up beside a busy store waits in every round trip: an article and a story are each answered in one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

import pytest

from dedup.service import Service
from dedup.service.evidence import MOST_KEPT, Explained

WORDS = "the harbour of the old town burned for six hours on monday night before firemen from nine districts put it out"
LONG = " ".join(Random(1).choices(WORDS.split(), k=300))
#: One event in other words: linked by a story, not by a text.
REPORTS = {
    "first": "The harbour of Kaltenburg burned on 3 March 2024. Mayor Ilse Brandt said that nine firemen were hurt. "
    * 3,
    "second": "Nine firemen were hurt when a fire destroyed Kaltenburg harbour on 3 March 2024, Ilse Brandt said. " * 3,
}


@contextmanager
def round_trips(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Commands of each round trip made meanwhile."""
    trips: list[int] = []
    execute = service.connection.execute

    def counted(step):
        trips.append(len(step))
        return execute(step)

    with monkeypatch.context() as patched:
        patched.setattr(service.connection, "execute", counted)
        yield trips


def test_an_article_and_its_story_take_a_round_trip_each(put, monkeypatch) -> None:
    service = put(a=LONG, b=LONG.upper(), **REPORTS)
    for name in ("a", "b", *REPORTS):
        with round_trips(service, monkeypatch) as trips:
            view = service.article(name)
        assert trips == [1]
        with round_trips(service, monkeypatch) as trips:
            story = service.story(view.story_id)
        assert trips == [1]
        assert name in {member.id for member in story.members}
    assert service.article("second").relation == "report"
    assert service.article("second").links[0].evidence.shared_names


@pytest.mark.parametrize("room", [MOST_KEPT, 0])
def test_evidence_is_the_same_when_it_is_asked_for_again_whether_it_was_kept_or_not(put, room: int) -> None:
    service = put(**REPORTS)
    service.reader.explained = Explained(room)
    name = service.article("second").story_id

    fresh, again = service.story(name), service.story(name)

    assert fresh == again
    assert fresh.links[0].evidence.agreeing
    assert fresh.links[0].evidence.terms


def test_a_story_of_more_members_than_one_trip_holds_is_told_whole(put, monkeypatch) -> None:
    service = put(*({"id": f"a{n:03}", "text": LONG} for n in range(70)))
    with round_trips(service, monkeypatch) as trips:
        story = service.story(service.article("a000").story_id)
    assert len(trips) == 3, "the article's, the story's, and one for the members left"
    assert [member.id for member in story.members] == [f"a{n:03}" for n in range(70)]
    assert all(member.lead for member in story.members)
    assert len(story.links) == 69


def test_what_is_left_of_a_story_is_its_name(put) -> None:
    service = put(a=LONG)
    name = service.article("a").story_id
    service.delete("a")
    service.assign()
    story = service.story(name)
    assert (story.members, story.articles) == ((), 0)
    assert [event.kind for event in story.history] == ["story.removed"]
