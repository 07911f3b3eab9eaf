"""Duplicate groups: every member is verified against its representative, so that groups do not chain.

A near-duplicate of a near-duplicate need not be one itself.  Single linkage over pairs would merge a year of slowly
drifting texts; here a text joins a group only through a verified pair with the group's representative.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dedup.cluster.relation import Relation
from dedup.text.compiled import kernel

#: Relations through which an article may join a representative, best first.
JOINING = (Relation.IDENTICAL, Relation.NEAR_DUPLICATE, Relation.EXCERPT)


@dataclass(frozen=True, slots=True)
class Groups:
    """A partition of ``n`` texts into duplicate groups.

    Attributes
    ----------
    labels:
        ``int64[n]``: number of each text's group; groups are numbered by their first text.
    representatives:
        ``int64[g]``: the text each group is anchored to.
    """

    labels: NDArray[np.int64]
    representatives: NDArray[np.int64]

    @property
    def anchors(self) -> NDArray[np.int64]:
        """``int64[n]``: the representative of each text's group (itself where it is one)."""
        return self.representatives[self.labels]


def anchored_groups(
    n: int, left: ArrayLike, right: ArrayLike, scores: ArrayLike, order: ArrayLike | None = None
) -> Groups:
    """Group texts around representatives.

    In ``order``, a text that has a pair with an earlier representative joins; any other becomes a representative.
    At the end each joined text moves to the representative it has its best pair with.

    Parameters
    ----------
    n:
        Number of texts.
    left, right:
        ``int[p]``: pairs that are verified near-duplicates; direction and repetition do not matter.
    scores:
        ``float[p]``: their exact Jaccard.
    order:
        ``int[n]``: texts by preference as representative; ``None`` is ``0..n-1``.

    Returns
    -------
    Groups
        Ties go to the earlier representative in ``order``; the result does not depend on the order of the pairs.
    """
    rank = np.arange(n, dtype=np.int64)
    if order is not None:
        rank = np.empty(n, np.int64)
        rank[np.asarray(order, np.int64)] = np.arange(n)
    a, b = rank[np.asarray(left, np.int64)], rank[np.asarray(right, np.int64)]
    weight = np.asarray(scores, np.float64)
    # Both directions, sorted by (text, neighbour): neighbours of text i are starts[i]:starts[i + 1].
    text, neighbour, weight = np.concatenate([a, b]), np.concatenate([b, a]), np.concatenate([weight, weight])
    by = np.lexsort((neighbour, text))
    starts = np.searchsorted(text[by], np.arange(n + 1))
    anchor_rank = np.empty(n, np.int64)
    _anchor(starts, neighbour[by], weight[by], anchor_rank)
    text_at = np.argsort(rank, kind="stable")
    anchors = np.empty(n, np.int64)
    anchors[text_at] = text_at[anchor_rank]
    return groups_of(anchors)


def groups_of(anchors: NDArray[np.int64]) -> Groups:
    """Number groups by their first text, given each text's representative (``int64[n]``)."""
    found, first, inverse = np.unique(anchors, return_index=True, return_inverse=True)
    by_first = np.argsort(first, kind="stable")
    number = np.empty(len(found), np.int64)
    number[by_first] = np.arange(len(found))
    return Groups(number[inverse].astype(np.int64), found[by_first])


@kernel
def _anchor(starts: Any, neighbours: Any, scores: Any, anchor: Any) -> None:
    """Write each text's representative to ``anchor int64[n]``; all are ranks."""
    n = anchor.shape[0]
    for i in range(n):
        anchor[i] = i
        for p in range(starts[i], starts[i + 1]):
            j = neighbours[p]
            if j < i and anchor[j] == j:
                anchor[i] = j
                break
    for i in range(n):
        if anchor[i] == i:
            continue
        best = -1.0
        for p in range(starts[i], starts[i + 1]):
            j = neighbours[p]
            if anchor[j] == j and scores[p] > best:
                best = scores[p]
                anchor[i] = j


def best_representative(relations: Sequence[int], scores: Sequence[float]) -> int | None:
    """The same rule for a stream: which of the candidate representatives a new text joins.

    Parameters
    ----------
    relations:
        Relation of the new text to each candidate *representative*, earliest first.  ``EXCERPT`` counts where the new
        text is the cut: a longer text never joins its own excerpt, or unrelated texts would meet in it.
    scores:
        Jaccard of each (containment for an excerpt).

    Returns
    -------
    int or None
        Position of the candidate to join: identical before near-duplicate before excerpt, then the best score, then
        the earliest.  ``None``: the text starts its own group.
    """
    best: tuple[int, float, int] | None = None
    for position, (relation, score) in enumerate(zip(relations, scores, strict=True)):
        if relation in JOINING:
            key = (JOINING.index(Relation(relation)), -score, position)
            best = key if best is None else min(best, key)
    return None if best is None else best[2]
