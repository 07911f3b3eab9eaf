"""The relation of two texts, decided from exact scores."""

from __future__ import annotations

import numpy as np
import pytest

from dedup.cluster.relation import Relation, RelationRule, relation_of


def decide(jaccard: float, containment: float = 0.0, **known: float) -> Relation:
    given = {"smaller": 100, "numbers": 0, "numeric_difference": 0.0} | known
    found = relation_of([jaccard], [containment], **given)
    assert found.dtype == np.uint8
    return Relation(int(found[0]))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (decide(0.49), Relation.NONE),
        (decide(0.5, 0.7), Relation.NEAR_DUPLICATE),
        (decide(0.3, 0.8), Relation.EXCERPT),
        (decide(0.3, 0.79), Relation.NONE),
        (decide(0.6, 0.9), Relation.NEAR_DUPLICATE),
        (decide(0.05, 1.0, smaller=7), Relation.NONE),
        (decide(0.7, 0.9, numbers=6, numeric_difference=0.5), Relation.TEMPLATE),
        (decide(0.7, 0.9, numbers=6, numeric_difference=0.3), Relation.NEAR_DUPLICATE),
        (decide(0.9, 0.9, numbers=2, numeric_difference=1.0), Relation.NEAR_DUPLICATE),
        (decide(0.1, 0.2, numbers=20, numeric_difference=0.9, wording=0.95), Relation.TEMPLATE),
        (decide(0.1, 0.2, numbers=20, numeric_difference=0.9, wording=-1.0), Relation.NONE),
        (decide(1.0, 1.0, numbers=6, numeric_difference=0.0, identical=True), Relation.IDENTICAL),
    ],
)
def test_decisions(found: Relation, expected: Relation) -> None:
    assert found is expected


def test_thresholds_are_settings() -> None:
    strict = RelationRule(threshold=0.9)
    known = {"smaller": 100, "numbers": 0, "numeric_difference": 0.0, "rule": strict}
    assert relation_of([0.8, 0.9], [0.5, 0.5], **known).tolist() == [Relation.NONE, Relation.NEAR_DUPLICATE]


def test_words() -> None:
    assert [r.word for r in Relation] == [
        "none", "identical", "near_duplicate", "excerpt", "template", "report", "original",
    ]  # fmt: skip
