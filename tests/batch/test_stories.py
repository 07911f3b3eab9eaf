"""Stories in pieces are the stories of the whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.corpus import as_sent, generate
from dedup import Article
from dedup.batch.parts import Parts
from dedup.batch.stories import cluster_corpus, merge_counts
from dedup.cluster.pairs import PairModel
from dedup.cluster.stories import cluster_stories
from dedup.vectors import Features, featurize
from dedup.vectors.anchors import UNDATED

N = 3000


@pytest.fixture(scope="module", params=["dated", "partly undated"])
def features(request: pytest.FixtureRequest) -> Features:
    found = featurize([Article(**as_sent(row)) for row in generate(N, days=40)], threads=4)
    if request.param == "partly undated":
        undated = np.random.default_rng(3).random(N) < 0.15
        found = replace(found, published=np.where(undated, UNDATED, found.published))
    return found


@pytest.mark.parametrize("chunk", [N, 2500, 700])
def test_pieces_make_the_whole(features: Features, chunk: int, tmp_path: Path) -> None:
    model = PairModel.default()
    whole = cluster_stories(features, model=model, threads=2)
    pieces = cluster_corpus(
        features.take, N, Parts(tmp_path), model=model, threshold=0.5, window=7 * 86_400, most=50, threads=2,
        chunk=chunk, advance=lambda count: None,
    )  # fmt: skip
    for name in ("labels", "score", "left", "right", "probability"):
        assert np.array_equal(getattr(whole, name), getattr(pieces, name)), name
    assert len(np.unique(whole.labels)) < N


def test_counts_are_added_by_key() -> None:
    dice = np.random.default_rng(1)
    one, other = (np.unique(dice.integers(0, 60, 40).astype(np.uint32), return_counts=True) for _ in range(2))
    keys, counts = merge_counts(one[0], one[1].astype(np.uint32), other[0], other[1].astype(np.uint32))
    expected: dict[int, int] = {}
    for column in (one, other):
        for key, count in zip(*column, strict=True):
            expected[int(key)] = expected.get(int(key), 0) + int(count)
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == expected
    assert np.all(np.diff(keys.astype(np.int64)) > 0)
