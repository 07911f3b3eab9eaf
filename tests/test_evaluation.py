"""Scores against hand-worked cases and scikit-learn, and the harness on a tiny set."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dedup.confusions import confusions
from dedup.evaluation import calibration_error, corrected, evaluate, score
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


def test_a_case_worked_by_hand() -> None:
    found = score(["a", "a", "a", "b"], [0, 0, 1, 1])

    assert found["bcubed_precision"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert found["bcubed_recall"] == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found["pairwise_precision"] == pytest.approx(1 / 2)
    assert found["pairwise_recall"] == pytest.approx(1 / 3)


@given(LABELS)
def test_bcubed_is_that_of_its_definition(labels: list[tuple[int, int]]) -> None:
    y, p = np.array(labels).T
    same_y, same_p = y[:, None] == y[None], p[:, None] == p[None]
    both = (same_y & same_p).sum(1)
    found = score(y, p)

    assert found["bcubed_precision"] == pytest.approx((both / same_p.sum(1)).mean())
    assert found["bcubed_recall"] == pytest.approx((both / same_y.sum(1)).mean())


def test_perfect_and_empty() -> None:
    assert score([1, 1, 2], ["x", "x", "y"])["bcubed_f1"] == 1
    with pytest.raises(ValueError, match="no labelled"):
        score([], [])
    with pytest.raises(ValueError, match="2 true labels"):
        score([1, 2], [1])


def test_calibration_error_of_a_calibrated_and_of_a_boastful_model() -> None:
    truth = np.array([True] * 70 + [False] * 30)
    assert calibration_error(np.full(100, 0.7), truth) == pytest.approx(0)
    assert calibration_error(np.full(100, 0.99), truth) == pytest.approx(0.29)


def test_corrections_merge_labels() -> None:
    assert corrected(["a", "b", "c"], [["a", "c"]]) == ["a", "b", "a"]


def test_confusions_are_sorted_by_cost() -> None:
    found = confusions(["a", "a", "a", "b", "c"], [0, 0, 1, 2, 2])

    assert found == [(2, "parted", [0, 1, 2]), (1, "joined", [3, 4])]


@pytest.mark.parametrize(
    "options", [{}, {"mode": "stream"}, {"mode": "stream", "order": "date"}, {"mode": "stream", "orders": 3}]
)
def test_the_harness(options: dict, tmp_path: Path) -> None:
    articles = [*FIRE_HANOI, *FIRE_SAIGON]
    page = tmp_path / "report.html"
    scores = evaluate(articles, ["h", "h", "s", "s"], distractors=MATCH_FIRST, report=page, **options)

    assert scores["bcubed_f1"] == 1
    assert scores["articles"] == 6
    assert scores["stories_found"] == 2
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
