"""Joining by sorting finds what it must, once each, and its work is linear however hot a bucket is."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.sketch import band_hashes, minhash
from dedup.sketch.join import HOT_BUCKET, HOT_NEIGHBOURS, band_candidates, bucket_pairs, posting_candidates


def packed(keys: list[int]) -> np.ndarray:
    return np.sort((np.array(keys, np.uint64) << np.uint64(32)) | np.arange(len(keys), dtype=np.uint64))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 6), max_size=30))
def test_small_buckets_give_every_pair(keys: list[int]) -> None:
    codes = bucket_pairs(packed(keys), 100, 0).tolist()
    found = sorted((code >> 32, code & 0xFFFFFFFF) for code in codes)
    expected = sorted((i, j) for i, j in combinations(range(len(keys)), 2) if keys[i] == keys[j])
    assert [(int(i) & 0xFFFFFFFF, int(j)) for i, j in found] == expected


@pytest.mark.parametrize("size", [HOT_BUCKET + 1, 1_000, 100_000])
def test_work_in_a_hot_bucket_is_linear(size: int) -> None:
    codes = bucket_pairs(packed([7] * size), HOT_BUCKET, HOT_NEIGHBOURS)
    assert len(codes) <= (HOT_NEIGHBOURS + 1) * size
    meets_first = {int(code) & 0xFFFFFFFF for code in codes if (int(code) >> 32) & 0xFFFFFFFF == 0}
    assert meets_first == set(range(1, size))


def test_hot_lists_are_passed_over_where_asked() -> None:
    assert len(bucket_pairs(packed([7] * 100), 16, 0)) == 0


def test_candidates_are_the_pairs_that_share_a_band() -> None:
    draw = np.random.default_rng(1)
    texts = [" ".join(f"w{i}" for i in draw.integers(0, 60, 40)) for _ in range(80)]
    signatures = minhash(texts, ngram=1)
    keys = band_hashes(signatures, 42, 3)
    expected = {(i, j) for i, j in combinations(range(80), 2) if np.any(keys[i] == keys[j])}
    for threads in (1, 4):
        left, right = band_candidates(signatures, np.arange(80), 42, 3, threads=threads)
        pairs = list(zip(left.tolist(), right.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert expected <= set(pairs)
        assert len(pairs) <= len(expected) + 2


def test_postings_count_shared_keys() -> None:
    keys = np.array([1, 2, 3, 1, 2, 9, 9, 9, 9], np.uint32)
    owners = np.array([0, 0, 0, 1, 1, 0, 1, 2, 3])
    left, right, shared, usable = posting_candidates(keys, owners, longest=3)
    assert (left.tolist(), right.tolist(), shared.tolist()) == ([0], [1], [2])
    assert usable.tolist() == [3, 2, 0, 0]


def test_nothing_to_join() -> None:
    left, right = band_candidates(np.empty((0, 128), np.uint32), np.empty(0, np.int64), 32, 4, threads=2)
    assert len(left) == len(right) == 0
    assert len(posting_candidates(np.empty(0, np.uint32), np.empty(0, np.int64), longest=16)[0]) == 0
