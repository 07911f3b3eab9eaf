"""Compiled kernels over UTF-8 bytes.  Their plain twins are in :mod:`dedup.text.plain` and :mod:`dedup.text.hashing`.

Every kernel takes ``data uint8[:]`` and ``offsets int64[n + 1]`` (read-only, contiguous) and releases the GIL.
``table``, ``expansions`` and ``tones`` are those of :class:`dedup.text.tables.CharacterTable`.

Inside a loop over characters no array is handed to a helper: that would count references, atomically, each time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dedup.text import hashing as h
from dedup.text import tables as t
from dedup.text.compiled import inlined, kernel

U32, U64 = np.uint32, np.uint64
_WORD, _UPPER, _DIGIT = U32(t.WORD), U32(t.UPPER), U32(t.DIGIT)
_SINGLE, _IGNORE, _EXPAND, _LETTER = U32(t.SINGLE), U32(t.IGNORE), U32(t.EXPAND), U32(t.LETTER)
_VALUE, _SEP_MASK, _SEP_SHIFT = U32(t.VALUE_MASK), U32(t.SEP_MASK), U32(t.SEP_SHIFT)
_TABLE_SIZE = U32(t.TABLE_SIZE)
_BASE, _MIX = U64(h.CODE_BASE), U64(h.MIX)
_TONED, _RARE = U32(t.TONED), U32(t.SINGLE | t.IGNORE | t.EXPAND)
_TONED_BEFORE, _TONE_END_LAST = U64(t.TONED.bit_length() + 31), U64(t.TONE_END.bit_length() - 1)
_DIGIT_SHIFT, _EVEN, _ALL = U32(t.DIGIT.bit_length() - 1), U64(0xFFFFFFFFFFFFFFFE), U32(0xFFFFFFFF)
_S29, _S31, _S32 = U64(29), U64(31), U64(32)
ONE, TWO, THREE = U64(1), U64(2), U64(3)
S6, S12, S18, TAIL = U32(6), U32(12), U32(18), U32(0x3F)

_ZERO8, _X1F, _X3F, _X80, _XC0, _XE0, _XF0 = map(np.uint8, (0, 0x1F, 0x3F, 0x80, 0xC0, 0xE0, 0xF0))
U16, _H6, _H12 = np.uint16, np.uint16(6), np.uint16(12)

FLAG_CAPITAL, FLAG_ALLCAPS, FLAG_DIGITS, FLAG_MIXED, FLAG_SENTENCE, FLAG_LINE = 1, 2, 4, 8, 16, 32
GAP_NONE, GAP_SPACE, GAP_SLASH, GAP_DASH, GAP_DOT, GAP_COMMA, GAP_COLON = 0, 1, 2, 3, 4, 5, 6
GAP_NEWLINE, GAP_OTHER, GAP_SPACED_DASH = 7, 8, 9


@inlined
def entry_of(table: Any, code: Any) -> Any:
    """Entry of a code point of any plane (see :meth:`CharacterTable.entry`)."""
    if code < _TABLE_SIZE:
        return table[code]
    if code < U32(0x40000):
        return _SINGLE | code
    if code >= U32(0xE0000) and code < U32(0xE1000):
        return _IGNORE
    return U32(0)


@inlined
def mixed(poly: Any, digits: Any) -> Any:
    """Mix a finished polynomial: the token's 64-bit hash, whose lowest bit says that it is decimal digits only."""
    folded = (poly ^ (poly >> _S32)) * _MIX
    folded ^= folded >> _S29
    return (folded & _EVEN) | U64((digits >> _DIGIT_SHIFT) & U32(1))


@inlined
def tone_folded(poly: Any, before: Any, last: Any, tones: Any) -> Any:
    """Move the tone mark of a token that ends in the folded code points ``before, last`` to its new place."""
    for k in range(tones.shape[0]):
        if tones[k, 0] == before and tones[k, 1] == last:
            poly += (U64(tones[k, 2]) - U64(before)) * _BASE + (U64(tones[k, 3]) - U64(last))
    return poly


@inlined
def code_points(data: Any, begin: int, stop: int, codes: Any, finals: Any, points: Any) -> Any:
    """Decode ``data[begin:stop]`` to ``points uint32[:]``; return how many.

    Mixed one-, two- and three-byte characters make every branch on a lead byte a coin toss, so there is none: what a
    character would be if it ended here is computed at *every* byte, many at a time (``codes uint16[:]``), beside
    whether one does end here (``finals uint8[:]``); then the final ones move together.  Four-byte characters are rare
    and take the plain loop.  All three arrays must hold ``stop - begin`` values.
    """
    size = stop - begin
    inner = max(0, size - 2)
    here, back, back2 = data[begin + 2 : stop], data[begin + 1 : begin + 1 + inner], data[begin : begin + inner]
    inner_codes, inner_finals = codes[2:size], finals[2:size]
    high, astral = _ZERO8, _ZERO8
    for j in range(begin, stop):
        high |= data[j]
    count = U64(0)
    if high < _X80:
        for j in range(size):
            points[j] = data[begin + j]
        return U64(size)
    for j in range(inner):
        b, p, q = here[j], back[j], back2[j]
        two = U16(U16(p & _X1F) << _H6) | U16(b & _X3F)
        three = U16(U16(q) << _H12) | U16(U16(p & _X3F) << _H6) | U16(b & _X3F)
        inner_codes[j] = U16(b) if b < _X80 else (two if p >= _XC0 else three)
        ends = ((p >= _XC0) & (p < _XE0)) | ((q >= _XE0) & (p < _XC0))
        inner_finals[j] = np.uint8((b < _X80) | ((b < _XC0) & ends))
        astral |= np.uint8(b >= _XF0)
    for j in range(min(2, size)):
        b = data[begin + j]
        p = data[begin] if j else _ZERO8
        pair = (b >= _X80) & (b < _XC0) & (p >= _XC0) & (p < _XE0)
        codes[j] = U16(U16(p & _X1F) << _H6) | U16(b & _X3F) if pair else U16(b)
        finals[j] = np.uint8((b < _X80) | pair)
        astral |= np.uint8(b >= _XF0)
    if astral == _ZERO8:
        for j in range(size):
            points[count] = codes[j]
            count += U64(finals[j])
        return count
    i, end = U64(begin), U64(stop)
    while i < end:
        code = U32(data[i])
        i += ONE
        if code >= U32(0x80):
            if code < U32(0xE0) and i < end:
                code = ((code & U32(0x1F)) << S6) | (U32(data[i]) & TAIL)
                i += ONE
            elif code < U32(0xF0) and i + ONE < end:
                code = ((code & U32(0x0F)) << S12) | ((U32(data[i]) & TAIL) << S6) | (U32(data[i + ONE]) & TAIL)
                i += TWO
            elif i + TWO < end:
                code = ((code & U32(0x07)) << S18) | ((U32(data[i]) & TAIL) << S12)
                code |= ((U32(data[i + ONE]) & TAIL) << S6) | (U32(data[i + TWO]) & TAIL)
                i += THREE
            else:
                code = U32(0xFFFD)
        points[count] = code
        count += ONE
    return count


@inlined
def hash_tokens(
    data: Any, begin: int, stop: int, table: Any, expansions: Any, tones: Any, scratch: Any, out: Any
) -> Any:
    """Write the 64-bit hashes of the tokens of ``data[begin:stop]`` to ``out uint64[:]``; return how many.

    ``out`` must hold ``(stop - begin) // 2 + 2`` values; ``scratch`` is :func:`scratch_of` at least as many bytes.  A
    branch at a token's end would be mispredicted at every second word, so there is none: the state of the token is
    written after each character, and the count moves on when a token has ended.  Mixing follows for all at once.
    """
    codes, finals, points, tails, digits = scratch
    count = U64(0)
    poly = U64(0)
    tail = U64(0)  # the entries of the last two characters
    every = _ALL  # the entries of the token's characters, and-ed: is each a digit?
    for i in range(code_points(data, begin, stop, codes, finals, points)):
        entry = entry_of(table, points[i])
        if entry & _RARE:
            if entry & _EXPAND:
                row = entry & _VALUE
                every = U32(0)
                for k in range(expansions[row, 0]):
                    folded = U64(expansions[row, k + 1])
                    tail = (tail << _S32) | U64(_WORD) | folded
                    poly = poly * _BASE + folded
            elif entry & _SINGLE:
                out[count], tails[count], digits[count] = poly, tail, every
                count += (tail >> _S31) & ONE
                out[count], tails[count], digits[count] = U64(entry & _VALUE), U64(0), U32(0)
                count += ONE
                poly, tail, every = U64(0), U64(0), _ALL
            continue
        out[count] = poly
        tails[count] = tail
        digits[count] = every
        word = U64(np.int64(np.int32(entry)) >> np.int64(63))  # all ones inside a token, else zero
        count += (tail >> _S31) & ONE & ~word
        tail = (tail << _S32) | U64(entry)
        poly = (poly * _BASE + U64(entry & _VALUE)) & word
        every = (every & entry) | U32(~word)
    out[count], tails[count], digits[count] = poly, tail, every
    count += (tail >> _S31) & ONE
    for k in range(count):
        if (tails[k] >> _TONED_BEFORE) & (tails[k] >> _TONE_END_LAST) & ONE:
            out[k] = tone_folded(out[k], U32(tails[k] >> _S32) & _VALUE, U32(tails[k]) & _VALUE, tones)
    for k in range(count):
        out[k] = mixed(out[k], digits[k])
    return count


@inlined
def scratch_of(size: int) -> Any:
    """Scratch arrays of :func:`hash_tokens` for texts of at most ``size`` bytes."""
    room = size // 2 + 2
    return (
        np.empty(size + 2, np.uint16),
        np.empty(size + 2, np.uint8),
        np.empty(size + 2, np.uint32),
        np.empty(room, np.uint64),
        np.empty(room, np.uint32),
    )


@inlined
def gap_code(spaces: int, newlines: int, marks: int, mark: Any, space_first: bool, space_last: bool) -> int:
    """Say what stands between two tokens (see :class:`dedup.text.Tokens`)."""
    if newlines:
        return GAP_NEWLINE
    if marks == 0:
        return GAP_SPACE if spaces else GAP_NONE
    if marks > 1:
        return GAP_OTHER
    if spaces == 0:
        if mark == t.SEP_SLASH:
            return GAP_SLASH
        if mark == t.SEP_DASH:
            return GAP_DASH
        if mark == t.SEP_DOT:
            return GAP_DOT
        if mark == t.SEP_COMMA:
            return GAP_COMMA
        if mark == t.SEP_COLON:
            return GAP_COLON
    elif mark == t.SEP_DASH and space_first and space_last:
        return GAP_SPACED_DASH
    return GAP_OTHER


@inlined
def tokenize_article(
    data: Any, origin: int, stop_at: int, table: Any, expansions: Any, tones: Any,
    hash_: Any, start: Any, stop: Any, flags: Any, separator: Any, value: Any, count: int,
) -> int:  # fmt: skip
    """Tokenise ``data[origin:stop_at]`` into the six columns from position ``count`` on; return the new count."""
    begin, i, end = U64(origin), U64(origin), U64(stop_at)
    spaces, newlines, marks = 0, 0, 0
    mark = 0
    space_first, space_last, stopped = False, False, False
    line_start, sentence = True, True
    first = count
    while i < end:
        here = i
        code = U32(data[i])
        i += ONE
        if code >= U32(0x80):
            if code < U32(0xE0) and i < end:
                code = ((code & U32(0x1F)) << S6) | (U32(data[i]) & TAIL)
                i += ONE
            elif code < U32(0xF0) and i + ONE < end:
                code = ((code & U32(0x0F)) << S12) | ((U32(data[i]) & TAIL) << S6)
                code |= U32(data[i + ONE]) & TAIL
                i += TWO
            elif i + TWO < end:
                code = ((code & U32(0x07)) << S18) | ((U32(data[i]) & TAIL) << S12)
                code |= ((U32(data[i + ONE]) & TAIL) << S6) | (U32(data[i + TWO]) & TAIL)
                i += THREE
            else:
                code = U32(0xFFFD)
        entry = entry_of(table, code)
        if entry & (_WORD | _EXPAND | _SINGLE):
            poly, before, last = U64(0), U32(0), U32(0)
            letters, uppers, digits = 0, 0, 0
            capital = (entry & _UPPER) != 0
            number = U64(0)
            reach = i
            if entry & _SINGLE:
                poly = U64(entry & _VALUE)
            else:
                while True:
                    if entry & _WORD:
                        folded = entry & _VALUE
                        poly = poly * _BASE + U64(folded)
                        before = last
                        last = entry
                        if entry & _DIGIT:
                            digits += 1
                            number = min(number * U64(10) + U64(folded - U32(48)), U64(0xFFFFFFFF))
                        elif entry & _LETTER:
                            letters += 1
                            if entry & _UPPER:
                                uppers += 1
                        reach = i
                    elif entry & _EXPAND:
                        row = entry & _VALUE
                        for k in range(expansions[row, 0]):
                            poly = poly * _BASE + U64(expansions[row, k + 1])
                            before = last
                            last = _WORD | expansions[row, k + 1]
                        letters += 1
                        if entry & _UPPER:
                            uppers += 1
                        reach = i
                    elif not entry & _IGNORE:
                        break
                    if i >= end:
                        break
                    following = i
                    code = U32(data[i])
                    i += ONE
                    if code >= U32(0x80):
                        if code < U32(0xE0) and i < end:
                            code = ((code & U32(0x1F)) << S6) | (U32(data[i]) & TAIL)
                            i += ONE
                        elif code < U32(0xF0) and i + ONE < end:
                            code = ((code & U32(0x0F)) << S12) | ((U32(data[i]) & TAIL) << S6)
                            code |= U32(data[i + ONE]) & TAIL
                            i += TWO
                        elif i + TWO < end:
                            code = ((code & U32(0x07)) << S18) | ((U32(data[i]) & TAIL) << S12)
                            code |= ((U32(data[i + ONE]) & TAIL) << S6) | (U32(data[i + TWO]) & TAIL)
                            i += THREE
                        else:
                            code = U32(0xFFFD)
                    entry = entry_of(table, code)
                    if not entry & (_WORD | _EXPAND | _IGNORE):
                        i = following
                        break
            bits = 0
            if capital:
                bits |= FLAG_CAPITAL
            if letters >= 2 and uppers == letters:
                bits |= FLAG_ALLCAPS
            if digits and not letters:
                bits |= FLAG_DIGITS
                value[count] = U32(number)
            else:
                value[count] = U32(0)
                if digits:
                    bits |= FLAG_MIXED
            if sentence or line_start:
                bits |= FLAG_SENTENCE
            if line_start:
                bits |= FLAG_LINE
            if before & _TONED:
                poly = tone_folded(poly, before & _VALUE, last & _VALUE, tones)
            hash_[count] = U32(mixed(poly, U32(0)) >> _S32)
            start[count] = U32(here - begin)
            stop[count] = U32(reach - begin)
            flags[count] = bits
            separator[count] = GAP_NONE
            if count > first:
                separator[count] = gap_code(spaces, newlines, marks, mark, space_first, space_last)
            count += 1
            spaces, newlines, marks = 0, 0, 0
            space_first, space_last, stopped = False, False, False
            line_start, sentence = False, False
        elif not entry & _IGNORE:
            kind = (entry & _SEP_MASK) >> _SEP_SHIFT
            space_last = False
            if kind == t.SEP_SPACE:
                if spaces + newlines + marks == 0:
                    space_first = True
                spaces += 1
                space_last = True
                sentence = sentence or stopped
            elif kind == t.SEP_NEWLINE:
                newlines += 1
                line_start = True
            else:
                marks += 1
                mark = kind
                if kind == t.SEP_DOT or kind == t.SEP_STOP:
                    stopped = True
                elif kind == t.SEP_WIDE_STOP:
                    sentence = True
    return count


@kernel()
def tokenize_column(
    data: Any, offsets: Any, table: Any, expansions: Any, tones: Any,
    counts: Any, hash_: Any, start: Any, stop: Any, flags: Any, separator: Any, value: Any,
) -> int:  # fmt: skip
    """Tokenise every article; ``counts[i + 1]`` receives the tokens seen up to article ``i``."""
    count = 0
    counts[0] = 0
    for i in range(offsets.shape[0] - 1):
        count = tokenize_article(
            data, offsets[i], offsets[i + 1], table, expansions, tones,
            hash_, start, stop, flags, separator, value, count,
        )  # fmt: skip
        counts[i + 1] = count
    return count
