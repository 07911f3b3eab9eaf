"""Names and anchors as an article spells them: what people are shown of it beside another.

Hashes decide, spellings explain: nothing here is read by a decision.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit

from dedup.text.compiled import kernel
from dedup.text.shapes import CAPITAL, DIGITS, MIXED, SENTENCE_START, SPACES
from dedup.vectors import anchors as a
from dedup.vectors.anchors import find_anchors
from dedup.vectors.features import Parsed
from dedup.vectors.kernels import LEAD_TOKENS
from dedup.vectors.lexicon import lexicon
from dedup.views import Anchor

#: Most anchors and names read of an article.
MOST_ANCHORS, MOST_NAMES = 96, 500
#: Tokens shown before and after the first of an anchor.
_BEFORE, _AFTER = 3, 2
NEW_LINE, SPACE = ord("\n"), ord(" ")
_HEADER = struct.Struct("<IH")


@dataclass(frozen=True, slots=True)
class Spelling:
    """What one article spells.

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
    keys: Sequence[int]
    weights: Sequence[int]
    spans: list[str]

    @classmethod
    def unpack(cls, packed: bytes) -> Spelling:
        """Read a value that :func:`spell` made."""
        names, anchors = _HEADER.unpack_from(packed)
        middle = _HEADER.size + 4 * anchors
        lines = packed[middle + anchors :].decode("utf-8", "replace").split("\n")
        keys = struct.unpack_from(f"<{anchors}I", packed, _HEADER.size)
        return cls(frozenset(lines[:names]), keys, packed[middle : middle + anchors], lines[names:-1])

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


def spell(parsed: Parsed) -> list[bytes]:
    """Read the names and anchors of articles; return a packed :class:`Spelling` of each.

    Little-endian: numbers of names (``uint32``) and of anchors (``uint16``), the anchors' keys (``uint32``) and weights
    (``uint8``), then in UTF-8 the names and two spans of each anchor, each ended by a line break.
    """
    titles, bodies, head, body = parsed.titles, parsed.bodies, parsed.head, parsed.body
    n = len(bodies)
    named, anchored, written = np.zeros(n, np.int64), np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    keys, weights, lines = spell_column(
        titles.data, titles.offsets, head.offsets,
        head.hash, head.start, head.end, head.flags, head.separator, head.value,
        bodies.data, bodies.offsets, body.offsets,
        body.hash, body.start, body.end, body.flags, body.separator, body.value,
        parsed.published, *lexicon(), named, anchored, written,
    )  # fmt: skip
    keys, data = keys.astype("<u4", copy=False), lines.tobytes()
    rows = zip(named.tolist(), pairwise(anchored.tolist()), pairwise(written.tolist()), strict=True)
    return [
        _HEADER.pack(names, e - b) + keys[b:e].tobytes() + weights[b:e].tobytes() + data[first:last]
        for names, (b, e), (first, last) in rows
    ]


@kernel
def spell_column(
    t_data: Any, t_at: Any, t_offsets: Any,
    t_hash: Any, t_start: Any, t_end: Any, t_flags: Any, t_sep: Any, t_value: Any,
    data: Any, at: Any, offsets: Any, hash_: Any, start: Any, end: Any, flags: Any, sep: Any, value: Any,
    published: Any, words: Any, classes: Any, named: Any, anchored: Any, written: Any,
) -> Any:  # fmt: skip
    """Keys ``uint32[a]`` and weights ``uint8[a]`` of all anchors, and all that is spelled, a line each.

    Titles (``t_…``) and bodies are columns of texts with their tokens.  Of each article ``named[i]`` names, then two
    lines for each of its ``anchored[i]:anchored[i + 1]`` anchors; the lines are bytes ``written[i]:written[i + 1]``.
    """
    n = named.shape[0]
    keys, weights = np.empty(n * MOST_ANCHORS, np.uint32), np.empty(n * MOST_ANCHORS, np.uint8)
    found_weight, places = np.empty(MOST_ANCHORS, np.int64), np.empty(MOST_ANCHORS, np.int64)
    # A name takes a token at least.
    t_spans = np.empty((most_tokens(t_offsets) + 2 * MOST_ANCHORS, 2), np.int64)
    spans = np.empty((most_tokens(offsets) + 2 * MOST_ANCHORS, 2), np.int64)
    lines = np.empty(256 * n, np.uint8)
    count, size = 0, 0
    for i in range(n):
        b, e, c, d = t_offsets[i], t_offsets[i + 1], offsets[i], offsets[i + 1]
        t_names = min(MOST_NAMES, find_names(t_at[i], b, e, t_start, t_end, t_flags, t_sep, t_spans))
        names = min(MOST_NAMES - t_names, find_names(at[i], c, d, start, end, flags, sep, spans))
        mine = keys[count : count + MOST_ANCHORS]
        t_found = find_anchors(
            t_data, t_at[i], t_at[i + 1], t_hash, t_start, t_end, t_flags, t_sep, t_value,
            b, e, True, 0, published[i], words, classes, mine, found_weight, places, 0,
        )  # fmt: skip
        found = find_anchors(
            data, at[i], at[i + 1], hash_, start, end, flags, sep, value,
            c, d, False, LEAD_TOKENS, published[i], words, classes, mine, found_weight, places, t_found,
        )  # fmt: skip
        for k in range(found):
            weights[count + k] = min(255, found_weight[k])
        t_last = span_anchors(t_at[i], b, e, t_start, t_end, places[:t_found], t_spans, t_names)
        last = span_anchors(at[i], c, d, start, end, places[t_found:found], spans, names)
        room = size + length_of(t_spans[:t_last]) + length_of(spans[:last])
        if room > lines.shape[0]:
            wider = np.empty(2 * room, np.uint8)
            wider[:size] = lines[:size]
            lines = wider
        size = write_lines(t_data, t_spans[:t_names], lines, size)
        size = write_lines(data, spans[:names], lines, size)
        size = write_lines(t_data, t_spans[t_names:t_last], lines, size)
        size = write_lines(data, spans[names:last], lines, size)
        count += found
        named[i], anchored[i + 1], written[i + 1] = t_names + names, count, size
    return keys[:count], weights[:count], lines[:size]


@njit(nogil=True)
def most_tokens(offsets: Any) -> Any:
    """Tokens of the longest text."""
    most = 0
    for i in range(offsets.shape[0] - 1):
        most = max(most, offsets[i + 1] - offsets[i])
    return most


@njit(nogil=True)
def find_names(base: Any, token: Any, last: Any, start: Any, end: Any, flags: Any, separator: Any, spans: Any) -> Any:
    """Put where the names of a text stand into ``spans int64[:, 2]``: runs of capitals that no sentence begins with.

    Of a run of three or more also what follows its first word: "Ông Đặng Văn Tường", "TP Hà Nội".
    """
    count = 0
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
def span_anchors(base: Any, first: Any, last: Any, start: Any, end: Any, places: Any, spans: Any, count: Any) -> Any:
    """Add the two spans of each anchor, of which ``places`` are the first tokens, to ``spans``; return their count."""
    for place in places:
        for left, right in ((place, place + 1), (place - _BEFORE, place + _AFTER)):
            spans[count, 0] = base + start[max(first, left)]
            spans[count, 1] = base + end[min(last - 1, right)]
            count += 1
    return count


@njit(nogil=True)
def length_of(spans: Any) -> Any:
    """Bytes that the lines of ``spans`` take at most."""
    size = 0
    for k in range(spans.shape[0]):
        size += spans[k, 1] - spans[k, 0] + 1
    return size


@njit(nogil=True)
def write_lines(data: Any, spans: Any, out: Any, at: Any) -> Any:
    """Write spans from ``out[at]`` on, each ended by a line break, white space inside as one blank; return the end."""
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
    return at


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
