"""Stories of a whole corpus: average linkage over the pair model, on the graph of candidates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.candidates import candidate_pairs
from dedup.cluster.linkage import average_linkage
from dedup.cluster.nearest import nearest_pairs
from dedup.cluster.pair_features import Prepared, Weights, prepare
from dedup.cluster.pairs import PairModel, pair_logits
from dedup.vectors import Features, Idf

#: Default probability at which articles are put into one story.
THRESHOLD = 0.5
#: Default seconds between two articles beyond which they are not compared.
WINDOW = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class StoryClustering:
    """Stories of ``n`` articles.

    Attributes
    ----------
    labels:
        ``int64[n]``: the story of each article, named by the index of one of its members.
    score:
        ``float32[n]``: probability that the article belongs with the others of its story; 1 for one alone.
    left, right:
        ``int64[m]``: the strongest link of each article to another of its story (``left < right``).
    probability:
        ``float32[m]``: probability that the linked two report one event.
    """

    labels: NDArray[np.int64]
    score: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    probability: NDArray[np.float32]


def cluster_stories(
    features: Features, *, idf: Idf | None = None, model: PairModel | None = None, threshold: float = THRESHOLD,
    window: float = WINDOW, most: int = 50, weights: Weights | None = None,
    vectors: NDArray[np.float32] | None = None, threads: int | None = 1,
) -> StoryClustering:  # fmt: skip
    """Cluster articles into stories.

    Parameters
    ----------
    features:
        One row an article (of each duplicate group, its representative only).  The partition does not depend on
        the order of the rows except where log-odds are exactly equal; sort by id to settle that too.
    idf:
        IDF snapshot; the packaged prior blended with these very articles when missing.
    model:
        Pair model; the packaged one when missing.
    threshold:
        Probability that two groups of articles belong together at which they are joined.
    window:
        Seconds; articles published further apart are compared only when their clusters meet.
    most:
        Candidates compared with one article.
    weights:
        Weights to use in place of ``model``'s own (cross-validation).
    vectors:
        ``float32 (n, d)`` of an encoder (see :func:`dedup.vectors.encode`): its nearest articles are candidates too.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.
    """
    model = model or PairModel.default()
    prepared = prepare(features, idf or Idf.prior().blend(features), vectors)
    weights = weights or model.weights(len(features))
    left, right = candidate_pairs(prepared, window=window, most=most, threads=threads)
    if vectors is not None:
        left, right = _union((left, right), nearest_pairs(vectors, features.published, window=window))
    # Stories are of one language, in the stream as here.
    same = features.lang[left] == features.lang[right]
    left, right = left[same], right[same]
    logits = pair_logits(prepared, weights, left, right, threads=threads)
    labels, strength = average_linkage(
        prepared, weights, left, right, logits, cut=model.link_logit(threshold), threads=threads
    )
    return _clustering(prepared, model, labels, strength, left, right, logits)


def _union(*pairs: tuple[NDArray[np.int64], NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    codes = np.unique(np.concatenate([left << 32 | right for left, right in pairs]))
    return codes >> 32, codes & 0xFFFFFFFF


def _clustering(
    prepared: Prepared, model: PairModel, labels: NDArray[np.int64], strength: NDArray[np.float32],
    left: NDArray[np.int64], right: NDArray[np.int64], logits: NDArray[np.float32],
) -> StoryClustering:  # fmt: skip
    inside = labels[left] == labels[right]
    left, right, logits = left[inside], right[inside], logits[inside]
    ends = np.concatenate([left, right])
    pair = np.tile(np.arange(len(left)), 2)
    order = np.lexsort((pair, -logits[pair], ends))
    first = np.concatenate([[True], ends[order][1:] != ends[order][:-1]]) if len(order) else np.empty(0, bool)
    best = np.unique(pair[order][first])
    probability = 1 / (1 + np.exp(-logits[best]))
    score = model.belonging(labels, strength)
    return StoryClustering(labels, score, left[best], right[best], probability.astype(np.float32))
