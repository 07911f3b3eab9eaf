"""Names, relations and founders do not depend on the order of the input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dedup.batch.outcome import Outcome, founders, preference
from dedup.identity import group_id, story_id


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), min_size=1, max_size=30, unique_by=lambda x: x[1]))
def test_a_cluster_is_founded_by_its_most_preferred_member(members: list[tuple[int, int]]) -> None:
    labels, rank = (np.array(column, np.int64) for column in zip(*members, strict=True))
    found = founders(labels, rank)
    for i, founder in enumerate(found):
        alike = np.flatnonzero(labels == labels[i])
        assert founder == alike[np.argmin(rank[alike])]


def test_founders_of_nothing() -> None:
    assert founders(np.empty(0, np.int64), np.empty(0, np.int64)).size == 0


def test_the_earliest_is_preferred_and_undated_articles_come_last() -> None:
    moments = pa.array([None, 5, 3, 3], pa.timestamp("us", "UTC"))
    assert preference(moments, pa.array(["a", "b", "d", "c"])).tolist() == [3, 2, 1, 0]


def test_rows_name_groups_and_stories_after_their_founders() -> None:
    outcome = Outcome(
        group=np.array([0, 0, 2]),
        story=np.array([0, 0, 0]),
        canonical=np.array([2, 2, 2]),
        relation=np.array([6, 2, 5], np.uint8),
        score=np.array([1.0, 0.8, 0.7]),
    )
    ids = pa.array(["x", "y", "z"])
    rows = outcome.rows(ids, 0, 3, {}).to_pylist()
    assert [row["relation"] for row in rows] == ["original", "near_duplicate", "report"]
    assert {row["story_id"] for row in rows} == {story_id("x")}
    assert [row["duplicate_group_id"] for row in rows] == [group_id("x"), group_id("x"), group_id("z")]
    assert [row["is_canonical"] for row in rows] == [False, False, True]
    assert outcome.rows(ids, 1, 2, {0: "s-old"}).to_pylist()[0]["story_id"] == "s-old"
