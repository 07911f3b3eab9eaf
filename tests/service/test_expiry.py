"""What is old leaves matching and growing, and stays where it is."""

from __future__ import annotations

from random import Random

WORDS = "the harbour of the old town burned for six hours on monday night before firemen from nine districts put it out"
TEXT = " ".join(Random(1).choices(WORDS.split(), k=200))
DAY = 86_400_000


def now_ms(service) -> int:
    return round(service.article("a").received_at.timestamp() * 1000)


def test_nothing_young_expires(put) -> None:
    service = put(a=TEXT)
    assert service.expire() == {"segments": 0, "representatives": 0}


def test_after_the_window_a_story_grows_no_more(put) -> None:
    service = put(a=TEXT)
    assert service.expire(now_ms=now_ms(service) + 8 * DAY) == {"segments": 0, "representatives": 1}
    service = put(b=TEXT)
    assert service.article("b").relation == "identical", "it is still met as a text"


def test_after_the_matching_days_a_text_is_met_no_more(put) -> None:
    service = put(a=TEXT)
    story = service.article("a").story_id
    assert service.expire(now_ms=now_ms(service) + 31 * DAY) == {"segments": 1, "representatives": 1}
    kinds = {key.split(b":")[1] for key in service.connection.client.scan_iter()}
    assert not kinds & {b"b", b"dropping"}
    service = put(b=TEXT)
    assert service.article("b").relation == "original"
    assert service.article("a").story_id == story
    assert [member.id for member in service.story(story).members] == ["a"]
    assert service.delete("a")


def test_a_drop_that_was_cut_short_is_finished_by_the_next(put) -> None:
    service = put(a=TEXT)
    service.connection.one("SADD", "{d}:dropping", "en 1 4224")
    service.connection.one("HDEL", "{d}:lsh:en", "1")
    assert service.expire()["segments"] == 1
    assert not list(service.connection.client.scan_iter("{d}:b:*"))
