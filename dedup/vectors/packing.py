"""Features of one article as bytes: what the store keeps.

Little-endian, version 1: a header (version, marks, known, language, source, length, published, numbers of terms and of
anchors), then the columns ``term_hash uint32``, ``term_bits uint8``, ``term_idf uint8``, ``anchor_key uint32``,
``anchor_weight uint8``.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dedup.errors import DedupError
from dedup.vectors.features import Features

VERSION = 1
_HEADER = struct.Struct("<BBBHIIqBB")


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
    heads = []
    for i, value in enumerate(packed):
        if not value or value[0] != VERSION:
            found = value[0] if value else "none"
            raise DedupError(f"features {i} have version {found}, this is version {VERSION}; re-index the store")
        heads.append(_HEADER.unpack_from(value))
        if len(value) != _HEADER.size + 6 * heads[-1][7] + 5 * heads[-1][8]:
            raise DedupError(f"features {i} are {len(value)} bytes long, which their header does not say; re-index")
    if not heads:
        return Features.empty()
    term_counts = np.array([head[7] for head in heads], np.int64)
    anchor_counts = np.array([head[8] for head in heads], np.int64)
    pieces: tuple[list[bytes], ...] = ([], [], [], [], [])
    for value, head in zip(packed, heads, strict=True):
        at, terms, anchors = _HEADER.size, head[7], head[8]
        for piece, size in zip(pieces, (4 * terms, terms, terms, 4 * anchors, anchors), strict=True):
            piece.append(value[at : at + size])
            at += size
    hashes, bits, idf, keys, weights = (b"".join(piece) for piece in pieces)
    return Features(
        _offsets(term_counts), np.frombuffer(hashes, "<u4").astype(np.uint32), np.frombuffer(bits, np.uint8),
        np.frombuffer(idf, np.uint8), _offsets(anchor_counts), np.frombuffer(keys, "<u4").astype(np.uint32),
        np.frombuffer(weights, np.uint8),
        np.array([head[6] for head in heads], np.int64), np.array([head[4] for head in heads], np.uint32),
        np.array([head[5] for head in heads], np.uint32), np.array([head[3] for head in heads], np.uint16),
        np.array([head[2] for head in heads], np.uint8), np.array([head[1] for head in heads], np.uint8),
    )  # fmt: skip


def _offsets(counts: np.ndarray) -> np.ndarray:
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets
