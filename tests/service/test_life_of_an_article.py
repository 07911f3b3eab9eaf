"""An article comes, changes, goes and comes again; what belongs to it follows."""

from __future__ import annotations

from random import Random

import pytest

from dedup.errors import NotFound

WORDS = "the harbour of the old town burned for six hours on monday night before firemen from nine districts put it out"
LONG = " ".join(Random(1).choices(WORDS.split(), k=300))


def edit(text: str, every: int = 40) -> str:
    words = text.split()
    return " ".join("changed" if place % every == 5 else word for place, word in enumerate(words))


def kinds(service, **options):
    return [change.kind for change in service.changes(limit=1000, **options).items]


def test_a_copy_an_edit_and_another_text(put) -> None:
    service = put(
        a=LONG, b=LONG.upper(), c=edit(LONG), d="Something else entirely was said in parliament today about fish."
    )
    a, b, c, d = (service.article(name) for name in "abcd")
    assert (a.relation, b.relation, c.relation, d.relation) == ("original", "identical", "near_duplicate", "original")
    assert a.duplicate_group_id == b.duplicate_group_id == c.duplicate_group_id != d.duplicate_group_id
    assert a.story_id == b.story_id == c.story_id != d.story_id
    assert {view.id: view.relation for view in service.duplicates("a")} == {"b": "identical", "c": "near_duplicate"}
    assert 0.7 <= c.score < 1.0
    assert (service.status().articles, service.status().groups, service.status().stories) == (4, 2, 2)


def test_the_same_article_twice_is_no_change(put) -> None:
    service = put(a=LONG)
    before = kinds(service)
    service = put(a=LONG)
    assert kinds(service) == before
    assert service.article("a").revision == 1


def test_another_content_is_a_new_revision_and_moves(put) -> None:
    service = put(a=LONG, b=LONG)
    service = put(b="Parliament voted on fish today and nobody was surprised by the outcome of the vote.")
    b = service.article("b")
    assert (b.revision, b.relation) == (2, "original")
    assert service.duplicates("a") == ()
    assert b.story_id != service.article("a").story_id
    assert kinds(service).count("article.updated") == 1
    assert "article.removed" not in kinds(service)
    assert service.status().articles == 2


def test_a_revision_of_the_only_member_keeps_its_story(put) -> None:
    service = put(a=LONG)
    story = service.article("a").story_id
    service = put(a=edit(LONG))
    assert service.article("a").story_id == story
    assert service.story(story).articles == 1


def test_a_removed_article_is_gone_and_its_place_is_taken(put) -> None:
    service = put(a=LONG, b=LONG, c=edit(LONG))
    story = service.article("a").story_id
    assert service.delete("a")
    assert not service.delete("a")
    with pytest.raises(NotFound):
        service.article("a")
    view = service.story(story)
    assert {member.id for member in view.members} == {"b", "c"}
    assert view.canonical_id in {"b", "c"}
    assert service.article("b").duplicate_group_id == service.article("c").duplicate_group_id
    assert service.article("c").relation == "near_duplicate"
    told = ["article.updated", "article.updated", "article.removed", "story.changed", "story.canonical"]
    assert kinds(service)[-5:] == told
    service = put(d=LONG)
    assert service.article("d").relation == "identical"


def test_the_last_member_leaves_an_empty_story_that_still_resolves(put) -> None:
    service = put(a=LONG)
    story = service.article("a").story_id
    service.delete("a")
    view = service.story(story)
    assert (view.articles, view.members, view.open) == (0, (), False)
    assert kinds(service)[-1] == "story.removed"
    assert service.stories().items == ()
    service = put(a=LONG)
    assert service.article("a").story_id == story
    assert service.story(story).articles == 1


def test_removed_while_it_waited_it_never_appears(service) -> None:
    service.ingest([{"id": "a", "text": LONG}, {"id": "b", "text": LONG}])
    from dedup.store import scripts

    service.connection.one(*scripts.remove("a", now_ms=1))
    assert service.article("b").state == "pending"
    service.assign()
    with pytest.raises(NotFound):
        service.article("a")
    assert service.article("b").relation == "original"
    assert [c.article_id for c in service.changes().items if c.kind == "article.added"] == ["b"]


def test_nothing_is_left_of_articles_that_are_all_gone(put) -> None:
    texts = {f"x{n}": edit(LONG, 30 + n) for n in range(6)} | {f"y{n}": LONG for n in range(4)}
    service = put(**texts)
    for name in texts:
        assert service.delete(name)
    kept = {key.split(b":")[1].decode() for key in service.connection.client.scan_iter()}
    assert kept <= {
        "schema",
        "seq",
        "counts",
        "langs",
        "feed",
        "pos",
        "fence",
        "lsh",
        "rate",
        "taken",
        "totals",
        "s",
        "j",
        "r",
        "sh",
        "live",
    }
    assert service.status().articles == service.status().groups == service.status().stories == 0
