"""Compiled kernel: the tokens of an article to its heaviest terms, its anchors and its quality.

A term is a unigram or bigram of tokens, named by the n-gram hash of :mod:`dedup.text`.  Of each article the
``WORDS`` heaviest unigrams and the ``BIGRAMS`` heaviest bigrams by prior TF-IDF are kept (Salton and Buckley,
"Term-weighting approaches in automatic text retrieval", 1988), with flags that say in which fields they stand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from dedup.text import hashing, shapes
from dedup.text.compiled import inlined, kernel
from dedup.vectors.anchors import DATE, KIND_SHIFT, ORDINAL, find_anchors
from dedup.vectors.prior import (
    ABSENT_BIGRAM,
    ABSENT_WORD,
    BIGRAM_LIMIT,
    BIGRAM_SHARE,
    SCALE,
    UNKNOWN_WORD,
)

#: Bits of a term's ``flags``; the three bits above them hold its frequency class.
TITLE, LEAD, NAME, NUMBER, BIGRAM = 1, 2, 4, 8, 16
TF_SHIFT = 5
#: Frequency classes 0 to 7 stand for these frequencies.
FREQUENCIES = np.array([1, 2, 3, 4, 6, 9, 14, 24], np.float32)
#: ``1 + ln tf`` of each frequency class.
TF_WEIGHT = (1 + np.log(FREQUENCIES)).astype(np.float32)
#: Kept of each article: unigrams, bigrams, anchors.
WORDS, BIGRAMS, ANCHORS = 70, 70, 24
#: Tokens of the body that count as its lead, and that are read at all.
LEAD_TOKENS, MAX_TOKENS = 60, 20_000
#: A term of the title weighs this much more when terms are chosen.
TITLE_BOOST = 1.5
_NGRAM_BASE = np.uint32(hashing.SHINGLE_BASE32)
_SLOTS = 1 << 17
_LEAST_SLOTS = 1 << 11
_COLLECTED = 96


@inlined
def frequency_class(tf: int) -> int:
    """Frequency class of a count."""
    if tf <= 4:
        return max(0, tf - 1)
    return 4 if tf <= 7 else 5 if tf <= 11 else 6 if tf <= 18 else 7


@inlined
def quoted(data: Any, start: int, base: int) -> bool:
    """Say whether a quotation mark or a colon with a space opens the token: its capital tells nothing."""
    i = start - 1
    if i < base:
        return True
    c = data[i]
    if c == 34 or c == 39:
        return True
    if i - 1 >= base and c == 32 and data[i - 1] == 58:
        return True
    return bool(i - 2 >= base and data[i - 2] == 0xE2 and data[i - 1] == 0x80 and 0x98 <= c <= 0x9D)


@njit(nogil=True)
def look_up_priors(hash_: Any, first: Any, last: Any, keys: Any, idf: Any, begin: Any, mask: Any, out: Any) -> Any:
    """Write the prior IDFs of tokens ``first:last`` and of the pairs they end, -1 if absent, to ``out int16[:, 2]``.

    The table is larger than a core's cache: first all places are touched, where no read waits for another, so that
    many are under way at once; then each is decided.  Returns what was touched, which means nothing.
    """
    touched, before = np.uint32(0), np.uint32(0)
    for i in range(first, last):
        h = hash_[i]
        pair = np.uint32(before * _NGRAM_BASE + h)
        before = h
        slot = begin + (np.int64(h ^ (h >> np.uint32(15))) & mask)
        touched ^= keys[slot] ^ idf[slot]
        slot = begin + (np.int64(pair ^ (pair >> np.uint32(15))) & mask)
        touched ^= keys[slot] ^ idf[slot]
    before = np.uint32(0)
    for i in range(first, last):
        for width in range(2):
            key = hash_[i] if width == 0 else np.uint32(before * _NGRAM_BASE + hash_[i])
            slot = np.int64(key ^ (key >> np.uint32(15))) & mask
            while keys[begin + slot] != key and keys[begin + slot] != 0:
                slot = (slot + 1) & mask
            out[i - first, width] = idf[begin + slot] if key != 0 and keys[begin + slot] == key else -1
        before = hash_[i]
    return touched


@njit(nogil=True)
def collect_terms(
    data: Any, base: Any, hash_: Any, start: Any, flags: Any, sep: Any, first: Any, last: Any, title: Any,
    keys: Any, prior: Any, begin: Any, mask: Any, has_bigrams: Any, found: Any,
    slots: Any, used: Any, count: Any, tf: Any, bits: Any, idf: Any, known: Any,
) -> Any:  # fmt: skip
    """Count the terms of tokens ``first:last``; ``known`` counts plain bigrams, and those the table holds.

    ``found int16[:, 2]`` is scratch.  Terms are counted in place, not by a helper: numba would count references to
    the table's columns at every term, which took longer than the term.
    """
    shouted = 0
    for i in range(first, last):
        if flags[i] & shapes.ALLCAPS:
            shouted += 1
    all_caps = shouted * 2 > last - first
    if mask >= 0:
        known[2] ^= look_up_priors(hash_, first, last, keys, prior, begin, mask, found)
    table = slots.shape[0] - 1
    before, before_idf, before_name, before_number = np.uint32(0), 0.0, False, False
    before_plain = False
    for i in range(first, last):
        h = hash_[i]
        field = TITLE if title else LEAD if i - first < LEAD_TOKENS else 0
        number = flags[i] & (shapes.DIGITS | shapes.MIXED) != 0
        capital = flags[i] & shapes.CAPITAL != 0 and not number
        opens = flags[i] & shapes.SENTENCE_START != 0 or (capital and quoted(data, base + np.int64(start[i]), base))
        chained = i + 1 < last and flags[i + 1] & shapes.CAPITAL != 0 and sep[i + 1] == shapes.SPACES
        name = capital and not all_caps and (not opens or chained or flags[i] & shapes.ALLCAPS != 0)
        plain = not capital and not number
        word_idf = UNKNOWN_WORD
        if mask >= 0:
            word_idf = found[i - first, 0] / SCALE if found[i - first, 0] >= 0 else ABSENT_WORD
        paired = i > first and sep[i] != shapes.NEWLINE and not flags[i] & shapes.SENTENCE_START
        for width in range(2 if paired else 1):
            if width == 0:
                term, weight = h, word_idf
                flag = field | (NAME if name else 0) | (NUMBER if number else 0)
            else:
                term = np.uint32(before * _NGRAM_BASE + h)
                if not has_bigrams:
                    weight = min(BIGRAM_LIMIT, BIGRAM_SHARE * (before_idf + word_idf))
                else:
                    weight = found[i - first, 1] / SCALE if found[i - first, 1] >= 0 else ABSENT_BIGRAM
                both = name and before_name and sep[i] == shapes.SPACES
                flag = field | BIGRAM | (NAME if both else 0) | (NUMBER if number or before_number else 0)
                if not title and plain and before_plain and sep[i] == shapes.SPACES:
                    known[0] += 1
                    if (found[i - first, 1] >= 0) if has_bigrams else word_idf < ABSENT_WORD:
                        known[1] += 1
            if term == 0:
                continue
            slot = np.int64(term ^ (term >> np.uint32(16))) & table
            while slots[slot] != 0 and slots[slot] != term:
                slot = (slot + 1) & table
            if slots[slot] == 0:
                slots[slot] = term
                used[count] = slot
                count += 1
                tf[slot], bits[slot], idf[slot] = 0, 0, weight
            tf[slot] += 1
            bits[slot] |= flag
        before, before_idf, before_number, before_plain = h, word_idf, number, plain
        before_name = capital and not all_caps
    return count


@njit(nogil=True)
def slots_for(tokens: Any) -> Any:
    """Slots of the table for the terms of so many tokens; a small table stays in the processor's cache."""
    wanted = _LEAST_SLOTS
    while wanted < 4 * tokens and wanted < _SLOTS:
        wanted *= 2
    return wanted


@njit(nogil=True)
def choose(keys: Any, most: Any, chosen: Any, m: Any) -> Any:
    """Append the terms (low halves) of the ``most`` smallest keys to ``chosen``, in no order; return the new end."""
    if most < keys.shape[0]:
        keys = np.partition(keys, most)[:most]
    for key in keys:
        chosen[m] = np.uint32(key & np.uint64(0xFFFFFFFF))
        m += 1
    return m


@njit(nogil=True)
def keep_heaviest(
    slots: Any, used: Any, count: Any, tf: Any, bits: Any, idf: Any, words: Any, bigrams: Any,
    out_hash: Any, out_bits: Any, out_idf: Any, at: Any,
) -> Any:  # fmt: skip
    """Write the heaviest terms in order of their hash from ``at`` on, clear the table, return the new end."""
    keys = np.empty(count, np.uint64)
    n_words = 0
    for pass_ in range(2):
        k = 0 if pass_ == 0 else n_words
        for u in range(count):
            slot = used[u]
            if (bits[slot] & BIGRAM != 0) == (pass_ == 1):
                weight = idf[slot] * (1.0 + np.log(tf[slot])) * (TITLE_BOOST if bits[slot] & TITLE else 1.0)
                keys[k] = np.uint64(0xFFFFFFFF - np.int64(weight * 65536)) << np.uint64(32) | np.uint64(slots[slot])
                k += 1
        if pass_ == 0:
            n_words = k
    chosen = np.empty(words + bigrams, np.uint32)
    m = choose(keys[:n_words], words, chosen, 0)
    m = choose(keys[n_words:], bigrams, chosen, m)
    mask = slots.shape[0] - 1
    for h in np.sort(chosen[:m]):
        slot = np.int64(h ^ (h >> np.uint32(16))) & mask
        while slots[slot] != h:
            slot = (slot + 1) & mask
        out_hash[at] = h
        out_bits[at] = bits[slot] | frequency_class(tf[slot]) << TF_SHIFT
        out_idf[at] = np.uint8(min(255.0, idf[slot] * SCALE + 0.5))
        at += 1
    for u in range(count):
        slots[used[u]] = 0
    return at


@njit(nogil=True)
def keep_anchors(keys: Any, weights: Any, count: Any, out_keys: Any, out_weights: Any, at: Any) -> Any:
    """Write the weightiest anchors, dates and ordinals first, in order of their keys from ``at`` on."""
    order = np.empty(count, np.uint64)
    for k in range(count):
        kind = keys[k] >> np.uint32(KIND_SHIFT)
        rank = min(weights[k], 255) * (4 if kind in (DATE, ORDINAL) else 1)
        order[k] = np.uint64(0xFFFF - rank) << np.uint64(48) | np.uint64(keys[k]) << np.uint64(8) | np.uint64(k)
    order.sort()
    kept = min(count, ANCHORS)
    for k in range(kept):
        order[k] = np.uint64(keys[np.int64(order[k] & np.uint64(255))]) << np.uint64(8) | (order[k] & np.uint64(255))
    for entry in np.sort(order[:kept]):
        k = int(entry & np.uint64(255))
        out_keys[at] = keys[k]
        out_weights[at] = np.uint8(min(weights[k], 255))
        at += 1
    return at


@kernel
def featurize_column(
    t_data: Any, t_at: Any, t_offsets: Any, t_hash: Any, t_start: Any, t_end: Any, t_flags: Any, t_sep: Any,
    t_value: Any,
    data: Any, at: Any, offsets: Any, hash_: Any, start: Any, end: Any, flags: Any, sep: Any, value: Any,
    published: Any, lang: Any, keys: Any, idfs: Any, begin: Any, mask: Any, bigram_tables: Any,
    words: Any, classes: Any,
    term_offsets: Any, term_hash: Any, term_bits: Any, term_idf: Any,
    anchor_offsets: Any, anchor_key: Any, anchor_weight: Any, known: Any,
) -> None:  # fmt: skip
    """Featurize every article; ``t_*`` are the title's columns, the others the body's (see ``Tokens``).

    Results go to the columns of :class:`dedup.vectors.Features`; ``known int64[n, 3]`` counts plain bigrams, and
    those the prior knows; the third column is scratch.
    """
    longest = 0
    for i in range(published.shape[0]):
        longest = max(longest, t_offsets[i + 1] - t_offsets[i] + offsets[i + 1] - offsets[i])
    size = slots_for(longest)
    slots = np.zeros(size, np.uint32)
    tf = np.empty(size, np.int32)
    bits = np.empty(size, np.uint8)
    idf = np.empty(size, np.float32)
    used = np.empty(size, np.int64)
    priors = np.empty((min(longest, MAX_TOKENS), 2), np.int16)
    found_key = np.empty(_COLLECTED, np.uint32)
    found_weight = np.empty(_COLLECTED, np.int64)
    found_place = np.empty(_COLLECTED, np.int64)
    m, a = 0, 0
    for i in range(published.shape[0]):
        code = lang[i]
        count, found = 0, 0
        last_title = min(t_offsets[i + 1], t_offsets[i] + MAX_TOKENS)
        last_body = min(offsets[i + 1], offsets[i] + MAX_TOKENS)
        table = slots[: slots_for(last_title - t_offsets[i] + last_body - offsets[i])]
        count = collect_terms(
            t_data, t_at[i], t_hash, t_start, t_flags, t_sep, t_offsets[i], last_title, True,
            keys, idfs, begin[code], mask[code], bigram_tables[code], priors,
            table, used, count, tf, bits, idf, known[i],
        )  # fmt: skip
        count = collect_terms(
            data, at[i], hash_, start, flags, sep, offsets[i], last_body, False,
            keys, idfs, begin[code], mask[code], bigram_tables[code], priors,
            table, used, count, tf, bits, idf, known[i],
        )  # fmt: skip
        found = find_anchors(
            t_data, t_at[i], t_at[i + 1], t_hash, t_start, t_end, t_flags, t_sep, t_value,
            t_offsets[i], last_title, True, 0, published[i], words, classes,
            found_key, found_weight, found_place, found,
        )  # fmt: skip
        found = find_anchors(
            data, at[i], at[i + 1], hash_, start, end, flags, sep, value,
            offsets[i], last_body, False, LEAD_TOKENS, published[i], words, classes,
            found_key, found_weight, found_place, found,
        )  # fmt: skip
        m = keep_heaviest(table, used, count, tf, bits, idf, WORDS, BIGRAMS, term_hash, term_bits, term_idf, m)
        a = keep_anchors(found_key, found_weight, found, anchor_key, anchor_weight, a)
        term_offsets[i + 1] = m
        anchor_offsets[i + 1] = a
