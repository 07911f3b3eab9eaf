"""The hash tables of an index answer as lists by hash would."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dedup.sketch.hash_table import HashTable

REGIONS, MOST = 2, 3
#: Few hashes, that many share one; those around zero and the largest as well.
HASHES = st.sampled_from([0, 1, 2, 3, 2**31, 2**32 - 1])
ROWS = st.lists(st.tuples(*[HASHES] * REGIONS), max_size=30)


def pairs(rows: np.ndarray, numbers: np.ndarray) -> list[tuple[int, int]]:
    return sorted(zip(rows.tolist(), numbers.tolist(), strict=True))


class Model:
    def __init__(self) -> None:
        self.lists: dict[tuple[int, int], list[int]] = defaultdict(list)

    def find(self, rows: list[tuple[int, ...]]) -> list[tuple[int, int]]:
        return sorted((row, n) for row, one in enumerate(rows) for place in enumerate(one) for n in self.lists[place])

    def enter(self, region: int, hash_: int, number: int) -> bool:
        listed = sorted([*self.lists[region, hash_], number])
        self.lists[region, hash_] = listed[-MOST:]
        return len(listed) > MOST


@given(batches=st.lists(ROWS, max_size=6), asked=ROWS, put=st.lists(st.integers(500, 600), unique=True, max_size=MOST))
def test_whoever_has_a_hash_is_found(
    batches: list[list[tuple[int, ...]]], asked: list[tuple[int, ...]], put: list[int]
) -> None:
    table, model, number = HashTable(REGIONS), Model(), 0
    for rows in batches:
        hashes = np.array(rows, np.uint32).reshape(-1, REGIONS)
        numbers = np.arange(number + 1, number + 1 + len(rows), dtype=np.uint32)
        found, met, displaced = table.arrive(numbers, hashes, most=MOST)
        wanted = []
        for row, one in enumerate(rows):
            wanted += [(row, n) for _, n in model.find([one])]
            number += 1
            assert [model.enter(region, hash_, number) for region, hash_ in enumerate(one)] == displaced[row].tolist()
        assert pairs(found, met) == sorted(wanted)
    table.put(1, 3, np.array(put, np.uint32))
    model.lists[1, 3] = sorted(put)
    assert pairs(*table.find(np.array(asked, np.uint32).reshape(-1, REGIONS))) == model.find(asked)


@given(cells=st.lists(st.tuples(st.integers(0, REGIONS - 1), HASHES, st.integers(1, 50)), unique=True, max_size=60))
def test_cells_may_come_in_any_order(cells: list[tuple[int, int, int]]) -> None:
    table, model = HashTable(REGIONS, expected=4), Model()
    for region, hash_, number in cells:
        model.enter(region, hash_, number)
    regions, hashes, numbers = (np.array([cell[k] for cell in cells]) for k in range(3))
    table.enter(regions.astype(np.int64), hashes.astype(np.uint32), numbers.astype(np.uint32), most=MOST)
    every = [(hash_, hash_) for hash_ in (0, 1, 2, 3, 2**31, 2**32 - 1)]
    assert pairs(*table.find(np.array(every, np.uint32))) == model.find(every)


def test_tables_grow_and_lose_nobody() -> None:
    table = HashTable(1)
    hashes = np.arange(100_000, dtype=np.uint32).reshape(-1, 1) * np.uint32(2654435761)
    for start in range(0, len(hashes), 999):
        part = hashes[start : start + 999]
        found, _, _ = table.arrive(np.arange(start + 1, start + 1 + len(part), dtype=np.uint32), part, most=MOST)
        assert len(found) == 0
    rows, numbers = table.find(hashes)
    assert np.array_equal(np.sort(rows) + 1, np.arange(1, len(hashes) + 1))
    assert np.array_equal(numbers, rows + 1)
    assert table.nbytes < 24 * len(hashes)
