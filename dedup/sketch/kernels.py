"""Compiled kernels: token hashes to shingles, shingles to signatures, signatures to bands."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.text import hashing as h
from dedup.text import kernels as text_kernels
from dedup.text.compiled import kernel
from dedup.text.kernels import hash_tokens

U32, U64 = np.uint32, np.uint64
_BASE32, _BASE64 = U32(h.SHINGLE_BASE32), U64(h.SHINGLE_BASE64)
_MAX32 = U32(0xFFFFFFFF)
_FMIX1, _FMIX2 = U32(0x85EBCA6B), U32(0xC2B2AE35)
_S13, _S16, _S32 = U32(13), U32(16), U64(32)
_ANY_NUMBER = U64(1)
_BAND_MUL = U64(0xFF51AFD7ED558CCD)
_BAND_START = U64(0x9E3779B97F4A7C15)


@kernel(text_kernels)
def sketch_column(
    data: Any, offsets: Any, table: Any, expansions: Any, tones: Any, a: Any, b: Any, ngram: int, out: Any, token_counts: Any
) -> None:
    """From UTF-8 to signatures, article by article, in scratch memory that stays in cache.

    ``a``, ``b``: ``uint32[num_perm]``; ``out``: ``uint32[n, num_perm]``; ``token_counts``: ``int64[n]``.
    """
    longest = 0
    for i in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    tokens = np.empty(longest // 2 + 2, np.uint64)
    shingles = np.empty(longest // 2 + 8, np.uint32)
    num_perm = a.shape[0]
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, tones, tokens))
        token_counts[i] = count
        # Shingles: the polynomial over the upper halves of the token hashes; a text shorter than a shingle is one shingle.
        width = min(ngram, count)
        total = count - width + 1 if count else 0
        for j in range(total):
            shingles[j] = U32(tokens[j] >> _S32)
        for k in range(1, width):
            for j in range(total):
                shingles[j] = shingles[j] * _BASE32 + U32(tokens[j + k] >> _S32)
        # The finalizer of MurmurHash3, as datasketch mixes before permuting.
        for j in range(total):
            s = shingles[j]
            s = (s ^ (s >> _S16)) * _FMIX1
            s = U32(s)
            s = U32((s ^ (s >> _S13)) * _FMIX2)
            shingles[j] = s ^ (s >> _S16)
        # Pad with copies of the last, so that the loop below takes eight at a time.
        padded = (total + 7) // 8 * 8
        for j in range(total, padded):
            shingles[j] = shingles[total - 1]
        for p in range(num_perm):
            out[i, p] = _MAX32
        for j in range(0, padded, 8):
            s0, s1, s2, s3 = shingles[j], shingles[j + 1], shingles[j + 2], shingles[j + 3]
            s4, s5, s6, s7 = shingles[j + 4], shingles[j + 5], shingles[j + 6], shingles[j + 7]
            for p in range(num_perm):
                x, y = a[p], b[p]
                low = min(min(U32(x * s0 + y), U32(x * s1 + y)), min(U32(x * s2 + y), U32(x * s3 + y)))
                high = min(min(U32(x * s4 + y), U32(x * s5 + y)), min(U32(x * s6 + y), U32(x * s7 + y)))
                out[i, p] = min(out[i, p], min(low, high))


@kernel()
def hash_bands(signatures: Any, bands: int, rows: int, out: Any) -> None:
    """Hash each band of ``signatures uint32[n, num_perm]`` to ``out uint64[n, bands]``; the band's number is mixed in."""
    for i in range(signatures.shape[0]):
        for band in range(bands):
            value = _BAND_START * U64(band + 1)
            for row in range(band * rows, (band + 1) * rows):
                value = (value ^ U64(signatures[i, row])) * _BAND_MUL
                value ^= value >> _S32
            out[i, band] = value


@kernel(text_kernels)
def shingle_column(
    data: Any, offsets: Any, table: Any, expansions: Any, tones: Any, ngram: int, masked: bool,
    out: Any, ends: Any, numbers: Any, number_ends: Any,
) -> None:  # fmt: skip
    """Write the sorted distinct 64-bit shingles of every article to ``out``, its sorted numbers to ``numbers``.

    Article ``i`` ends at ``ends[i + 1]`` and ``number_ends[i + 1]``.  ``masked`` reads every number as the same token.
    """
    longest = 0
    for i in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    tokens = np.empty(longest // 2 + 2, np.uint64)
    written, numbered = 0, 0
    ends[0] = 0
    number_ends[0] = 0
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, tones, tokens))
        for j in range(count):
            if tokens[j] & U64(1):
                numbers[numbered] = tokens[j]
                numbered += 1
                if masked:
                    tokens[j] = _ANY_NUMBER
        numbers[number_ends[i] : numbered].sort()
        number_ends[i + 1] = numbered
        width = min(ngram, count)
        total = count - width + 1 if count else 0
        for j in range(total):
            value = U64(0)
            for k in range(width):
                value = value * _BASE64 + tokens[j + k]
            out[written + j] = value
        part = out[written : written + total]
        part.sort()
        kept = 0
        for j in range(total):
            if j == 0 or part[j] != part[kept - 1]:
                part[kept] = part[j]
                kept += 1
        written += kept
        ends[i + 1] = written


@kernel()
def common_counts(hashes: Any, offsets: Any, left: Any, right: Any, out: Any) -> None:
    """Count the shared members of the sorted (multi)sets ``left[p]`` and ``right[p]`` for each pair ``p``."""
    for p in range(left.shape[0]):
        i, i_end = offsets[left[p]], offsets[left[p] + 1]
        j, j_end = offsets[right[p]], offsets[right[p] + 1]
        common = 0
        while i < i_end and j < j_end:
            x, y = hashes[i], hashes[j]
            common += np.int64(x == y)
            i += np.int64(x <= y)
            j += np.int64(y <= x)
        out[p] = common
