"""A store that keeps no texts: near-duplicates are told by their signatures, everything else goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dedup.errors import NotFound
from dedup.service import Service
from dedup.settings import Settings
from dedup.store import keys
from dedup.store.records import Document
from tests.service.test_life_of_an_article import LONG, edit

OTHER = "Parliament voted on fish today and nobody was surprised by the outcome of the vote. " * 4


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    where = {"store.url": f"embedded:{tmp_path / 'store'}", "store.keep_text": False}
    with Service.open(settings=Settings.load(environ={}, overrides=where)) as opened:
        yield opened


def test_no_text_is_in_the_store(put, service) -> None:
    put({"id": "a", "title": "Fire", "text": LONG, "metadata": {"desk": 7}})
    kept = Document(service.connection.one("GET", keys.document(1))).raw()
    assert kept == {"id": "a", "title": "Fire", "metadata": {"desk": 7}}
    assert LONG[:40].encode() not in service.connection.one("GET", keys.record(1))
    view = service.article("a", text=True)
    assert (view.title, view.text, view.metadata) == ("Fire", None, {"desk": 7})


def test_copies_and_edits_are_found_and_others_are_not(put) -> None:
    service = put(a=LONG, b=LONG.upper(), c=edit(LONG), d=OTHER)
    a, b, c, d = (service.article(name) for name in "abcd")
    assert (a.relation, b.relation, c.relation, d.relation) == ("original", "identical", "near_duplicate", "original")
    assert 0.7 <= c.score < 1.0
    story = service.story(a.story_id)
    assert {member.id for member in story.members} == {"a", "b", "c"}
    assert not any(member.lead for member in story.members)
    assert {link.relation for link in story.links} == {"identical", "near_duplicate"}


def test_reports_of_one_event_are_linked_by_their_features(put, service) -> None:
    from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON

    put(*FIRE_HANOI, *FIRE_SAIGON)
    one, two = (service.article(article.id) for article in FIRE_HANOI)
    assert one.story_id == two.story_id != service.article(FIRE_SAIGON[0].id).story_id
    (link,) = service.story(one.story_id).links
    assert link.relation == "report"
    assert link.evidence.probability > 0.5


def test_a_text_that_is_only_asked_about_is_judged_too(put, service) -> None:
    put(a=LONG, d=OTHER)
    for text, relation in ((LONG, "identical"), (edit(LONG), "near_duplicate")):
        view = service.match({"text": text})
        assert [(found.id, found.relation) for found in view.duplicates] == [("a", relation)]
        assert view.story_id == service.article("a").story_id
    with pytest.raises(NotFound, match="not kept"):
        service.compare("a", "d")


def test_who_loses_the_representative_is_verified_anew(put, service) -> None:
    put(a=LONG, b=LONG, c=edit(LONG))
    service.delete("a")
    b, c = service.article("b"), service.article("c")
    assert b.duplicate_group_id == c.duplicate_group_id
    assert c.relation == "near_duplicate"


def test_the_nightly_job_keeps_what_was_found(put, service) -> None:
    put(a=LONG, b=LONG.upper(), c=edit(LONG), d=OTHER)
    before = {name: service.article(name) for name in "abcd"}
    assert service.nightly(force=True)["state"] == "done"
    for name, view in before.items():
        after = service.article(name)
        assert (after.duplicate_group_id, after.story_id) == (view.duplicate_group_id, view.story_id)
