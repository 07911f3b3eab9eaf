"""The estimators behave as scikit-learn expects."""

from __future__ import annotations

from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from dedup import NearDuplicateClusterer, StoryClusterer
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON

TEXTS = [FIRE_HANOI[0].text, FIRE_HANOI[0].text, FIRE_SAIGON[0].text]


def test_near_duplicates_in_a_pipeline() -> None:
    pipeline = make_pipeline(
        FunctionTransformer(lambda texts: [t.strip() for t in texts]), NearDuplicateClusterer(threads=1)
    )

    assert pipeline.fit_predict([f" {text}" for text in TEXTS]).tolist() == [0, 0, 1]


def test_stories_of_texts_that_repeat() -> None:
    assert StoryClusterer(threads=1).fit_predict(TEXTS).tolist() == [0, 0, 1]


def test_parameters_are_got_set_and_cloned() -> None:
    estimator = StoryClusterer(threshold=0.6)
    copy = clone(estimator).set_params(window_days=3.0)

    assert estimator.get_params() == {"threshold": 0.6, "window_days": 7.0, "threads": None}
    assert copy.get_params()["window_days"] == 3.0
    assert NearDuplicateClusterer().get_params()["threshold"] == 0.7
