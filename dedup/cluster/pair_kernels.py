"""Compiled comparison of two articles: the pair features, and the log-odds that the model makes of them.

One article is compared with many others, so it is *marked* first: its terms and anchors are entered into a small table
in which those of the others are looked up.  Merging two sorted lists takes a step for every term of both, each waiting
for the one before; here a term that is not shared costs one look at an empty cell, and looks do not wait for each other
(Ding and König, "Fast set intersection in memory", 2011).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dedup.cluster.pair_features import K
from dedup.text.compiled import inlined, kernel
from dedup.vectors.anchors import DATE, KIND_SHIFT, ORDINAL, UNDATED
from dedup.vectors.kernels import BIGRAM, BIGRAMS, LEAD, NAME, TF_SHIFT, TF_WEIGHT, TITLE, WORDS

#: Columns, in the order of :data:`~dedup.cluster.pair_features.PAIR_FEATURES`.
(
    _BODY, _TITLE, _LEAD, _NAMES, _WORDS, _PHRASES, _RARE, _GAP, _LENGTH, _UNTITLED,
    _DATES, _DATE_CONFLICT, _ORDINALS, _ORDINAL_CONFLICT, _AMOUNTS, _TEMPLATE, _RUBRIC, _TIME, _ENCODED,
) = range(K)  # fmt: skip
_RARE_IDF = np.float32(6.0)
#: Summed IDF shared outside the titles that like titles need for support.
_SUPPORT = np.float32(40.0)
#: Cells of the table of marks for terms, and behind them for anchors.
TERMS, _ANCHORS = np.uint32(4096), np.uint32(512)
#: Behind both, room for the places of terms that may be shared.
_HITS = 4096 + 512


@njit(nogil=True)
def unmarked() -> Any:
    """An empty table of marks, ``uint16[cells]``."""
    return np.zeros(_HITS + WORDS + BIGRAMS, np.uint16)


@njit(nogil=True)
def mark(p: Any, i: Any, marks: Any) -> None:
    """Enter the terms and anchors of an article into a table of marks, and forget those that it held.

    An anchor's cell says that one like it may be there.
    """
    marks[:_HITS] = 0
    mark_terms(p.term_offsets, p.term_hash, i, marks)
    for k in range(p.anchor_offsets[i], p.anchor_offsets[i + 1]):
        one, two = anchor_cells(p.anchor_key[k])
        marks[one] = 1
        marks[two] = 1


@inlined
def mark_terms(offsets: Any, terms: Any, i: Any, marks: Any) -> None:
    """Enter an article's terms into an empty table ``marks uint16[TERMS]``.

    A term's cell holds its place in the article, counted from 1, in the first free cell from its hash on.
    """
    first = offsets[i]
    for k in range(offsets[i + 1] - first):
        at = terms[first + k] % TERMS
        while marks[at] != 0:
            at = (at + np.uint32(1)) % TERMS
        marks[at] = k + 1


@inlined
def anchor_cells(key: Any) -> Any:
    """Two cells of an anchor; of two that name one thing, and of two ordinals of one head, a cell is the same."""
    kind = key >> np.uint32(KIND_SHIFT)
    # The day and month of a date; the value and the head of an ordinal; the hash of an amount.
    one = key >> np.uint32(16) if kind == ORDINAL else key
    two = one if kind == DATE else key
    return TERMS + one % _ANCHORS, TERMS + two % _ANCHORS


@kernel
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


@inlined
def compare_anchors(p: Any, i: Any, marks: Any, j: Any, row: Any, body: Any) -> None:
    """Fill the anchor columns of a row; ``i`` is marked, ``body`` is the cosine of the terms."""
    keys, weights, offsets = p.anchor_key, p.anchor_weight, p.anchor_offsets
    dot_date, dot_ordinal, shared, heads = np.int64(0), np.int64(0), 0, 0
    for b in range(offsets[j], offsets[j + 1]):
        other = keys[b]
        one, two = anchor_cells(other)
        if marks[one] == 0 and marks[two] == 0:
            continue
        kind = other >> np.uint32(KIND_SHIFT)
        for a in range(offsets[i], offsets[i + 1]):
            key = keys[a]
            if kind != key >> np.uint32(KIND_SHIFT):
                continue
            if same_anchor(key, other):
                product = np.int64(weights[a]) * np.int64(weights[b])
                if kind == DATE:
                    dot_date += product
                elif kind == ORDINAL:
                    dot_ordinal += product
                else:
                    shared += 1
            elif kind == ORDINAL and key & np.uint32(0xFFFF) == other & np.uint32(0xFFFF) != 0:
                heads += 1
    n, m = p.anchor_sums[i], p.anchor_sums[j]
    if n[0] > 0 and m[0] > 0:
        row[_DATES] = min(np.float32(1), np.float32(dot_date) / np.sqrt(n[0] * m[0]))
        row[_DATE_CONFLICT] = 1 if dot_date == 0 else 0
    if n[1] > 0 and m[1] > 0:
        cosine = np.float32(dot_ordinal) / np.sqrt(n[1] * m[1])
        row[_ORDINALS] = min(np.float32(1), cosine)
        row[_ORDINAL_CONFLICT] = (1 - row[_ORDINALS]) * (2 if heads and dot_ordinal == 0 else 1)
    row[_AMOUNTS] = np.log1p(np.float32(shared))
    few = int(min(n[2], m[2]))
    disagree = max(np.float32(0), 1 - np.float32(shared) / few) if few >= 3 else np.float32(0)
    if row[_DATE_CONFLICT] > 0 or row[_ORDINAL_CONFLICT] >= 1:
        disagree += 1
    row[_TEMPLATE] = max(np.float32(0), body - np.float32(0.35)) * disagree


@inlined
def has(bits: Any, flags: Any) -> Any:
    """1 if one of the flags is set, else 0: a factor, where a branch could not be predicted."""
    return np.float32((bits & flags) != 0)


@inlined
def compare(p: Any, i: Any, marks: Any, j: Any, row: Any) -> None:
    """Write the features of the pair ``(i, j)`` to ``row float32[K]``; ``marks`` are those of ``i``.

    Symmetric in ``i`` and ``j``.
    """
    row[:] = 0
    zero, unit = np.float32(0), np.float32(1)
    body, title, lead, names, rest = zero, zero, zero, zero, zero
    words, phrases, rare = zero, zero, zero
    # Arrays of a tuple are named once: looking them up in a loop counts references each time.
    terms, bits, weights = p.term_hash, p.term_bits, p.weight
    first, start = p.term_offsets[i], p.term_offsets[j]
    found = 0
    for k in range(p.term_offsets[j + 1] - start):
        # No branch: whether a term is shared could not be predicted.
        marks[_HITS + found] = k
        found += marks[terms[start + k] % TERMS] != 0
    for hit in range(found):
        b = start + marks[_HITS + hit]
        at = terms[b] % TERMS
        while marks[at] != 0 and terms[first + marks[at] - 1] != terms[b]:
            at = (at + np.uint32(1)) % TERMS
        if marks[at] == 0:
            continue
        a = first + marks[at] - 1
        x, y, w = bits[a], bits[b], weights[a]
        tf = TF_WEIGHT[x >> TF_SHIFT] * TF_WEIGHT[y >> TF_SHIFT]
        square = w * w
        both = x & y
        phrase = has(x, BIGRAM)
        body += square * tf
        title += square * has(both, TITLE)
        rest += w * (unit - has(x | y, TITLE))
        lead += square * (has(x, TITLE | LEAD) * has(y, TITLE | LEAD))
        names += square * tf * has(both, NAME)
        phrases += w * phrase
        words += w * (unit - phrase)
        rare += max(zero, w - _RARE_IDF)
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
    compare_anchors(p, i, marks, j, row, cosine)
    if p.published[i] != UNDATED and p.published[j] != UNDATED:
        days = abs(p.published[i] - p.published[j]) / np.float32(86_400)
        row[_TIME] = 1 - np.exp(-((min(days, np.float32(30)) / 3) ** 2))
    for d in range(p.vectors.shape[1]):
        row[_ENCODED] += p.vectors[i, d] * p.vectors[j, d]


@kernel
def compare_pairs(p: Any, left: Any, right: Any, out: Any) -> None:
    """Fill ``out float32[m, K]`` for the pairs ``left[k], right[k]``."""
    marks, marked = unmarked(), -1
    for k in range(left.shape[0]):
        if left[k] != marked:
            marked = left[k]
            mark(p, marked, marks)
        compare(p, marked, marks, right[k], out[k])


@inlined
def logit_of(p: Any, w: Any, i: Any, marks: Any, j: Any, row: Any) -> Any:
    """Log-odds that ``i``, which is marked, and ``j`` report one event; ``row float32[K]`` is scratch."""
    compare(p, i, marks, j, row)
    a, b = w.model[i], w.model[j]
    total = np.float32(0.5) * (w.intercept[a] + w.intercept[b])
    if a == b:
        for k in range(K):
            total += row[k] * w.coef[a, k]
    else:
        for k in range(K):
            total += row[k] * np.float32(0.5) * (w.coef[a, k] + w.coef[b, k])
    return total


@kernel
def logit_pairs(p: Any, w: Any, left: Any, right: Any, out: Any) -> None:
    """Fill ``out float32[m]`` with the log-odds of each pair."""
    marks, marked = unmarked(), -1
    row = np.empty(K, np.float32)
    for k in range(left.shape[0]):
        if left[k] != marked:
            marked = left[k]
            mark(p, marked, marks)
        out[k] = logit_of(p, w, marked, marks, right[k], row)
