"""Compiled kernels: token hashes to shingles, shingles to signatures, signatures to bands."""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.text import hashing as h
from dedup.text.compiled import inlined, kernel
from dedup.text.kernels import hash_tokens, longest_text, scratch_of

U32, U64 = np.uint32, np.uint64
_BASE32, _BASE64 = U32(h.SHINGLE_BASE32), U64(h.SHINGLE_BASE64)
_MAX32 = U32(0xFFFFFFFF)
_FMIX1, _FMIX2 = U32(0x85EBCA6B), U32(0xC2B2AE35)
_S13, _S16, _S32 = U32(13), U32(16), U64(32)
_ANY_NUMBER = U64(1)
_MOST_BUCKETS = 1 << 16
_MOST_ROUNDS = 32
_HIGH = U64(0xFFFFFFFF00000000)
_BAND_MUL = U64(0xFF51AFD7ED558CCD)
_BAND_START = U64(0x9E3779B97F4A7C15)


@inlined
def sign(tokens: Any, count: int, ngram: int, a: Any, b: Any, shingles: Any, out: Any) -> None:
    """MinHash of the shingles of the token hashes ``tokens[:count]`` to ``out uint32[num_perm]``."""
    # The polynomial over the upper halves of the token hashes; a text shorter than a shingle is one shingle.
    width: Any = min(ngram, count)
    total = count - width + 1 if count else 0
    for j in range(total):
        shingles[j] = U32(tokens[j] >> _S32)
    for k in range(1, width):
        for j in range(total):
            shingles[j] = shingles[j] * _BASE32 + U32(tokens[j + k] >> _S32)
    # The finalizer of MurmurHash3, as datasketch mixes before permuting.
    for j in range(total):
        s = shingles[j]
        s = U32((s ^ (s >> _S16)) * _FMIX1)
        s = U32((s ^ (s >> _S13)) * _FMIX2)
        shingles[j] = s ^ (s >> _S16)
    # Pad with copies of the last, so that the loop below takes eight at a time and vectorises over permutations.
    padded = (total + 7) // 8 * 8
    for j in range(total, padded):
        shingles[j] = shingles[total - 1]
    for p in range(a.shape[0]):
        out[p] = _MAX32
    for j in range(0, padded, 8):
        s0, s1, s2, s3 = shingles[j], shingles[j + 1], shingles[j + 2], shingles[j + 3]
        s4, s5, s6, s7 = shingles[j + 4], shingles[j + 5], shingles[j + 6], shingles[j + 7]
        for p in range(a.shape[0]):
            x, y = a[p], b[p]
            low = min(min(U32(x * s0 + y), U32(x * s1 + y)), min(U32(x * s2 + y), U32(x * s3 + y)))
            high = min(min(U32(x * s4 + y), U32(x * s5 + y)), min(U32(x * s6 + y), U32(x * s7 + y)))
            out[p] = min(out[p], min(low, high))


@inlined
def shingles64(tokens: Any, count: int, ngram: int, out: Any) -> Any:
    """Write the 64-bit shingles of ``tokens[:count]`` to ``out uint64[:]``; return how many."""
    width: Any = min(ngram, count)
    total = count - width + 1 if count else 0
    for j in range(total):
        out[j] = tokens[j]
    for k in range(1, width):
        for j in range(total):
            out[j] = out[j] * _BASE64 + tokens[j + k]
    return total


@inlined
def sorted_distinct(values: Any, count: int, spare: Any, starts: Any, out: Any) -> Any:
    """Write the sorted distinct ``values[:count]`` to ``out``; return how many.

    Hashes are spread evenly: one counting pass over their upper bits leaves about one to a bucket, and a few rounds of
    odd-even transposition, without a branch that the values decide, finish; linear, unlike a sort by comparison.
    ``spare`` is as long as ``values``; ``starts`` is ``int64[_MOST_BUCKETS + 1]``.
    """
    bits: Any = 4
    while (1 << bits) < count and (1 << bits) < _MOST_BUCKETS:
        bits += 1
    shift = U64(64 - bits)
    starts[: (1 << bits) + 1] = 0
    for j in range(count):
        starts[np.int64(values[j] >> shift) + 1] += 1
    for j in range(1 << bits):
        starts[j + 1] += starts[j]
    for j in range(count):
        bucket = np.int64(values[j] >> shift)
        spare[starts[bucket]] = values[j]
        starts[bucket] += 1
    disorder, rounds = True, 0
    while disorder and rounds < _MOST_ROUNDS:
        for first in range(2):
            for j in range(first, count - 1, 2):
                low, high = min(spare[j], spare[j + 1]), max(spare[j], spare[j + 1])
                spare[j], spare[j + 1] = low, high
        disorder = False
        for j in range(count - 1):
            disorder |= spare[j] > spare[j + 1]
        rounds += 1
    if disorder:
        spare[:count].sort()
    kept = U64(0)
    for j in range(count - 1):
        out[kept] = spare[j]
        kept += U64(spare[j] != spare[j + 1])
    if count:
        out[kept] = spare[count - 1]
        kept += U64(1)
    return np.int64(kept)


@inlined
def hash_content(tokens: Any, count: int, out: Any) -> None:
    """Write a 128-bit hash of the token sequence to ``out uint64[2]``.

    Each half is two chains over every second token, so that the four multiplications do not wait for each other.
    """
    a, b, c, d = _BAND_START, _BASE64, U64(count), _BAND_MUL
    for j in range(0, count - 1, 2):
        even, odd = tokens[j], tokens[j + 1]
        a, b = (a ^ even) * _BAND_MUL, (b ^ odd) * _BAND_MUL
        c, d = (c + even) * _BASE64, (d + odd) * _BASE64
        a, b, c, d = a ^ (a >> _S32), b ^ (b >> _S32), c ^ (c >> _S32), d ^ (d >> _S32)
    if count % 2:
        a, c = (a ^ tokens[count - 1]) * _BAND_MUL, (c + tokens[count - 1]) * _BASE64
    out[0] = (a ^ (a >> _S32)) * _BASE64 + b
    out[1] = (c ^ (c >> _S32)) * _BAND_MUL + d


@inlined
def hash_bytes(data: Any, begin: int, stop: int, out: Any) -> None:
    """Write a 128-bit hash of the bytes above space to ``out uint64[2]``; zero if there are none."""
    first, second = U64(0), U64(0)
    for j in range(begin, stop):
        if data[j] > 32:
            first = (first + U64(data[j])) * _BAND_START
            second = (second ^ U64(data[j])) * _BAND_MUL
    out[0] = first
    out[1] = second


@inlined
def mask_numbers(tokens: Any, count: int) -> None:
    """Make every number of ``tokens[:count]`` the same token."""
    for j in range(count):
        tokens[j] = _ANY_NUMBER if tokens[j] & U64(1) else tokens[j]


@inlined
def sample(shingles: Any, count: int, rate: int, kept: Any, out: Any) -> Any:
    """Write, sorted and distinct, the shingles whose hash has ``rate`` leading zeros; return how many.

    At most as many as ``out uint32[:]`` holds, the smallest.  ``kept uint32[:]`` holds as many values as there are
    shingles and as ``out``.
    """
    for j in range(count):
        shingles[j] = (shingles[j] ^ (shingles[j] >> _S32)) * _BAND_MUL
    found = U64(0)
    for j in range(count):
        kept[found] = U32(shingles[j] >> U64(8))
        found += U64(((shingles[j] >> U64(1)) >> U64(63 - rate)) == U64(0))
    most = out.shape[0]
    size = np.int64(found)
    if size > most:
        kept[:size].sort()
    else:
        # So few are placed faster by counting, for each, how many come before it: no branch, many at a time.
        kept[size:most] = _MAX32
        for i in range(size):
            value = kept[i]
            place = U32(0)
            for j in range(most):
                place = U32(place + U32((kept[j] < value) | ((kept[j] == value) & (U32(j) < U32(i)))))
            out[place] = value
        kept[:size] = out[:size]
    distinct = 0
    for j in range(size):
        if distinct < most and (j == 0 or kept[j] != kept[j - 1]):
            out[distinct] = kept[j]
            distinct += 1
    return distinct


@kernel
def sketch_column(data: Any, offsets: Any, table: Any, expansions: Any, a: Any, b: Any, ngram: int, out: Any) -> None:
    """From UTF-8 to signatures, article by article, in scratch memory that stays in cache.

    ``a``, ``b``: ``uint32[num_perm]``; ``out``: ``uint32[n, num_perm]``.
    """
    longest = longest_text(offsets)
    room = longest // 2 + 9
    scratch = scratch_of(longest)
    tokens = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint32)
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, scratch, tokens))
        sign(tokens, count, ngram, a, b, shingles, out[i])


@kernel
def fingerprint_column(
    data: Any, offsets: Any, table: Any, expansions: Any, a: Any, b: Any, ngram: int,
    out: Any, content: Any, rates: Any, samples: Any, sample_counts: Any,
) -> None:  # fmt: skip
    """Signatures, content hashes and sampled shingles in one pass over the text.

    ``out``: ``uint32[n, num_perm]``; ``content``: ``uint64[n, 2]``, zero for a blank text; ``rates``: ``uint8[n]``, one
    shingle in ``2**rate`` is kept; ``samples``: ``uint32[n, k]``; ``sample_counts``: ``uint8[n]``.
    """
    longest = longest_text(offsets)
    room = longest // 2 + 9
    scratch = scratch_of(longest)
    tokens = np.empty(room, np.uint64)
    shingles = np.empty(room, np.uint32)
    wide = np.empty(room, np.uint64)
    most = samples.shape[1]
    kept = np.empty(max(room, most), np.uint32)
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, scratch, tokens))
        sign(tokens, count, ngram, a, b, shingles, out[i])
        if count:
            hash_content(tokens, count, content[i])
        else:  # only emoji or punctuation: the bytes are the content; blank text has none
            hash_bytes(data, offsets[i], offsets[i + 1], content[i])
        # Sampled shingles with numbers masked: posting keys for excerpts and templates.
        mask_numbers(tokens, count)
        total = shingles64(tokens, count, ngram, wide)
        rate = 0
        while (total >> rate) > 3 * most // 4:
            rate += 1
        rates[i] = rate
        sample_counts[i] = sample(wide, total, rate, kept, samples[i])


@inlined
def band_key(signatures: Any, i: Any, band: Any, rows: Any) -> Any:
    """Hash one band of the signature ``signatures[i]``; the band's number is mixed in."""
    value = _BAND_START * U64(band + 1)
    for row in range(band * rows, (band + 1) * rows):
        value = (value ^ U64(signatures[i, row])) * _BAND_MUL
        value ^= value >> _S32
    return value


@kernel
def hash_bands(signatures: Any, bands: int, rows: int, out: Any) -> None:
    """Hash each band of ``signatures uint32[n, num_perm]`` to ``out uint64[n, bands]``."""
    for i in range(signatures.shape[0]):
        for band in range(bands):
            out[i, band] = band_key(signatures, i, band, rows)


@kernel
def pack_band(signatures: Any, members: Any, band: int, rows: int, out: Any) -> None:
    """Write ``key << 32 | position`` of one band to ``out uint64[m]``: the 32 upper bits of :func:`band_key`."""
    for m in range(members.shape[0]):
        out[m] = (band_key(signatures, members[m], band, rows) & _HIGH) | U64(m)


@kernel
def count_equal(signatures: Any, left: Any, right: Any, out: Any) -> None:
    """Count the equal rows of the signatures ``left[p]`` and ``right[p]`` to ``out int64[p]``."""
    num_perm = signatures.shape[1]
    for p in range(left.shape[0]):
        i, j = left[p], right[p]
        equal = U32(0)
        for k in range(num_perm):
            equal += U32(signatures[i, k] == signatures[j, k])
        out[p] = equal


@kernel
def shingle_column(
    data: Any, offsets: Any, table: Any, expansions: Any, ngram: int, masked: bool,
    out: Any, ends: Any, numbers: Any, number_ends: Any,
) -> None:  # fmt: skip
    """Write the sorted distinct 64-bit shingles of every article to ``out``, its sorted numbers to ``numbers``.

    Article ``i`` ends at ``ends[i + 1]`` and ``number_ends[i + 1]``.  ``masked`` reads every number as the same token.
    """
    longest = longest_text(offsets)
    scratch = scratch_of(longest)
    room = longest // 2 + 2
    tokens, wide, spare = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint64)
    starts = np.empty(_MOST_BUCKETS + 1, np.int64)
    written, numbered = 0, 0
    ends[0] = 0
    number_ends[0] = 0
    for i in range(offsets.shape[0] - 1):
        count = np.int64(hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, scratch, tokens))
        for j in range(count):
            if tokens[j] & U64(1):
                numbers[numbered] = tokens[j]
                numbered += 1
                if masked:
                    tokens[j] = _ANY_NUMBER
        numbers[number_ends[i] : numbered].sort()
        number_ends[i + 1] = numbered
        total = shingles64(tokens, count, ngram, wide)
        kept = sorted_distinct(wide, total, spare, starts, out[written:])
        written += kept
        ends[i + 1] = written


@kernel
def common_counts(hashes: Any, offsets: Any, left: Any, right: Any, out: Any) -> None:
    """Count the shared members of the sorted (multi)sets ``left[p]`` and ``right[p]`` for each pair ``p``."""
    for p in range(left.shape[0]):
        i, i_end = offsets[left[p]], offsets[left[p] + 1]
        j, j_end = offsets[right[p]], offsets[right[p] + 1]
        common: Any = 0
        while i < i_end and j < j_end:
            x, y = hashes[i], hashes[j]
            common += np.int64(x == y)
            i += np.int64(x <= y)
            j += np.int64(y <= x)
        out[p] = common
