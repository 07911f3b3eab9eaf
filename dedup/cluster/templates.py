"""Texts of one form with other numbers (the gold price of each day): kept apart, and said to be so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.relation import Relation


def mark_templates(
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    jaccard: NDArray[np.float64],
    *,
    rank: NDArray[np.int64],
    relations: NDArray[np.uint8],
    scores: NDArray[np.float64],
) -> None:
    """Give the relation ``template`` to originals whose text is an older one's with other numbers.

    Parameters
    ----------
    left, right, jaccard :
        Pairs related as templates, and their exact Jaccard: arrays (p,).
    rank : int64 array (n,)
        Preference of each article as representative, the lowest first.
    relations, scores :
        uint8 and float64 arrays (n,) of each article; those of the articles concerned are changed in place.  An
        article that founded no story, or belongs to another's group, keeps its relation.
    """
    later = np.where(rank[left] < rank[right], right, left)
    founding = relations[later] == Relation.ORIGINAL
    later, jaccard = later[founding], jaccard[founding]
    best = np.zeros(rank.size)
    np.maximum.at(best, later, jaccard)
    relations[later], scores[later] = Relation.TEMPLATE, best[later]
