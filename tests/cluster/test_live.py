"""The state machine: what goes in comes out, whatever the batches."""

from __future__ import annotations

import pytest

from dedup.article import Article
from dedup.cluster.live import LiveStories
from dedup.errors import DedupError
from dedup.vectors import featurize
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST, MATCH_SECOND, article

ALL = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST, *MATCH_SECOND]
FEATURES = featurize(ALL)
NUMBERS = list(range(len(ALL)))


def grown(step: int = len(ALL)) -> LiveStories:
    live = LiveStories(new_key=lambda number: f"s{number}")
    for start in NUMBERS[::step]:
        part = NUMBERS[start : start + step]
        live.assign(part, FEATURES.take(part))
    return live


def test_how_articles_are_cut_into_batches_does_not_matter() -> None:
    assert (
        grown(1).stories
        == grown(3).stories
        == grown().stories
        == {"s0": [0, 1], "s2": [2, 3], "s4": [4, 5], "s6": [6, 7]}
    )


def test_decisions_say_what_was_decided_and_why() -> None:
    live = LiveStories(new_key=lambda number: f"s{number}")
    founded, joined, other = live.assign([0, 1, 2], FEATURES.take([0, 1, 2]))

    assert (founded.story, founded.founded, founded.best) == ("s0", True, None)
    assert (joined.story, joined.founded, joined.best) == ("s0", False, 0)
    assert joined.probability > 0.5
    assert joined.best_probability > 0.5
    assert joined.quorum == 1.0
    assert other.founded
    assert other.probability < 0.5


def test_a_rebuilt_state_decides_as_the_one_that_lived() -> None:
    live = grown(2)
    rebuilt = LiveStories(new_key=lambda number: f"s{number}")
    rebuilt.load(NUMBERS, FEATURES, [str(live.story_of(number)) for number in NUMBERS])
    late = featurize([article("late", "Vụ cháy kho vải Bình Tân: thiệt hại lớn", FIRE_SAIGON[1].text, hours=8)])

    assert rebuilt.stories == live.stories
    assert rebuilt.assign([99], late) == live.assign([99], late)


def test_duplicates_follow_their_representative_unasked() -> None:
    live = LiveStories(new_key=lambda number: f"s{number}")
    decisions = live.assign([0, 7, 1], FEATURES.take([0, 4, 1]), representatives=[None, 0, None])

    assert [d.story for d in decisions] == ["s0", "s0", "s0"]
    assert live.stories == {"s0": [0, 1, 7]}
    assert live.remove(7) == "s0"
    assert 7 not in live


def test_an_article_taken_out_is_no_candidate_any_more() -> None:
    live = grown()
    assert live.remove(0) == live.remove(1) == "s0"
    assert live.remove(0) is None

    (decision,) = live.assign([50], FEATURES.take([0]))
    assert decision.founded
    assert decision.story == "s50"


def test_duplicates_outlive_a_removed_representative() -> None:
    live = grown()
    live.follow(20, 0)
    live.remove(0)

    assert live.story_of(20) == "s0"
    assert live.stories["s0"] == [1, 20]


def test_duplicates_without_a_representative_go_where_their_story_merges() -> None:
    live = LiveStories()
    live.load([0, 1, 2], featurize([FIRE_HANOI[0], FIRE_HANOI[0], FIRE_HANOI[1]]), ["kept", "gone", "gone"])
    live.follow(20, 1)
    live.remove(1)
    late = featurize([FIRE_HANOI[0]])

    assert [(merge.gone, merge.into) for merge in live.ask(3, late).merged] == [("gone", "kept")]
    assert live.story_of(20) == "gone"
    live.assign([3], late)
    assert live.stories == {"kept": [0, 2, 3, 20]}


def test_expired_articles_are_named_and_undated_ones_stay() -> None:
    live = grown()
    live.assign([30], featurize([Article(id="u", text=FIRE_HANOI[0].text)]))
    cutoff = ALL[6].published_at
    assert cutoff is not None

    assert sorted(live.expire(cutoff.timestamp())) == [0, 1, 2, 3, 4, 5]
    assert sorted(n for members in live.stories.values() for n in members) == [6, 7, 30]


def test_many_removals_rebuild_the_state_without_changing_it() -> None:
    live = LiveStories(new_key=lambda number: f"s{number}")
    copies = [
        article(f"c{i}", f"Tin {i}", f"Chuyện riêng số {i} ở làng {i * 7} với nhân vật {i * 13}") for i in range(2100)
    ]
    live.assign(list(range(2100)), featurize(copies))
    for number in range(2000):
        live.remove(number)
    before = live.stories

    live.assign([5000, 5001], FEATURES.take([0, 1]))
    assert live.story_of(5000) == live.story_of(5001)
    assert {key: members for key, members in live.stories.items() if 5000 not in members} == dict(before)


@pytest.mark.parametrize("numbers", [[0, 0], [1, 2]])
def test_a_number_is_entered_once(numbers: list[int]) -> None:
    live = LiveStories()
    live.assign([2], FEATURES.take([2]))
    with pytest.raises(DedupError, match="live already"):
        live.assign(numbers, FEATURES.take([0, 1]))


def test_later_evidence_merges_two_stories() -> None:
    parts = FIRE_HANOI[0].text.split(". ")
    halves = [article("h1", "Cháy nhà", parts[0] + "."), article("h2", "Chủ nhà nói gì", parts[2] + ".", hours=1)]
    live = LiveStories(new_key=lambda number: f"s{number}")
    live.assign([0, 1], featurize(halves))
    assert len(live.stories) == 2

    decisions = live.assign([2, 3], featurize(list(FIRE_HANOI)))
    merged = [one.gone for d in decisions for one in d.merged]
    assert merged in ([], ["s1"], ["s0"])
    assert len(live.stories) == 2 - len(merged)
