"""Compiled kernels over UTF-8 bytes.  Their plain twins are in :mod:`dedup.text.plain` and :mod:`dedup.text.hashing`.

Every kernel takes ``data uint8[:]`` and ``offsets int64[n + 1]`` (read-only, contiguous) and releases the GIL.
``table`` and ``expansions`` are those of :class:`dedup.text.tables.CharacterTable`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text import hashing as h
from dedup.text import shapes
from dedup.text import tables as t
from dedup.text.compiled import inlined, kernel
from dedup.text.decoding import decode, decode_fast, spell_out

U32, U64 = np.uint32, np.uint64
_WORD, _UPPER, _DIGIT = U32(t.WORD), U32(t.UPPER), U32(t.DIGIT)
_SINGLE, _IGNORE, _EXPAND, _LETTER = U32(t.SINGLE), U32(t.IGNORE), U32(t.EXPAND), U32(t.LETTER)
_VALUE, _SEP_MASK, _SEP_SHIFT = U32(t.VALUE_MASK), U32(t.SEP_MASK), U32(t.SEP_SHIFT)
_RARE = U32(t.SINGLE | t.IGNORE | t.EXPAND)
_DIGIT_SHIFT, _WORD_SHIFT = U32(t.DIGIT.bit_length() - 1), U32(t.WORD.bit_length() - 1)
_BASE, _MIX, _EVEN = U64(h.CODE_BASE), U64(h.MIX), U64(0xFFFFFFFFFFFFFFFE)
_S29, _S32 = U64(29), U64(32)
ZERO, ONE, TWO = U64(0), U64(1), U64(2)

#: Characters whose terms of the polynomial are held at a time.
_WINDOW = 512
_PLACE = U64(_WINDOW - 1)
#: ``_BASE ** -j`` and ``_BASE ** (j - 1)`` for each place ``j`` of a window.
_INVERSE = pow(h.CODE_BASE, -1, 1 << 64)
_INVERSES = np.cumprod(np.array([1] + [_INVERSE] * (_WINDOW - 1), np.uint64))
_POWERS = np.cumprod(np.array([_INVERSE] + [h.CODE_BASE] * (_WINDOW - 1), np.uint64))
_WINDOW_POWER = U64(pow(h.CODE_BASE, _WINDOW, 1 << 64))


def _tone_table(bits: int = 6) -> tuple[int, NDArray[np.uint64], NDArray[np.uint64]]:
    """Return a multiplier that gives each of :data:`TONE_PAIRS` a slot of its own, the pairs, and what each adds."""
    multiplier = h.MIX
    while True:
        pairs, moves = np.zeros((2, 1 << bits), np.uint64)
        for old, new in t.TONE_PAIRS.items():
            (a, b), (c, d) = map(ord, old), map(ord, new)
            slot = (((a << 32 | b) * multiplier) & h.MASK64) >> (64 - bits)
            if pairs[slot]:
                break
            pairs[slot], moves[slot] = a << 32 | b, ((c - a) * h.CODE_BASE + d - b) & h.MASK64
        else:
            return multiplier, pairs, moves
        multiplier = multiplier * h.MIX & h.MASK64


_multiplier, _TONE_PAIRS, _TONE_MOVES = _tone_table()
_TONE_SLOT, _TONE_SHIFT = U64(_multiplier), U64(64 - (len(_TONE_PAIRS) - 1).bit_length())


@inlined
def longest_text(offsets: Any) -> Any:
    """Bytes of the longest text."""
    longest: Any = 0
    for i in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[i + 1] - offsets[i])
    return longest


@inlined
def mixed(poly: Any) -> Any:
    """Mix a finished polynomial: the token's 64-bit hash, but for the lowest bit, that of numbers, which is zero."""
    folded = (poly ^ (poly >> _S32)) * _MIX
    folded ^= folded >> _S29
    return folded & _EVEN


@inlined
def find_tokens(entries: Any, size: Any, terms: Any, bounds: Any, sums: Any) -> Any:
    """Find where tokens begin and end, and sum their polynomials; return how many bounds there are.

    Horner's rule waits for a multiplication at every character.  Here the terms ``value * _BASE ** -place`` are
    multiplied many at a time (``terms uint64[_WINDOW]``) and only added one by one: a token's polynomial is the sum at
    its end, less the sum at its beginning, times a power of the base.  A branch at a token's end would be mispredicted
    at every second word, so there is none: the place and the sum are written at each character, and the count moves on
    where a token begins or ends.

    Entries are word characters and separators; token ``k`` begins at ``bounds[2 * k]`` and ends before
    ``bounds[2 * k + 1]`` (``uint32``); ``sums uint64`` stands beside.  Both hold ``size + 2`` values.
    """
    found, total, inside = U64(0), U64(0), U32(0)
    for first in range(0, size, _WINDOW):
        window = entries[first : min(size, first + _WINDOW)]
        for j in range(window.shape[0]):
            word = U32(np.int32(window[j]) >> np.int32(31))
            terms[j] = U64(window[j] & word & _VALUE) * _INVERSES[j]
        for j in range(window.shape[0]):
            word = window[j] >> _WORD_SHIFT
            bounds[found] = first + j
            sums[found] = total
            found += U64(word ^ inside)
            total += terms[j]
            inside = word
        if inside and window.shape[0] == _WINDOW:  # a token goes on into the next window, whose places begin anew
            total = (total - sums[found - ONE]) * _WINDOW_POWER
            sums[found - ONE] = ZERO
    bounds[found] = size
    sums[found] = total
    return found + U64(inside)


@inlined
def hash_tokens(data: Any, begin: int, stop: int, table: Any, expansions: Any, scratch: Any, out: Any) -> Any:
    """Write the 64-bit hashes of the tokens of ``data[begin:stop]`` to ``out uint64[:]``; return how many.

    ``out`` holds ``(stop - begin) // 2 + 2`` values or more; ``scratch`` is :func:`scratch_of` at least as many bytes.
    """
    codes, finals, plain, spelled, terms, bounds, sums = scratch
    size = decode_fast(data, begin, stop, table, codes, finals, plain, spelled)
    rare = U32(0)
    for j in range(size):
        rare = U32(rare | plain[j])
    if rare & _RARE:
        size = spell_out(plain, size, expansions, spelled)
        entries = spelled
    else:
        entries = plain
    count = find_tokens(entries, np.int64(size), terms, bounds, sums) >> ONE
    for k in range(count):
        end = U64(bounds[TWO * k + ONE])
        poly = (sums[TWO * k + ONE] - sums[TWO * k]) * _POWERS[end & _PLACE]
        last, before = entries[end - ONE] & _VALUE, entries[end - ONE - U64(end > ONE)] & _VALUE
        pair = (U64(before) << _S32) | U64(last)
        slot = (pair * _TONE_SLOT) >> _TONE_SHIFT
        out[k] = mixed(poly + (_TONE_MOVES[slot] if _TONE_PAIRS[slot] == pair else ZERO))
    for k in range(count):
        first, end = U64(bounds[TWO * k]), U64(bounds[TWO * k + ONE])
        digits = entries[first] & entries[end - ONE]
        if digits & _DIGIT:
            for j in range(first, end):
                digits &= entries[j]
            out[k] |= U64((digits >> _DIGIT_SHIFT) & U32(1))
    return count


@inlined
def scratch_of(size: int) -> Any:
    """Scratch arrays of :func:`hash_tokens` for texts of at most ``size`` bytes."""
    spelled = size + size // 2 + 8
    return (
        np.empty(size + 2, np.uint16),
        np.empty(size + 2, np.uint8),
        np.empty(size + 2, np.uint32),
        np.empty(spelled, np.uint32),
        np.empty(_WINDOW, np.uint64),
        np.empty(spelled, np.uint32),
        np.empty(spelled, np.uint64),
    )


@inlined
def gap_code(spaces: int, newlines: int, marks: int, mark: Any, space_first: bool, space_last: bool) -> int:
    """Say what stands between two tokens (see :class:`dedup.text.Tokens`)."""
    if newlines:
        return shapes.NEWLINE
    if marks == 0:
        return shapes.SPACES if spaces else shapes.NOTHING
    if marks > 1:
        return shapes.OTHER
    if spaces == 0:
        if mark == t.SEP_SLASH:
            return shapes.SLASH
        if mark == t.SEP_DASH:
            return shapes.DASH
        if mark == t.SEP_DOT:
            return shapes.DOT
        if mark == t.SEP_COMMA:
            return shapes.COMMA
        if mark == t.SEP_COLON:
            return shapes.COLON
    elif mark == t.SEP_DASH and space_first and space_last:
        return shapes.SPACED_DASH
    return shapes.OTHER


@inlined
def tokenize_article(
    entries: Any, places: Any, size: int, expansions: Any,
    hash_: Any, start: Any, stop: Any, flags: Any, separator: Any, value: Any, count: int,
) -> int:  # fmt: skip
    """Tokenise ``size`` characters into the six columns from position ``count`` on; return the new count.

    ``entries``, ``places``: as :func:`dedup.text.decoding.decode` writes them, and the end of the text after the last
    place.
    """
    j, end = U64(0), U64(size)
    spaces, newlines, marks = 0, 0, 0
    mark = 0
    space_first, space_last, stopped = False, False, False
    line_start, sentence = True, True
    first = count
    while j < end:
        here = j
        entry = entries[j]
        j += ONE
        if entry & (_WORD | _EXPAND | _SINGLE):
            poly, before, last = U64(0), U32(0), U32(0)
            letters, uppers, digits = 0, 0, 0
            capital = (entry & _UPPER) != 0
            number = U64(0)
            reach = j
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
                        reach = j
                    elif entry & _EXPAND:
                        row = entry & _VALUE
                        for k in range(expansions[row, 0]):
                            poly = poly * _BASE + U64(expansions[row, k + 1])
                            before = last
                            last = _WORD | expansions[row, k + 1]
                        letters += 1
                        if entry & _UPPER:
                            uppers += 1
                        reach = j
                    if j >= end or not entries[j] & (_WORD | _EXPAND | _IGNORE):
                        break
                    entry = entries[j]
                    j += ONE
            bits = 0
            if capital:
                bits |= shapes.CAPITAL
            if letters >= 2 and uppers == letters:
                bits |= shapes.ALLCAPS
            if digits and not letters:
                bits |= shapes.DIGITS
                value[count] = U32(number)
            else:
                value[count] = U32(0)
                if digits:
                    bits |= shapes.MIXED
            if sentence or line_start:
                bits |= shapes.SENTENCE_START
            if line_start:
                bits |= shapes.LINE_START
            pair = (U64(before & _VALUE) << _S32) | U64(last & _VALUE)
            slot = (pair * _TONE_SLOT) >> _TONE_SHIFT
            hash_[count] = U32(mixed(poly + (_TONE_MOVES[slot] if _TONE_PAIRS[slot] == pair else ZERO)) >> _S32)
            start[count] = places[here]
            stop[count] = places[reach]
            flags[count] = bits
            separator[count] = shapes.NOTHING
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


@kernel
def tokenize_column(
    data: Any, offsets: Any, table: Any, expansions: Any,
    counts: Any, hash_: Any, start: Any, stop: Any, flags: Any, separator: Any, value: Any,
) -> int:  # fmt: skip
    """Tokenise every article; ``counts[i + 1]`` receives the tokens seen up to article ``i``."""
    longest = longest_text(offsets)
    entries, places = np.empty(longest + 1, np.uint32), np.empty(longest + 1, np.uint32)
    count = 0
    counts[0] = 0
    for i in range(offsets.shape[0] - 1):
        size = decode(data, offsets[i], offsets[i + 1], table, entries, places)
        places[size] = offsets[i + 1] - offsets[i]
        count = tokenize_article(entries, places, size, expansions, hash_, start, stop, flags, separator, value, count)
        counts[i + 1] = count
    return count


@kernel
def hash_column(data: Any, offsets: Any, table: Any, expansions: Any, counts: Any, out: Any) -> int:
    """Hash the tokens of every text; ``counts[i + 1]`` receives the tokens seen up to text ``i``.

    ``out`` is ``uint32[:]``: the upper halves of the 64-bit hashes, as :func:`tokenize_column` writes them.
    """
    longest = longest_text(offsets)
    scratch, wide = scratch_of(longest), np.empty(longest // 2 + 2, np.uint64)
    count = 0
    counts[0] = 0
    for i in range(offsets.shape[0] - 1):
        size = hash_tokens(data, offsets[i], offsets[i + 1], table, expansions, scratch, wide)
        for j in range(size):
            out[count + j] = U32(wide[j] >> _S32)
        count += size
        counts[i + 1] = count
    return count
