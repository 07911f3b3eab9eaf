"""What is asked for ahead changes no answer, wherever it lies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import njit

from dedup.cluster.prefetch import fetch


@njit
def _read(array: Any, place: Any) -> Any:
    fetch(array, place)
    return array.sum()


@pytest.mark.parametrize("shape", [(0,), (7,), (3, 5)])
@pytest.mark.parametrize("place", [0, 4, -1, -(2**40), 2**40])
def test_asking_for_memory_reads_nothing(shape: tuple[int, ...], place: int) -> None:
    array = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    before = array.copy()
    assert _read(array, place) == before.sum()
    assert np.array_equal(array, before)
