"""The affine permutations of datasketch 2.x, drawn the same way so that signatures travel."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=16)
def permutations(num_perm: int, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return multipliers (odd) and addends of ``h -> a * h + b mod 2**32``.

    Parameters
    ----------
    num_perm:
        Permutations; 1 or more.
    seed:
        As datasketch's ``seed``.

    Returns
    -------
    a, b : uint32[num_perm], read-only

    Raises
    ------
    ValueError
        If ``num_perm`` is below 1.
    """
    if num_perm < 1:
        raise ValueError(f"num_perm is {num_perm}; use 1 or more")
    draw = np.random.RandomState(seed)
    a = draw.randint(0, 1 << 31, num_perm, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    b = draw.randint(0, 1 << 32, num_perm, dtype=np.uint32)
    a.setflags(write=False)
    b.setflags(write=False)
    return a, b
