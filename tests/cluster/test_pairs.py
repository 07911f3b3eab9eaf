"""Pair features, linkage and evidence against their plain definitions."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from dedup.article import Article
from dedup.cluster.candidates import candidate_pairs
from dedup.cluster.explain import explain
from dedup.cluster.linkage import ALONE, CLIP, KNIT, LOOSE, cut_at, link_component
from dedup.cluster.pair_features import NAMES, prepare
from dedup.cluster.pairs import PairModel, pair_rows
from dedup.cluster.stories import cluster_stories
from dedup.errors import DedupError
from dedup.text import ngram_hash32, tokens
from dedup.vectors import Features, Idf, featurize
from tests.cluster.stories_text import FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST, MATCH_SECOND, article, conference

ALL = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST, *MATCH_SECOND]


def row(one: Article, two: Article) -> dict[str, float]:
    prepared = prepare(featurize([one, two]), Idf.prior())
    return dict(zip(NAMES, pair_rows(prepared, np.array([0]), np.array([1]))[0].tolist(), strict=True))


def test_title_cosine_is_that_of_its_definition() -> None:
    one, two = FIRE_HANOI
    features = featurize([one, two])
    weight = dict(zip(features.term_hash.tolist(), Idf.prior().weights(features).tolist(), strict=True))
    sides = []
    for a in (one, two):
        words = tokens(a.title or "")
        sides.append({ngram_hash32(words[i : i + n]) for n in (1, 2) for i in range(len(words) - n + 1)})
    left, right = ({h: weight[h] for h in side if h in weight} for side in sides)
    dot = sum(left[h] * right[h] for h in left.keys() & right.keys())
    norms = np.sqrt(sum(v * v for v in left.values()) * sum(v * v for v in right.values()))

    assert row(one, two)["title"] == pytest.approx(np.sqrt(dot / norms), abs=1e-3)


def test_pairs_are_symmetric_and_bounded() -> None:
    for one in ALL:
        for two in ALL:
            ab, ba = row(one, two), row(two, one)
            assert ab == pytest.approx(ba, abs=1e-5)
            assert all(
                0 <= ab[name] <= 1.0001
                for name in ("body", "title", "lead", "names", "dates", "ordinals", "time_apart")
            )


def test_terms_that_fall_into_one_cell_are_told_apart() -> None:
    prepared = prepare(featurize(ALL), Idf.prior())
    left, right = np.triu_indices(len(ALL), 1)
    numbered = np.unique(prepared.term_hash, return_inverse=True)[1].astype(np.uint32)
    crowded = prepared._replace(term_hash=(numbered << np.uint32(13)) | (numbered % np.uint32(3)))

    assert np.array_equal(pair_rows(crowded, left, right), pair_rows(prepared, left, right))


def test_what_is_missing_says_nothing() -> None:
    undated = [article(a.id, a.title or "", a.text, hours=None) for a in FIRE_HANOI]
    assert row(*undated)["time_apart"] == 0
    no_anchors = Article(text="Mưa lớn kéo dài ở miền núi."), Article(text="Nắng nóng gay gắt ở đồng bằng.")
    assert not any(
        row(*no_anchors)[name] for name in ("dates", "date_conflict", "ordinals", "ordinal_conflict", "template")
    )


def test_ordinals_conflict_under_one_head() -> None:
    one = conference(12, 2022, 18, "Cần Thơ", "Nước", "x")[0]
    two = conference(13, 2023, 24, "Cần Thơ", "Nước", "y")[0]

    assert row(one, two)["ordinal_conflict"] == 2
    assert row(one, two)["date_conflict"] == 1


def linked(logits: NDArray[np.float32], cut: float) -> NDArray[np.int64]:
    """Clusters of one component all of whose pairs are known."""
    m = len(logits)
    left, right = np.triu_indices(m, 1)
    labels, strength = np.empty(m, np.int64), np.empty(m, np.float32)
    nobody, weights = prepare(Features.empty(), Idf.prior()), PairModel.default().weights(0)
    link_component(nobody, weights, np.arange(m), left, right, logits[left, right], cut, labels, strength)
    for a in range(m):
        others = (labels == labels[a]) & (np.arange(m) != a)
        expected = np.clip(logits[a, others], -CLIP, CLIP).mean() if others.any() else 0
        assert strength[a] == pytest.approx(expected, abs=1e-4)
    return labels


def agglomerated(logits: NDArray[np.float32], cut: float) -> NDArray[np.int64]:
    """The same by definition."""
    logits = np.clip(logits, -CLIP, CLIP)
    clusters = [[a] for a in range(len(logits))]

    def knit(cluster: list[int]) -> float:
        reports = [logits[a, b] for a, b in combinations(cluster, 2) if logits[a, b] < CLIP]
        return max(0.0, (sum(reports) + 1) / (len(reports) + 1)) if len(cluster) > 1 else 0.0

    def lack(one: list[int], two: list[int]) -> float:
        alone = ALONE if len(one) == len(two) == 1 else 0
        size = cut_at(len(one) + len(two), cut)
        return size + alone + KNIT * min(knit(one), knit(two)) - logits[np.ix_(one, two)].mean()

    while len(clusters) > 1:
        one, two = min(combinations(clusters, 2), key=lambda pair: lack(*pair))
        if lack(one, two) > 0:
            break
        clusters.remove(two)
        one += two
    return np.array([next(k for k, cluster in enumerate(clusters) if a in cluster) for a in range(len(logits))])


@settings(deadline=None)
@given(st.integers(2, 24), st.integers(0, 1 << 20), st.sampled_from([-3.0, -1.0, 1.0]))
def test_linkage_is_its_definition(m: int, seed: int, cut: float) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(m, 3)) * rng.uniform(0.5, 4)
    logits = (9 - 3 * np.linalg.norm(points[:, None] - points[None], axis=2)).astype(np.float32)

    assert adjusted_rand_score(agglomerated(logits, cut), linked(logits, cut)) == 1


def groups(inside: float, between: float, sizes: tuple[int, ...]) -> NDArray[np.float32]:
    """Log-odds of articles of several groups."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    return np.where(group[:, None] == group[None], np.float32(inside), np.float32(between))


@pytest.mark.parametrize(
    ("inside", "sizes", "stories"),
    [
        (4.0, (3, 3), 2),  # two close-knit groups are two events
        (0.5, (3, 3), 1),  # two loose ones at the same distance are one
        (4.0, (5, 1), 1),  # one article says nothing of how close its company would be
        (CLIP, (3, 3), 1),  # and neither do versions of one text
    ],
)
def test_what_is_asked_of_two_groups(inside: float, sizes: tuple[int, ...], stories: int) -> None:
    assert len(set(linked(groups(inside, -0.5, sizes), -2.0).tolist())) == stories


def test_two_articles_alone_are_asked_more() -> None:
    assert len(set(linked(groups(0, -1.0, (1, 1)), -2.0).tolist())) == 2
    assert len(set(linked(groups(0, -1.0, (1, 1)), -1.0 - ALONE).tolist())) == 1


def test_the_cut_rises_with_size() -> None:
    assert cut_at.py_func(LOOSE, -1.0) == -1.0 < cut_at.py_func(4 * LOOSE, -1.0)


def test_candidates_hold_every_true_pair_and_respect_the_window() -> None:
    prepared = prepare(featurize(ALL), Idf.prior())
    left, right = candidate_pairs(prepared, window=2 * 86_400)
    pairs = set(zip(left.tolist(), right.tolist(), strict=True))

    assert {(0, 1), (2, 3), (4, 5), (6, 7)} <= pairs
    assert (4, 6) not in pairs
    assert pairs == set(
        zip(*(side.tolist() for side in candidate_pairs(prepared, window=2 * 86_400, threads=3)), strict=True)
    )


def test_stories_do_not_depend_on_the_order() -> None:
    order = np.random.default_rng(3).permutation(len(ALL))
    straight = cluster_stories(featurize(ALL)).labels
    shuffled = cluster_stories(featurize([ALL[i] for i in order]), threads=2).labels

    assert adjusted_rand_score(straight[order], shuffled) == 1


def test_evidence_adds_up_to_the_models_probability() -> None:
    evidence = explain(*FIRE_HANOI)
    features = featurize(list(FIRE_HANOI))
    probability = PairModel.default().probability(features, np.array([0]), np.array([1]))[0]

    assert evidence.probability == pytest.approx(float(probability), abs=1e-5)
    assert sum(evidence.terms.values()) == pytest.approx(np.log(probability / (1 - probability)), abs=1e-3)
    assert "Đặng Văn Tường" in evidence.shared_names
    assert any(anchor.kind == "date" and anchor.value == "2024-05-06" for anchor in evidence.agreeing)
    assert evidence.passages
    assert evidence.hours_apart == 3


def test_evidence_names_what_conflicts() -> None:
    one = conference(12, 2022, 18, "Cần Thơ", "Nước", "x")[1]
    two = conference(13, 2023, 24, "Đà Nẵng", "Đất", "y")[1]
    conflicts = {(a.kind, a.value, b.value) for a, b in explain(one, two).conflicting}

    assert {("ordinal", "12", "13"), ("date", "2022-08-18", "2023-08-24")} <= conflicts


def test_a_model_for_other_features_is_refused() -> None:
    text = PairModel.default().to_json().replace('"body"', '"boddy"')
    with pytest.raises(DedupError, match="other features"):
        PairModel.from_json(text)
