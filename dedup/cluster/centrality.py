"""How central each member of a story is: compiled, many stories at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.pair_kernels import TERMS, mark_terms
from dedup.text.compiled import inlined, kernel
from dedup.vectors import Features
from dedup.vectors.kernels import TF_SHIFT, TF_WEIGHT

#: Cosine from which two members hold one text.  Cuts and padded copies lie lower: they must witness for the original.
COPY = 0.97


def centrality(
    features: Features, weight: NDArray[np.float32], starts: NDArray[np.int64], peers: NDArray[np.int64],
    peer_starts: NDArray[np.int64],
) -> NDArray[np.float64]:  # fmt: skip
    """Return ``float64[n]``: mean TF-IDF cosine of each member to the texts of its story's other peers, over the
    story's highest.

    A copy is no witness: articles that hold one text count as one, and not for each other.  In a story of two all are
    equally central.

    Parameters
    ----------
    features:
        One row a member.
    weight:
        ``float32[m]``: IDF of every term of ``features``.
    starts:
        ``int64[s + 1]``: members of story ``k`` are rows ``starts[k]:starts[k + 1]``.
    peers, peer_starts:
        ``int64[p]``, ``int64[s + 1]``: rows of each story with which all of it are compared.
    """
    out = np.ones(len(features))
    terms = features.term_offsets, features.term_hash, features.term_bits
    centrality_column(*terms, weight, starts, peers, peer_starts, out)
    return out


@kernel
def centrality_column(
    offsets: Any, hashes: Any, bits: Any, weight: Any, starts: Any, peers: Any, peer_starts: Any, out: Any
) -> None:
    """Fill ``out float64[n]``; ``hashes uint32[m]``, ``bits uint8[m]`` and ``weight float32[m]`` are the terms."""
    values = of_length_one(offsets, bits, weight)
    marks = np.zeros(TERMS, np.uint16)
    for story in range(starts.shape[0] - 1):
        first, n = starts[story], starts[story + 1] - starts[story]
        if n < 3:
            continue
        peer = peers[peer_starts[story] : peer_starts[story + 1]]
        m = peer.shape[0]
        place = np.full(n, -1, np.int64)
        for j in range(m):
            place[peer[j] - first] = j
        likeness = np.empty((n, m))
        for i in range(n):
            marks[:] = 0
            mark_terms(offsets, hashes, first + i, marks)
            for j in range(m):
                other = peer[j] - first
                if other < i and place[i] >= 0:
                    likeness[i, j] = likeness[other, place[i]]
                else:
                    likeness[i, j] = dot(offsets, hashes, values, first + i, marks, peer[j])
        share = np.empty(m)
        texts = 0.0
        for j in range(m):
            copies = 0
            for k in range(m):
                copies += likeness[peer[j] - first, k] >= COPY
            share[j] = 1.0 / max(1, copies)
            texts += share[j]
        alike = texts < 1.5  # copies of one text are told apart by how near they are to all of them
        if alike:
            share[:] = 1.0
            texts = float(m)
        highest = 1e-9
        for i in range(n):
            total, others = 0.0, texts
            for j in range(m):
                own = place[i] == j if alike else place[i] >= 0 and likeness[i, j] >= COPY
                if own:
                    others -= share[j]
                else:
                    total += share[j] * likeness[i, j]
            out[first + i] = total / max(others, 1e-9)
            highest = max(highest, out[first + i])
        for i in range(first, first + n):
            # Copies of one text differ by little; the upper half of the scale tells them apart.
            out[i] = min(1.0, max(0.0, 2 * out[i] / highest - 1))


@inlined
def of_length_one(offsets: Any, bits: Any, weight: Any) -> Any:
    """TF-IDF of every term, ``float64[m]``, each article's as a vector of length one."""
    values = np.empty(weight.shape[0])
    for i in range(offsets.shape[0] - 1):
        square = 0.0
        for k in range(offsets[i], offsets[i + 1]):
            values[k] = np.float64(weight[k]) * np.float64(TF_WEIGHT[bits[k] >> TF_SHIFT])
            square += values[k] * values[k]
        norm = max(np.sqrt(square), 1e-9)
        for k in range(offsets[i], offsets[i + 1]):
            values[k] /= norm
    return values


@inlined
def dot(offsets: Any, hashes: Any, values: Any, i: Any, marks: Any, j: Any) -> Any:
    """Dot product of the terms of ``i``, which is marked, and ``j``; summed by rising hash, whichever is marked."""
    total = 0.0
    for k in range(offsets[j], offsets[j + 1]):
        at = hashes[k] % TERMS
        while marks[at] != 0:
            one = offsets[i] + np.int64(marks[at]) - 1
            if hashes[one] == hashes[k]:
                total += values[one] * values[k]
                break
            at = (at + np.uint32(1)) % TERMS
    return total
