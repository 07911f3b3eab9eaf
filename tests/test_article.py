"""What an article accepts, refuses and derives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.article import MAX_TEXT, Article
from dedup.errors import ArticleError


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": " \n\t "}, "text"),
        ({"text": None}, "text"),
        ({"text": 5}, "text"),
        ({"text": ["a"]}, "text"),
        ({"text": "lone \ud800 surrogate"}, "text"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text"),
        ({"text": "a", "title": 3}, "title"),
        ({"text": "a", "url": "not a url"}, "url"),
        ({"text": "a", "url": "javascript:alert(1)"}, "url"),
        ({"text": "a", "url": "http://[bad"}, "url"),
        ({"text": "a", "published_at": "2015-02-30"}, "published_at"),
        ({"text": "a", "published_at": "yesterday"}, "published_at"),
        ({"text": "a", "published_at": 1440115200}, "published_at"),
        ({"text": "a", "published_at": "0001-01-01T00:00:00+14:00"}, "published_at"),
        ({"text": "a", "lang": "Vietnamese, please"}, "lang"),
        ({"text": "a", "metadata": []}, "metadata"),
        ({"text": "a", "metadata": {"x": float("nan")}}, "metadata"),
        ({"text": "a", "id": "white space"}, "id"),
        ({"text": "a", "id": "x" * 300}, "id"),
        ({"text": "a", "tilte": "misspelt"}, "tilte"),
    ],
)
def test_what_is_wrong_is_refused_by_field(raw, field):
    with pytest.raises(ArticleError) as caught:
        Article.from_dict(raw)
    assert caught.value.field == field
    assert field in str(caught.value)


@pytest.mark.parametrize("raw", [None, 3, "text", ["a"]])
def test_only_an_object_is_an_article(raw):
    with pytest.raises(ArticleError, match="expected a JSON object"):
        Article.from_dict(raw)


def test_control_characters_become_spaces():
    assert Article(text="a\x00b\x1bc\nd").text == "a b c\nd"


def test_a_time_without_zone_is_utc_and_all_times_are_kept_in_utc():
    assert Article(text="a", published_at="2015-08-21").published_at == datetime(2015, 8, 21, tzinfo=UTC)
    assert Article(text="a", published_at="2015-08-21T09:00:00+07:00").published_at == datetime(
        2015, 8, 21, 2, tzinfo=UTC
    )


def test_a_missing_id_is_derived_from_the_url_first_then_from_the_content():
    url = "https://example.org/1"
    assert Article(text="a", url=url).id == Article(text="b", url=url).id
    assert Article(text="a").id == Article(text="a").id != Article(text="b").id
    assert Article(text="a", id="mine").id == "mine"
    assert Article(text="a", id=7).id == "7"


def test_the_source_is_the_host_of_the_url_unless_given():
    assert Article(text="a", url="https://www.Example.org:80/x").source == "example.org"
    assert Article(text="a", url="https://www.example.org/x", source="Example").source == "Example"


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(lambda s: not s.isspace())


@given(
    text=TEXTS,
    title=st.none() | TEXTS,
    at=st.none() | st.datetimes(timezones=st.just(UTC)),
    meta=st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), st.integers() | st.booleans(), max_size=3),
)
def test_an_article_survives_the_queue(text, title, at, meta):
    article = Article(text=text, title=title, published_at=at, metadata=meta)
    again = Article.from_dict(article.to_dict())
    assert again == article
    assert again.content_hash == article.content_hash


@given(TEXTS, TEXTS)
def test_the_content_hash_tells_fields_apart(a, b):
    same = Article(text=a, title=" ".join(b.split()) or None, id="x")
    assert (same.content_hash == Article(text=a, id="x").content_hash) == (same.title is None)
    assert same.content_hash == Article(text=a, title=same.title, id="y").content_hash
