"""Old story ids carried over a re-clustering."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dedup.cluster.carry import carry_ids, fresh_ids
from dedup.identity import story_id


def labels(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


def test_an_unchanged_clustering_keeps_every_id() -> None:
    carried = carry_ids(labels(0, 0, 1, 2), labels(2, 2, 0, 1))
    assert carried.carried.tolist() == [1, 2, 0]
    assert carried.survivor.tolist() == [2, 0, 1]
    assert carried.merged.size == 0
    assert carried.split.size == 0


def test_a_merge_keeps_the_larger_id_and_redirects_the_other() -> None:
    carried = carry_ids(labels(0, 1, 1, 1), labels(0, 0, 0, 0))
    assert carried.carried.tolist() == [1]
    assert carried.survivor.tolist() == [0, 0]
    assert carried.merged.tolist() == [[0, 0]]


def test_a_split_keeps_the_id_with_the_larger_part() -> None:
    carried = carry_ids(labels(0, 0, 0, 0), labels(1, 1, 1, 0))
    assert carried.carried.tolist() == [-1, 0]
    assert carried.split.tolist() == [[0, 0]]


def test_an_id_whose_articles_are_gone_leads_nowhere() -> None:
    carried = carry_ids(labels(0, 1, -1), labels(-1, 0, 0), n_old=3)
    assert carried.survivor.tolist() == [-1, 0, -1]


def test_a_small_part_does_not_run_away_with_the_id() -> None:
    # Most of story 0 joined story 1, which is larger: 0 redirects there; its stray article is a new story.
    carried = carry_ids(labels(0, 0, 0, 1, 1, 1, 1, 0), labels(0, 0, 0, 0, 0, 0, 0, 1))
    assert carried.carried.tolist() == [1, -1]
    assert carried.merged.tolist() == [[0, 0]]


small = hnp.arrays(np.int64, st.shared(st.integers(0, 40), key="n"), elements=st.integers(-1, 8))


@given(small, small)
def test_every_old_id_with_an_article_left_resolves_and_names_at_most_one_story(
    old: np.ndarray, new: np.ndarray
) -> None:
    carried = carry_ids(old, new)
    for label in np.unique(old[(old >= 0) & (new >= 0)]):
        target = carried.survivor[label]
        counts = np.bincount(new[(old == label) & (new >= 0)])
        assert counts[target] == counts.max()
    named = carried.carried[carried.carried >= 0]
    assert len(set(named.tolist())) == named.size
    for story, label in enumerate(carried.carried):
        assert label < 0 or carried.survivor[label] == story


@given(small, small, st.randoms(use_true_random=False))
def test_the_order_of_articles_does_not_matter(old: np.ndarray, new: np.ndarray, random: object) -> None:
    order = list(range(old.size))
    random.shuffle(order)
    one, other = carry_ids(old, new), carry_ids(old[order], new[order], n_old=int(old.max(initial=-1)) + 1)
    if new.size:
        assert np.array_equal(one.carried, other.carried)
        assert np.array_equal(one.survivor, other.survivor)


def test_a_name_already_given_out_is_not_given_again() -> None:
    names = fresh_ids(["a", "a2"], [["a", "b"], ["a2"]], {story_id("a"), story_id("a2")})
    assert names[0] == story_id("b")
    assert names[1] not in {story_id("a2"), names[0]}
