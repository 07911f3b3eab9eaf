"""Features of one article as bytes: what the store keeps.

Little-endian, version 1: a header (version, marks, known, language, source, length, published, numbers of terms and of
anchors), then the columns ``term_hash uint32``, ``term_bits uint8``, ``term_idf uint8``, ``anchor_key uint32``,
``anchor_weight uint8``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from dedup.errors import DedupError
from dedup.text.compiled import inlined, kernel
from dedup.vectors.features import Features

VERSION = 1
_HEADER = struct.Struct("<BBBHIIqBB")
_SIZE = _HEADER.size


def pack(features: Features) -> list[bytes]:
    """Return one value an article."""
    out: list[bytes] = []
    terms, anchors = features.term_offsets.tolist(), features.anchor_offsets.tolist()
    columns = zip(
        features.marks.tolist(), features.known.tolist(), features.lang.tolist(), features.source.tolist(),
        features.length.tolist(), features.published.tolist(), pairwise(terms), pairwise(anchors), strict=True,
    )  # fmt: skip
    hashes, keys = features.term_hash.astype("<u4", copy=False), features.anchor_key.astype("<u4", copy=False)
    for marks, known, lang, source, length, published, (a, b), (c, d) in columns:
        head = _HEADER.pack(VERSION, marks, known, lang, source, length, published, b - a, d - c)
        out.append(
            head + hashes[a:b].tobytes() + features.term_bits[a:b].tobytes() + features.term_idf[a:b].tobytes()
            + keys[c:d].tobytes() + features.anchor_weight[c:d].tobytes()
        )  # fmt: skip
    return out


def unpack(packed: Sequence[bytes]) -> Features:
    """Read values written by :func:`pack`; raise :class:`DedupError` for another version or a broken value."""
    if not packed:
        return Features.empty()
    n = len(packed)
    data = np.frombuffer(b"".join(packed), np.uint8)
    offsets = np.zeros(n + 1, np.int64)
    np.cumsum(np.fromiter(map(len, packed), np.int64, n), out=offsets[1:])
    terms, anchors = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    broken = measure(data, offsets, terms, anchors)
    if broken >= 0:
        value = packed[broken]
        if not value or value[0] != VERSION:
            found = value[0] if value else "none"
            raise DedupError(f"features {broken} have version {found}, this is version {VERSION}; re-index the store")
        raise DedupError(
            f"features {broken} are {len(value)} bytes long, which their header does not say; re-index the store"
        )
    m, a = int(terms[n]), int(anchors[n])
    features = Features(
        terms, np.empty(m, np.uint32), np.empty(m, np.uint8), np.empty(m, np.uint8),
        anchors, np.empty(a, np.uint32), np.empty(a, np.uint8),
        np.empty(n, np.int64), np.empty(n, np.uint32), np.empty(n, np.uint32), np.empty(n, np.uint16),
        np.empty(n, np.uint8), np.empty(n, np.uint8),
    )  # fmt: skip
    unpack_column(
        data, offsets, terms, features.term_hash, features.term_bits, features.term_idf,
        anchors, features.anchor_key, features.anchor_weight, features.published, features.source, features.length,
        features.lang, features.known, features.marks,
    )  # fmt: skip
    return features


@kernel
def measure(data: Any, offsets: Any, terms: Any, anchors: Any) -> int:
    """Fill ``terms`` and ``anchors`` (``int64[n + 1]``), where those of each value begin.

    ``data[offsets[i]:offsets[i + 1]]`` is value ``i``.  Returns the number of the first broken one, or -1.
    """
    for i in range(offsets.shape[0] - 1):
        at, size = offsets[i], offsets[i + 1] - offsets[i]
        if size < _SIZE or data[at] != VERSION:
            return i
        term_count, anchor_count = np.int64(data[at + _SIZE - 2]), np.int64(data[at + _SIZE - 1])
        if size != _SIZE + 6 * term_count + 5 * anchor_count:
            return i
        terms[i + 1] = terms[i] + term_count
        anchors[i + 1] = anchors[i] + anchor_count
    return -1


@kernel
def unpack_column(
    data: Any, offsets: Any, terms: Any, term_hash: Any, term_bits: Any, term_idf: Any,
    anchors: Any, anchor_key: Any, anchor_weight: Any, published: Any, source: Any, length: Any,
    lang: Any, known: Any, marks: Any,
) -> None:  # fmt: skip
    """Fill the columns of :class:`~dedup.vectors.features.Features` from values that :func:`measure` found whole."""
    for i in range(offsets.shape[0] - 1):
        at = offsets[i]
        marks[i], known[i] = data[at + 1], data[at + 2]
        lang[i] = number(data, at + 3, 2)
        source[i], length[i] = number(data, at + 5, 4), number(data, at + 9, 4)
        published[i] = np.int64(number(data, at + 13, 8))
        at += _SIZE
        a, b = terms[i], terms[i + 1]
        for k in range(a, b):
            term_hash[k] = number(data, at + 4 * (k - a), 4)
        at += 4 * (b - a)
        term_bits[a:b] = data[at : at + b - a]
        term_idf[a:b] = data[at + b - a : at + 2 * (b - a)]
        at += 2 * (b - a)
        a, b = anchors[i], anchors[i + 1]
        for k in range(a, b):
            anchor_key[k] = number(data, at + 4 * (k - a), 4)
        at += 4 * (b - a)
        anchor_weight[a:b] = data[at : at + b - a]


@inlined
def number(data: Any, at: Any, size: int) -> Any:
    """The little-endian ``uint64`` of ``size`` bytes."""
    value = np.uint64(0)
    for k in range(size):
        value |= np.uint64(data[at + k]) << np.uint64(8 * k)
    return value
