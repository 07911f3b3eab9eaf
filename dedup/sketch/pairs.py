"""Pairs of rows, such as of texts: as one number each, and named by their places among the rows they name."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_HALF, _LOW = np.uint64(32), np.uint64(0xFFFFFFFF)


def pair_codes(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return ``smaller << 32 | larger`` of each pair, ``uint64[p]``, whichever of the two comes first."""
    smaller, larger = np.minimum(left, right).astype(np.uint64), np.maximum(left, right).astype(np.uint64)
    return np.asarray(smaller << _HALF | larger, dtype=np.uint64)


def pair_ends(codes: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the two halves of codes ``left << 32 | right``, each ``int64[p]``."""
    return (codes >> _HALF).astype(np.int64), (codes & _LOW).astype(np.int64)


def renumbered(
    left: NDArray[np.int64], right: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows that the pairs name, rising, and the places of both ends among them."""
    rows, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    return rows, places[: left.size], places[left.size :]
