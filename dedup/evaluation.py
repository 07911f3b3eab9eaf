"""How good a clustering is: BCubed, pairwise and mutual-information scores, and the harness that measures them.

BCubed: Bagga and Baldwin, "Entity-based cross-document coreferencing using the vector space model" (1998).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def _codes(labels: Sequence[Hashable] | NDArray[Any]) -> NDArray[np.int64]:
    seen: dict[Hashable, int] = {}
    values = labels.tolist() if isinstance(labels, np.ndarray) else labels
    return np.array([seen.setdefault(label, len(seen)) for label in values], np.int64)


def score(gold: Sequence[Hashable] | NDArray[Any], found: Sequence[Hashable] | NDArray[Any]) -> dict[str, float]:
    """Compare a clustering with the truth.

    Parameters
    ----------
    gold, found:
        True and found label of each of ``n`` articles.

    Returns
    -------
    dict
        ``bcubed_precision``, ``bcubed_recall``, ``bcubed_f1``, ``pairwise_precision``, ``pairwise_recall``,
        ``pairwise_f1``, ``ami`` (adjusted mutual information), ``stories_true``, ``stories_found``.

    Examples
    --------
    >>> score(["a", "a", "b"], [0, 0, 0])["bcubed_recall"]
    1.0
    """
    from sklearn.metrics import adjusted_mutual_info_score

    if len(gold) != len(found):
        raise ValueError(f"{len(gold)} true labels for {len(found)} found ones")
    y, p = _codes(gold), _codes(found)
    n = len(y)
    if n == 0:
        raise ValueError("no labelled article to score")
    sizes_y, sizes_p = np.bincount(y), np.bincount(p)
    cells, counts = np.unique(y * (p.max() + 1) + p, return_counts=True)
    of_y, of_p = cells // (p.max() + 1), cells % (p.max() + 1)
    precision = float((counts**2 / sizes_p[of_p]).sum() / n)
    recall = float((counts**2 / sizes_y[of_y]).sum() / n)
    both = float((counts * (counts - 1) / 2).sum())
    pairs_y, pairs_p = (float((s * (s - 1) / 2).sum()) for s in (sizes_y, sizes_p))
    pair_precision = both / pairs_p if pairs_p else 1.0
    pair_recall = both / pairs_y if pairs_y else 1.0
    return {
        "bcubed_precision": precision,
        "bcubed_recall": recall,
        "bcubed_f1": harmonic(precision, recall),
        "pairwise_precision": pair_precision,
        "pairwise_recall": pair_recall,
        "pairwise_f1": harmonic(pair_precision, pair_recall),
        "ami": float(adjusted_mutual_info_score(y, p)),
        "stories_true": len(sizes_y),
        "stories_found": len(sizes_p),
    }


def harmonic(precision: float, recall: float) -> float:
    """Return the harmonic mean of two shares, 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def calibration_error(probability: NDArray[np.floating], truth: NDArray[np.bool_], *, bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Naeini, Cooper and Hauskrecht, AAAI 2015)."""
    which = np.minimum((probability * bins).astype(np.int64), bins - 1)
    count = np.bincount(which, minlength=bins)
    gap = np.abs(np.bincount(which, probability, bins) - np.bincount(which, truth.astype(float), bins))
    return float(gap.sum() / max(1, count.sum()))
