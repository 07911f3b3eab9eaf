"""What is compared between two articles, compiled: one row of numbers a pair.

A missing field (no title, no date) leaves its features at 0 and, for the title, raises a flag the
model has learned to read: absence is no evidence.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.text.compiled import kernel
from dedup.vectors import Features, Idf, anchors
from dedup.vectors.anchors import DATE, KIND_SHIFT, ORDINAL, UNDATED
from dedup.vectors.features import HAS_TITLE
from dedup.vectors.kernels import BIGRAM, LEAD, NAME, TF_SHIFT, TF_WEIGHT, TITLE

#: Columns of a row, with what each says.
PAIR_FEATURES: dict[str, str] = {
    "body": "square root of the TF-IDF cosine of all kept terms",
    "title": "square root of the IDF cosine of the titles",
    "lead": "square root of the IDF cosine of titles and leads together",
    "names": "square root of the TF-IDF cosine of proper-name terms",
    "words": "log of the summed IDF of shared words",
    "phrases": "log of the summed IDF of shared word pairs",
    "rare": "log of the summed IDF above 6 of shared terms",
    "length_gap": "difference of the logs of the lengths",
    "length": "log of the shorter length, less 6",
    "untitled": "one of the two has no title",
    "dates": "cosine of the dates mentioned",
    "date_conflict": "both mention dates, none in common",
    "ordinals": "cosine of the ordinals mentioned",
    "ordinal_conflict": "both mention ordinals: how little they agree; twice if one head has two values",
    "amounts": "log of the number of shared amounts and scores",
    "template": "alike in text, both full of amounts, and the amounts differ",
    "rubric": "the titles are alike and nothing else is",
    "time_apart": "1 - exp(-(days apart / 3)^2) of the times of publication",
    "encoded": "cosine of an encoder's vectors, 0 without encoder",
}
NAMES = tuple(PAIR_FEATURES)
K = len(NAMES)
(
    _BODY, _TITLE, _LEAD, _NAMES, _WORDS, _PHRASES, _RARE, _GAP, _LENGTH, _UNTITLED,
    _DATES, _DATE_CONFLICT, _ORDINALS, _ORDINAL_CONFLICT, _AMOUNTS, _TEMPLATE, _RUBRIC, _TIME, _ENCODED,
) = range(K)  # fmt: skip
_RARE_IDF = np.float32(6.0)
#: Fields whose norms are kept: all terms, title, title and lead, names.
_NORMS = 4
#: Summed IDF shared outside the titles that like titles need for support.
_SUPPORT = np.float32(40.0)


class Prepared(NamedTuple):
    """Features made ready for comparison under one IDF snapshot; a tuple, so that kernels take it as one argument.

    ``weight float32[m]`` is the IDF of each term, ``norms float32[n, 4]`` the field norms, ``log_length float32[n]``;
    ``vectors float32[n, d]`` an encoder's vectors of length 1, ``d = 0`` without one.
    """

    term_offsets: NDArray[np.int64]
    term_hash: NDArray[np.uint32]
    term_bits: NDArray[np.uint8]
    weight: NDArray[np.float32]
    norms: NDArray[np.float32]
    anchor_offsets: NDArray[np.int64]
    anchor_key: NDArray[np.uint32]
    anchor_weight: NDArray[np.uint8]
    published: NDArray[np.int64]
    log_length: NDArray[np.float32]
    titled: NDArray[np.bool_]
    vectors: NDArray[np.float32]


def prepare(features: Features, idf: Idf, vectors: NDArray[np.float32] | None = None) -> Prepared:
    """Weigh the terms of ``features`` under ``idf`` and compute what every comparison needs."""
    n = len(features)
    weight = idf.weights(features)
    norms = np.zeros((n, _NORMS), np.float32)
    field_norms(features.term_offsets, features.term_bits, weight, norms)
    return Prepared(
        features.term_offsets, features.term_hash, features.term_bits, weight, norms,
        features.anchor_offsets, features.anchor_key, features.anchor_weight,
        features.published, np.log(np.maximum(1, features.length)).astype(np.float32),
        (features.marks & HAS_TITLE) != 0, np.empty((n, 0), np.float32) if vectors is None else vectors,
    )  # fmt: skip


@kernel()
def field_norms(offsets: Any, bits: Any, weight: Any, norms: Any) -> None:
    """Fill ``norms float32[n, 4]`` (see :class:`Prepared`)."""
    for i in range(norms.shape[0]):
        for k in range(offsets[i], offsets[i + 1]):
            b, w = bits[k], weight[k]
            tf = TF_WEIGHT[b >> TF_SHIFT]
            norms[i, 0] += (w * tf) ** 2
            if b & TITLE:
                norms[i, 1] += w * w
            if b & (TITLE | LEAD):
                norms[i, 2] += w * w
            if b & NAME:
                norms[i, 3] += (w * tf) ** 2
        for f in range(_NORMS):
            norms[i, f] = np.sqrt(norms[i, f])


@kernel()
def same_anchor(a: Any, b: Any) -> Any:
    """Say whether two keys name one anchor; a date without year matches any year, an ordinal any head."""
    if a == b:
        return True
    kind = a >> np.uint32(KIND_SHIFT)
    if kind != b >> np.uint32(KIND_SHIFT):
        return False
    if kind == DATE:
        no_year = (a >> np.uint32(9)) & np.uint32(127) == 0 or (b >> np.uint32(9)) & np.uint32(127) == 0
        return no_year and a & np.uint32(511) == b & np.uint32(511)
    return kind == ORDINAL and (a >> np.uint32(16)) == (b >> np.uint32(16))


@njit(nogil=True)
def compare_anchors(p: Any, i: Any, j: Any, row: Any, body: Any) -> None:
    """Fill the anchor columns of a row; ``body`` is the cosine of the terms."""
    dot_date, dot_ordinal = np.float32(0), np.float32(0)
    sq_date_i, sq_date_j = np.float32(0), np.float32(0)
    sq_ordinal_i, sq_ordinal_j = np.float32(0), np.float32(0)
    amounts_i, amounts_j, shared, heads = 0, 0, 0, 0
    for a in range(p.anchor_offsets[i], p.anchor_offsets[i + 1]):
        key, w = p.anchor_key[a], np.float32(p.anchor_weight[a])
        kind = key >> np.uint32(KIND_SHIFT)
        if kind == DATE:
            sq_date_i += w * w
        elif kind == ORDINAL:
            sq_ordinal_i += w * w
        else:
            amounts_i += 1
        for b in range(p.anchor_offsets[j], p.anchor_offsets[j + 1]):
            other = p.anchor_key[b]
            if kind != other >> np.uint32(KIND_SHIFT):
                continue
            if same_anchor(key, other):
                product = w * np.float32(p.anchor_weight[b])
                if kind == DATE:
                    dot_date += product
                elif kind == ORDINAL:
                    dot_ordinal += product
                else:
                    shared += 1
            elif kind == ORDINAL and key & np.uint32(0xFFFF) == other & np.uint32(0xFFFF) != 0:
                heads += 1
    for b in range(p.anchor_offsets[j], p.anchor_offsets[j + 1]):
        kind, w = p.anchor_key[b] >> np.uint32(KIND_SHIFT), np.float32(p.anchor_weight[b])
        if kind == DATE:
            sq_date_j += w * w
        elif kind == ORDINAL:
            sq_ordinal_j += w * w
        else:
            amounts_j += 1
    if sq_date_i > 0 and sq_date_j > 0:
        row[_DATES] = min(np.float32(1), dot_date / np.sqrt(sq_date_i * sq_date_j))
        row[_DATE_CONFLICT] = 1 if dot_date == 0 else 0
    if sq_ordinal_i > 0 and sq_ordinal_j > 0:
        row[_ORDINALS] = min(np.float32(1), dot_ordinal / np.sqrt(sq_ordinal_i * sq_ordinal_j))
        row[_ORDINAL_CONFLICT] = (1 - row[_ORDINALS]) * (2 if heads and dot_ordinal == 0 else 1)
    row[_AMOUNTS] = np.log1p(np.float32(shared))
    few = min(amounts_i, amounts_j)
    disagree = max(np.float32(0), 1 - np.float32(shared) / few) if few >= 3 else np.float32(0)
    if row[_DATE_CONFLICT] > 0 or row[_ORDINAL_CONFLICT] >= 1:
        disagree += 1
    row[_TEMPLATE] = max(np.float32(0), body - np.float32(0.35)) * disagree


@njit(nogil=True)
def compare(p: Any, i: Any, j: Any, row: Any) -> None:
    """Write the features of the pair ``(i, j)`` to ``row float32[K]``; symmetric in ``i`` and ``j``."""
    row[:] = 0
    body, title, lead, names, rest = np.float32(0), np.float32(0), np.float32(0), np.float32(0), np.float32(0)
    words, phrases, rare = np.float32(0), np.float32(0), np.float32(0)
    a, b = p.term_offsets[i], p.term_offsets[j]
    a_end, b_end = p.term_offsets[i + 1], p.term_offsets[j + 1]
    while a < a_end and b < b_end:
        left, right = p.term_hash[a], p.term_hash[b]
        if left == right:
            x, y, w = p.term_bits[a], p.term_bits[b], p.weight[a]
            tf = TF_WEIGHT[x >> TF_SHIFT] * TF_WEIGHT[y >> TF_SHIFT]
            square = w * w
            body += square * tf
            both = x & y
            if both & TITLE:
                title += square
            elif not (x | y) & TITLE:
                rest += w
            if x & (TITLE | LEAD) and y & (TITLE | LEAD):
                lead += square
            if both & NAME:
                names += square * tf
            if x & BIGRAM:
                phrases += w
            else:
                words += w
            rare += max(np.float32(0), w - _RARE_IDF)
        # No branch on which is smaller: it could not be predicted.
        a += left <= right
        b += right <= left
    n, m = p.norms[i], p.norms[j]
    cosine = body / max(n[0] * m[0], np.float32(1e-6))
    row[_BODY] = np.sqrt(cosine)
    row[_TITLE] = np.sqrt(title / max(n[1] * m[1], np.float32(1e-6)))
    row[_LEAD] = np.sqrt(lead / max(n[2] * m[2], np.float32(1e-6)))
    row[_NAMES] = np.sqrt(names / max(n[3] * m[3], np.float32(1e-6)))
    row[_RUBRIC] = row[_TITLE] * max(np.float32(0), 1 - rest / _SUPPORT)
    row[_WORDS] = np.log1p(words)
    row[_PHRASES] = np.log1p(phrases)
    row[_RARE] = np.log1p(rare)
    row[_GAP] = abs(p.log_length[i] - p.log_length[j])
    row[_LENGTH] = min(p.log_length[i], p.log_length[j]) - 6
    if not (p.titled[i] and p.titled[j]):
        row[_UNTITLED] = 1
    compare_anchors(p, i, j, row, cosine)
    if p.published[i] != UNDATED and p.published[j] != UNDATED:
        days = abs(p.published[i] - p.published[j]) / np.float32(86_400)
        row[_TIME] = 1 - np.exp(-((min(days, np.float32(30)) / 3) ** 2))
    for k in range(p.vectors.shape[1]):
        row[_ENCODED] += p.vectors[i, k] * p.vectors[j, k]


@kernel(anchors)
def compare_pairs(p: Any, left: Any, right: Any, out: Any) -> None:
    """Fill ``out float32[m, K]`` for the pairs ``left[k], right[k]``."""
    for k in range(left.shape[0]):
        compare(p, left[k], right[k], out[k])


class Weights(NamedTuple):
    """Weights of the pair model, as kernels take them.

    ``coef float32[g, K]``, ``intercept float32[g]``; ``model uint8[n]`` says which of the ``g`` models judges each
    article.  A pair judged by two models gets the mean of their log-odds; that is how cross-validation scores an
    article by a model that has not seen its story, through the very code that production runs (with ``g = 1``).
    """

    coef: NDArray[np.float32]
    intercept: NDArray[np.float32]
    model: NDArray[np.uint8]


@njit(nogil=True)
def logit_of(p: Any, w: Any, i: Any, j: Any, row: Any) -> Any:
    """Log-odds that ``i`` and ``j`` report one event; ``row float32[K]`` is scratch."""
    compare(p, i, j, row)
    a, b = w.model[i], w.model[j]
    total = np.float32(0.5) * (w.intercept[a] + w.intercept[b])
    if a == b:
        for k in range(K):
            total += row[k] * w.coef[a, k]
    else:
        for k in range(K):
            total += row[k] * np.float32(0.5) * (w.coef[a, k] + w.coef[b, k])
    return total


@kernel(anchors)
def logit_pairs(p: Any, w: Any, left: Any, right: Any, out: Any) -> None:
    """Fill ``out float32[m]`` with the log-odds of each pair."""
    row = np.empty(K, np.float32)
    for k in range(left.shape[0]):
        out[k] = logit_of(p, w, left[k], right[k], row)
