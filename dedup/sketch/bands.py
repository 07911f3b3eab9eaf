"""LSH banding: how signatures become bucket keys."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dedup.sketch import kernels


@lru_cache(maxsize=64)
def optimal_bands(
    threshold: float, num_perm: int = 128, *, false_positive: float = 0.5, false_negative: float = 0.5
) -> tuple[int, int]:
    """Choose bands and rows for a threshold by minimising the weighted areas of false positives and negatives.

    The chance that two texts of Jaccard ``s`` share a band is ``1 - (1 - s**rows)**bands``; its area below the
    threshold is false positives, the area above that it misses is false negatives (as :class:`datasketch.MinHashLSH`).

    Parameters
    ----------
    threshold:
        Jaccard from which pairs are wanted, 0 to 1.
    num_perm:
        Permutations available: ``bands * rows <= num_perm``.
    false_positive, false_negative:
        Weights of the two areas.

    Returns
    -------
    bands, rows : int

    Raises
    ------
    ValueError
        If the threshold is not in [0, 1].

    References
    ----------
    J. Leskovec, A. Rajaraman, J. Ullman, "Mining of Massive Datasets", section 3.4.
    """
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(f"threshold is {threshold}; a Jaccard is between 0 and 1")
    best, least = (1, 1), np.inf
    for bands in range(1, num_perm + 1):
        for rows in range(1, num_perm // bands + 1):
            wrong = false_positive * _area(0.0, threshold, bands, rows, found=True)
            wrong += false_negative * _area(threshold, 1.0, bands, rows, found=False)
            if wrong < least:
                best, least = (bands, rows), wrong
    return best


def thorough_bands(threshold: float, num_perm: int) -> tuple[int, int]:
    """Choose bands and rows for a corpus: a pair that is missed weighs 49 times one that is looked at in vain."""
    return optimal_bands(threshold, num_perm, false_positive=0.02, false_negative=0.98)


def _area(low: float, high: float, bands: int, rows: int, *, found: bool) -> float:
    """Integrate the chance to be found (or missed) over a range of Jaccard by the midpoint rule."""
    step = 0.001
    middles = np.arange(low + step / 2, high, step)
    missed = (1.0 - middles**rows) ** bands
    return float(np.sum(1.0 - missed if found else missed) * step)


def band_hashes(signatures: NDArray[np.uint32], bands: int, rows: int) -> NDArray[np.uint64]:
    """Hash the bands of signatures to bucket keys.

    Parameters
    ----------
    signatures:
        ``uint32[n, num_perm]``.
    bands, rows:
        Band ``k`` is rows ``k * rows`` to ``(k + 1) * rows`` of the signature, as in datasketch.

    Returns
    -------
    uint64[n, bands]
        Equal keys mean equal bands but for hash collisions (exact verification removes those); the band's
        number is part of the key, so keys of different bands do not meet.

    Raises
    ------
    ValueError
        If the signature is shorter than ``bands * rows``.
    """
    if bands < 1 or rows < 1 or bands * rows > signatures.shape[1]:
        raise ValueError(f"{bands} bands x {rows} rows do not fit a signature of {signatures.shape[1]}")
    out = np.empty((len(signatures), bands), np.uint64)
    kernels.hash_bands(np.ascontiguousarray(signatures), bands, rows, out)
    return out


def candidate_probability(jaccard: float, bands: int, rows: int) -> float:
    """Return the chance that two texts of a given Jaccard share at least one band."""
    return float(1.0 - (1.0 - jaccard**rows) ** bands)
