"""Names and anchors as an article spells them: what people are shown of it beside another.

Hashes decide, spellings explain: nothing here is read by a decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from dedup.text import Texts, Tokens
from dedup.text.compiled import kernel
from dedup.text.shapes import CAPITAL, DIGITS, MIXED, SENTENCE_START, SPACES
from dedup.vectors import anchors as a
from dedup.vectors.kernels import LEAD_TOKENS
from dedup.vectors.lexicon import lexicon
from dedup.views import Anchor

#: Most anchors read of an article.
MOST_ANCHORS = 96
#: Tokens shown before and after the first of an anchor.
_BEFORE, _AFTER = 3, 2
NEW_LINE, SPACE = ord("\n"), ord(" ")


@dataclass(frozen=True, slots=True)
class Spelling:
    """What one text spells.

    Attributes
    ----------
    names:
        Proper names.
    keys, weights:
        Of each anchor, in order of appearance.
    spans:
        The two words of each anchor from its first on, and those around it, in turn.
    """

    names: frozenset[str]
    keys: list[int]
    weights: list[int]
    spans: list[str]

    def anchor(self, place: int) -> Anchor:
        """The anchor at a place of ``keys`` as people read it."""
        key = self.keys[place]
        kind = key >> a.KIND_SHIFT
        if kind == a.DATE:
            year, month, day = key >> 9 & 127, key >> 5 & 15, key & 31
            value = f"{1970 + year}-{month:02}-{day:02}" if year else f"--{month:02}-{day:02}"
        elif kind == a.ORDINAL:
            value = str(key >> 16 & 1023)
        else:
            value = self.spans[2 * place]
        return Anchor(a.KINDS[kind], value, self.spans[2 * place + 1])


def spell(
    texts: Texts, tokens: Tokens, titled: Sequence[bool], published: Sequence[datetime | None]
) -> tuple[list[Spelling], NDArray[np.int64], NDArray[np.uint32]]:
    """Read the names and anchors of texts.

    Parameters
    ----------
    texts, tokens:
        ``n`` texts and their tokens.
    titled:
        Whether the first line of each is its title.
    published:
        When each was published, if known: a year that is missing follows from it.

    Returns
    -------
    spellings : list, length n
    offsets, keys : int64[n + 1], uint32[a]
        Anchors of text ``i`` are ``keys[offsets[i]:offsets[i + 1]]``.
    """
    seconds = np.array([a.UNDATED if one is None else int(one.timestamp()) for one in published], np.int64)
    named, offsets = np.zeros(len(texts), np.int64), np.zeros(len(texts) + 1, np.int64)
    keys, weights, written = spell_column(
        texts.data, texts.offsets, tokens.offsets, tokens.hash, tokens.start, tokens.end, tokens.flags,
        tokens.separator, tokens.value, np.array(titled, np.bool_), seconds, *lexicon(), named, offsets,
    )  # fmt: skip
    spans = written.tobytes().decode("utf-8", "replace").split("\n")
    all_keys, all_weights, at = keys.tolist(), weights.tolist(), 0
    spellings = []
    for names, (b, e) in zip(named.tolist(), pairwise(offsets.tolist()), strict=True):
        middle, end = at + names, at + names + 2 * (e - b)
        spellings.append(Spelling(frozenset(spans[at:middle]), all_keys[b:e], all_weights[b:e], spans[middle:end]))
        at = end
    return spellings, offsets, keys


@kernel
def spell_column(
    data: Any, offsets: Any, token_offsets: Any,
    hash_: Any, start: Any, end: Any, flags: Any, separator: Any, value: Any,
    titled: Any, published: Any, words: Any, classes: Any, named: Any, anchored: Any,
) -> Any:  # fmt: skip
    """Keys ``uint32[a]`` and weights ``int64[a]`` of the anchors of all texts, and all they spell, a line each.

    Of each text its ``named[i]`` names, then two lines for each of its ``anchored[i]:anchored[i + 1]`` anchors.
    """
    n = named.shape[0]
    room = n * MOST_ANCHORS
    keys, weights, places = np.empty(room, np.uint32), np.empty(room, np.int64), np.empty(MOST_ANCHORS, np.int64)
    spans = np.empty((token_offsets[n] + 2 * room, 2), np.int64)
    count, spelled = 0, 0
    for i in range(n):
        base, b, e = offsets[i], token_offsets[i], token_offsets[i + 1]
        before = spelled
        spelled = find_names(base, b, e, start, end, flags, separator, spans, spelled)
        named[i] = spelled - before
        body = first_of_body(data, base, start, b, e) if titled[i] else b
        mine = keys[count : count + MOST_ANCHORS]
        found = 0
        for title in (True, False):
            found = a.find_anchors(
                data, base, offsets[i + 1], hash_, start, end, flags, separator, value,
                b if title else body, body if title else e, title, LEAD_TOKENS, published[i], words, classes,
                mine, weights[count : count + MOST_ANCHORS], places, found,
            )  # fmt: skip
        for k in range(found):
            place = places[k]
            for first, last in ((place, place + 1), (place - _BEFORE, place + _AFTER)):
                spans[spelled, 0] = base + start[max(b, first)]
                spans[spelled, 1] = base + end[min(e - 1, last)]
                spelled += 1
        count += found
        anchored[i + 1] = count
    return keys[:count], weights[:count], lines_of(data, spans[:spelled])


@njit(nogil=True)
def first_of_body(data: Any, base: Any, start: Any, token: Any, last: Any) -> Any:
    """First token behind the first line of a text."""
    line = np.int64(0)
    while data[base + line] != NEW_LINE:
        line += 1
    while token < last and start[token] < line:
        token += 1
    return token


@njit(nogil=True)
def find_names(
    base: Any, token: Any, last: Any, start: Any, end: Any, flags: Any, separator: Any, spans: Any, count: Any
) -> Any:
    """Add where the names of a text stand to ``spans int64[:, 2]``: runs of capitals that no sentence begins with.

    Of a run of three or more also what follows its first word: "Ông Đặng Văn Tường", "TP Hà Nội".
    """
    while token < last:
        first = token
        while token < last and flags[token] & CAPITAL and not flags[token] & (DIGITS | MIXED):
            token += 1
            if token < last and separator[token] != SPACES:
                break
        length = token - first
        if length == 0:
            token += 1
            continue
        if length > 1 or not flags[first] & SENTENCE_START:
            spans[count, 0], spans[count, 1] = base + start[first], base + end[token - 1]
            count += 1
        if length > 2:
            spans[count, 0], spans[count, 1] = base + start[first + 1], base + end[token - 1]
            count += 1
    return count


@njit(nogil=True)
def lines_of(data: Any, spans: Any) -> Any:
    """Bytes of all spans, each ended by a line break, white space inside as one blank."""
    size = 0
    for k in range(spans.shape[0]):
        size += spans[k, 1] - spans[k, 0] + 1
    out = np.empty(size, np.uint8)
    at = 0
    for k in range(spans.shape[0]):
        i, end = spans[k, 0], spans[k, 1]
        while i < end:
            white = white_space(data, i, end)
            if white == 0:
                out[at] = data[i]
                at += 1
                i += 1
                continue
            i += white
            if out[at - 1] != SPACE:
                out[at] = SPACE
                at += 1
        out[at] = NEW_LINE
        at += 1
    return out[:at]


@njit(nogil=True)
def white_space(data: Any, i: Any, end: Any) -> Any:
    """Bytes of the white space that begins at ``i``, as ``str.split`` knows it; 0 if there is none."""
    c = data[i]
    if c < 0x80:
        return 1 if c == 0x20 or 0x09 <= c <= 0x0D or 0x1C <= c <= 0x1F else 0
    if c == 0xC2 and i + 1 < end:
        return 2 if data[i + 1] == 0x85 or data[i + 1] == 0xA0 else 0
    if i + 2 >= end:
        return 0
    d, e = data[i + 1], data[i + 2]
    if c == 0xE2:
        general = d == 0x80 and (0x80 <= e <= 0x8A or e == 0xA8 or e == 0xA9 or e == 0xAF)
        return 3 if general or (d == 0x81 and e == 0x9F) else 0
    return 3 if (c == 0xE1 and d == 0x9A and e == 0x80) or (c == 0xE3 and d == 0x80 and e == 0x80) else 0
