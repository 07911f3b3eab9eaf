"""Candidate pairs by sorting: LSH bands and sampled postings, linear however hot a bucket is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.sketch import kernels
from dedup.sketch.pairs import pair_ends
from dedup.text.compiled import kernel
from dedup.text.parallel import ordered_map

U32, U64 = np.uint32, np.uint64
_LOW = U64(0xFFFFFFFF)
_S32 = U64(32)

#: Bucket size up to which every pair is a candidate.  In a larger one each member meets the first and its neighbours.
HOT_BUCKET = 32
#: Neighbours, in index order, that a member of a hot bucket meets.
HOT_NEIGHBOURS = 2


def band_candidates(
    signatures: NDArray[np.uint32], members: NDArray[np.int64], bands: int, rows: int, *, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of texts that share a band.

    Parameters
    ----------
    signatures:
        ``uint32[n, num_perm]``.
    members:
        ``int64[m]``: the texts to join (rows of ``signatures``), by preference as representative: the first of a hot
        bucket is the one the others meet.  At most 2**32.
    bands, rows:
        As :func:`dedup.sketch.optimal_bands` gives them.
    threads:
        Bands are joined in parallel.

    Returns
    -------
    left, right : int64[p]
        Positions in ``members``, ``left < right``, each pair once, sorted.  A bucket of ``k`` texts gives at most
        ``k * HOT_BUCKET / 2`` pairs, so the work grows linearly.
    """
    if bands * rows > signatures.shape[1]:
        raise ValueError(f"{bands} bands x {rows} rows do not fit a signature of {signatures.shape[1]}")

    def join(band: int) -> NDArray[np.uint64]:
        packed = np.empty(len(members), np.uint64)
        kernels.pack_band(signatures, members, band, rows, packed)
        packed.sort()
        return _unique(bucket_pairs(packed, HOT_BUCKET, HOT_NEIGHBOURS))

    codes = np.empty(0, np.uint64)
    waiting: list[NDArray[np.uint64]] = []
    for found in ordered_map(join, range(bands), threads=threads):
        waiting.append(found)
        if sum(map(len, waiting)) > max(len(codes), 1 << 20):
            codes, waiting = _unique(np.concatenate([codes, *waiting])), []
    codes = _unique(np.concatenate([codes, *waiting]))
    return pair_ends(codes)


def posting_candidates(
    keys: NDArray[np.uint32], owners: NDArray[np.int64], *, longest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs that share sampled shingles, and how many.

    Parameters
    ----------
    keys:
        ``uint32[k]``: sampled shingles.
    owners:
        ``int64[k]``: who has them.
    longest:
        A posting list longer than this is boilerplate, no evidence, and is passed over.

    Returns
    -------
    left, right : int64[p]
        Owners, ``left < right``, each pair once, sorted.
    shared : int64[p]
        Posting lists in common.
    usable : int64[max(owners) + 1]
        Samples of each owner that are in no overlong list.
    """
    packed = (keys.astype(np.uint64) << _S32) | owners.astype(np.uint64)
    return packed_candidates(packed, int(owners.max(initial=-1)) + 1, longest=longest)


def sample_candidates(
    samples: NDArray[np.uint32], counts: NDArray[np.uint8], members: NDArray[np.int64], *, longest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return what :func:`posting_candidates` does, for the samples of texts; owners are positions in ``members``.

    ``samples uint32[n, k]``: the first ``counts[i]`` of row ``i`` are valid.  Eight bytes a sample are held.
    """
    packed = np.empty(int(counts[members].sum(dtype=np.int64)), np.uint64)
    _pack_samples(samples, counts, members, packed)
    return packed_candidates(packed, len(members), longest=longest)


def packed_candidates(
    packed: NDArray[np.uint64], owners: int, *, longest: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return what :func:`posting_candidates` does, for ``key << 32 | owner`` (sorted in place)."""
    packed.sort()
    usable = np.zeros(owners, np.int64)
    _count_usable(packed, longest, usable)
    codes = bucket_pairs(packed, longest, 0)
    codes.sort()
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else np.empty(0, np.int64)
    shared = np.diff(np.append(starts, len(codes)))
    return *pair_ends(codes[starts]), shared, usable


def bucket_pairs(packed: NDArray[np.uint64], hot: int, neighbours: int) -> NDArray[np.uint64]:
    """Return the pairs within buckets of ``packed`` (sorted ``key << 32 | member``), as ``left << 32 | right``.

    A bucket of at most ``hot`` members gives all its pairs.  In a larger one each member meets the first and the
    ``neighbours`` before it; with ``neighbours = 0`` the bucket is passed over.
    """
    out = np.empty(_count_pairs(packed, hot, neighbours), np.uint64)
    _write_pairs(packed, hot, neighbours, out)
    return out


def _unique(codes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    codes.sort()
    return codes[np.concatenate([[True], codes[1:] != codes[:-1]])] if len(codes) else codes


@kernel
def _count_pairs(packed: Any, hot: int, neighbours: int) -> int:
    total = 0
    start = 0
    n = packed.shape[0]
    for i in range(1, n + 1):
        if i == n or packed[i] >> _S32 != packed[start] >> _S32:
            size = i - start
            if size <= hot:
                total += size * (size - 1) // 2
            elif neighbours:
                for j in range(1, size):
                    total += min(j, neighbours + 1)
            start = i
    return total


@kernel
def _write_pairs(packed: Any, hot: int, neighbours: int, out: Any) -> None:
    count = 0
    start = 0
    n = packed.shape[0]
    for i in range(1, n + 1):
        if i == n or packed[i] >> _S32 != packed[start] >> _S32:
            if i - start <= hot:
                for x in range(start, i):
                    left = packed[x] << _S32
                    for y in range(x + 1, i):
                        out[count] = left | (packed[y] & _LOW)
                        count += 1
            elif neighbours:
                for y in range(start + 1, i):
                    right = packed[y] & _LOW
                    out[count] = (packed[start] << _S32) | right
                    count += 1
                    for x in range(max(start + 1, y - neighbours), y):
                        out[count] = (packed[x] << _S32) | right
                        count += 1
            start = i


@kernel
def _pack_samples(samples: Any, counts: Any, members: Any, out: Any) -> None:
    at = 0
    for m in range(members.shape[0]):
        row = members[m]
        for k in range(counts[row]):
            out[at] = (np.uint64(samples[row, k]) << _S32) | np.uint64(m)
            at += 1


@kernel
def _count_usable(packed: Any, longest: int, usable: Any) -> None:
    start = 0
    n = packed.shape[0]
    for i in range(1, n + 1):
        if i == n or packed[i] >> _S32 != packed[start] >> _S32:
            if i - start <= longest:
                for j in range(start, i):
                    usable[np.int64(packed[j] & _LOW)] += 1
            start = i
