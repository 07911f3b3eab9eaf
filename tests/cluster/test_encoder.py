"""An encoder adds candidates and a feature; without one nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import dedup
from dedup.article import Article
from dedup.cluster.nearest import nearest_pairs
from dedup.cluster.pair_features import NAMES, prepare
from dedup.cluster.pairs import PairModel
from dedup.cluster.stories import cluster_stories
from dedup.errors import DedupError
from dedup.evaluation import evaluate
from dedup.vectors import Idf, encode, featurize
from dedup.vectors.anchors import UNDATED
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST, MATCH_SECOND

ALL = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST, *MATCH_SECOND]
#: One event in two languages, whose words have no more in common than those of two events: only an encoder can tell.
BLAZE = Article(id="blaze", text="Firemen struggled overnight against flames at the timber yard.", lang="en")
PYRE = Article(id="pyre", text="Crews kept battling through darkness what burned stacked lumber.", lang="en")
SHOW = Article(id="show", text="Judges gave two prizes to spotted cats brought from Lyon.", lang="en")


class Trigrams:
    """Hashed character trigrams."""

    def encode(self, sentences: list[str]) -> NDArray[np.float32]:
        out = np.zeros((len(sentences), 64), np.float32)
        for row, text in zip(out, sentences, strict=True):
            for i in range(len(text) - 2):
                row[sum(ord(c) * 31**k for k, c in enumerate(text[i : i + 3])) % 64] += 1
        return out


class Topics:
    """What a text is about, by a word that only one article of the pair holds."""

    def encode(self, sentences: list[str]) -> NDArray[np.float32]:
        return np.array([[0, 3] if "cats" in text else [2, 0] for text in sentences], np.float32)


def test_articles_without_a_word_in_common_become_candidates_and_a_story() -> None:
    articles = [BLAZE, PYRE, SHOW]
    shipped = PairModel.default()
    coef = [0.0 if name != "encoded" else 60.0 for name in NAMES]
    trained = replace(shipped, coef=tuple(coef), intercept=-40.0)
    assert len(dedup.cluster(articles, model=trained).stories) == 3

    found = dedup.cluster(articles, model=trained, encoder=Topics())

    assert found.labels.tolist() == [0, 0, 1]
    assert [(link.article_id, link.other_id) for link in found.links] == [("blaze", "pyre")]


def test_off_is_the_same_to_the_last_bit() -> None:
    features = featurize(ALL)
    plain = cluster_stories(features)
    without_weight = cluster_stories(features, vectors=encode(Trigrams(), ALL))

    assert np.array_equal(plain.labels, without_weight.labels)
    assert np.array_equal(plain.score, without_weight.score)
    assert prepare(features, Idf.prior()).vectors.shape == (len(ALL), 0)


def test_nearest_are_those_of_the_definition() -> None:
    dice = np.random.default_rng(5)
    n = 2500
    vectors = dice.normal(size=(n, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    published = dice.integers(0, 100_000, n)
    published[dice.random(n) < 0.1] = UNDATED
    expected = set()
    likeness = vectors @ vectors.T
    for i in range(n):
        near = (published == UNDATED) | (published[i] == UNDATED) | (np.abs(published - published[i]) <= 20_000)
        near[i] = False
        best = sorted(np.flatnonzero(near & (likeness[i] > 0)).tolist(), key=lambda j: -likeness[i, j])[:5]
        expected |= {(min(i, j), max(i, j)) for j in best}

    left, right = nearest_pairs(vectors, published, window=20_000, most=5)

    assert set(zip(left.tolist(), right.tolist(), strict=True)) == expected


def test_evaluation_takes_an_encoder_in_batch_only() -> None:
    gold = [article.id for article in ALL]
    assert evaluate(ALL, gold, encoder=Trigrams())["bcubed_recall"] == 1
    with pytest.raises(ValueError, match="batch only"):
        evaluate(ALL, gold, mode="stream", encoder=Trigrams())


def test_a_vector_too_few_is_refused() -> None:
    class Short:
        def encode(self, sentences: list[str]) -> NDArray[np.float32]:
            return np.ones((1, 4), np.float32)

    with pytest.raises(DedupError, match=r"\(1, 4\) for 8 texts"):
        encode(Short(), ALL)
