"""Signatures to and from datasketch: the same numbers in both, so an index can move either way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from datasketch import LeanMinHash

#: The permutation scheme of datasketch >= 2.0 that :func:`dedup.minhash` computes.
SCHEME = "affine32"


def to_datasketch(signatures: ArrayLike, *, seed: int = 1) -> list[LeanMinHash]:
    """Wrap signatures as datasketch's compact MinHash, ready for its LSH, forests and ensembles.

    Parameters
    ----------
    signatures:
        ``uint32[n, num_perm]`` of :func:`dedup.minhash`.
    seed:
        The seed they were computed with.
    """
    from datasketch import LeanMinHash

    values = np.atleast_2d(np.asarray(signatures, dtype=np.uint32))
    return [LeanMinHash(seed=seed, hashvalues=row, scheme=SCHEME) for row in values]


def from_datasketch(minhashes: Iterable[LeanMinHash]) -> NDArray[np.uint32]:
    """Stack datasketch's MinHashes into signatures, ``uint32[n, num_perm]``.

    Raises
    ------
    ValueError
        If one is of another scheme than ``affine32``, or they differ in seed or length.
    """
    items = list(minhashes)
    for item in items:
        if item.scheme != SCHEME:
            raise ValueError(f"scheme {item.scheme!r}; only {SCHEME!r} (datasketch 2.0 and newer) can be compared")
        if (item.seed, len(item)) != (items[0].seed, len(items[0])):
            raise ValueError("MinHashes of different seeds or lengths cannot be compared")
    return np.array([item.hashvalues for item in items], dtype=np.uint32)
