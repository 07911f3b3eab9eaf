"""Candidates by an encoder's vectors: the nearest articles of each inside the time window, found exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.vectors.anchors import UNDATED

#: Nearest articles that an article names.
NEAREST = 10
_BLOCK = 1024


def nearest_pairs(
    vectors: NDArray[np.float32], published: NDArray[np.int64], *, window: float, most: int = NEAREST
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each article's nearest by cosine, block by block of a full product.

    Parameters
    ----------
    vectors:
        ``float32 (n, d)`` of length 1.
    published:
        ``int64[n]``: seconds, or :data:`UNDATED`; an undated article is near in time to every other one.
    window:
        Seconds; two articles published further apart are no candidates.
    most:
        Articles that one names; only those of a positive cosine.

    Returns
    -------
    left, right : int64 arrays (m,)
        ``left < right``, sorted by both, without repetition.
    """
    n = len(vectors)
    # Undated articles, of the lowest time, come first; then each block sees one stretch of the dated ones.
    order = np.argsort(published, kind="stable")
    times, table = published[order], vectors[order]
    undated = int(np.searchsorted(times, UNDATED, side="right"))
    codes = [np.empty(0, np.int64)]
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(n, start + _BLOCK))
        low, high = undated, n
        if start >= undated:
            low = int(np.searchsorted(times, times[rows[0]] - int(window)))
            high = int(np.searchsorted(times, times[rows[-1]] + int(window), side="right"))
        columns = np.concatenate([np.arange(undated), np.arange(max(low, undated), high)])
        likeness = table[rows] @ table[columns].T
        dated = (rows >= undated)[:, None] & (columns >= undated)
        likeness[dated & (np.abs(times[rows][:, None] - times[columns]) > window)] = -1
        likeness[rows[:, None] == columns] = -1
        best = np.argsort(-likeness, axis=1, kind="stable")[:, :most]
        near = np.take_along_axis(likeness, best, 1) > 0
        one, two = order[np.repeat(rows, near.sum(1))], order[columns[best[near]]]
        codes.append(np.minimum(one, two) * n + np.maximum(one, two))
    pairs = np.unique(np.concatenate(codes))
    return pairs // max(1, n), pairs % max(1, n)
