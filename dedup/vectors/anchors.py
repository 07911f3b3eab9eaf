"""Anchors: the dates, ordinals, amounts and scores that tie an article to one event.

A 32-bit anchor key is ``kind << 28 | payload``:

- ``DATE``: year - 1970 (7 bits, 0 unknown), month (4), day (5).  Written in any common form, or relative
  ("hôm qua", "on Friday") and then resolved against the time of publication.
- ``ORDINAL``: value (10 bits), and 16 bits of the hash of the word before it, its head.
- ``SCORE``: two small numbers (7 bits each), the larger first.
- ``PERCENT``, ``MONEY``, ``QUANTITY``: 28 bits of a hash of the value (and unit), scale words multiplied out.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from dedup.text import shapes
from dedup.text.compiled import kernel
from dedup.vectors import lexicon as w
from dedup.vectors.lexicon import class_of
from dedup.views import AnchorKind

DATE, ORDINAL, SCORE, PERCENT, MONEY, QUANTITY = 1, 2, 3, 4, 5, 6
KIND_SHIFT = 28
KINDS: Final[dict[int, AnchorKind]] = {
    DATE: "date",
    ORDINAL: "ordinal",
    SCORE: "score",
    PERCENT: "percent",
    MONEY: "money",
    QUANTITY: "quantity",
}
#: "No time of publication".
UNDATED = np.iinfo(np.int64).min
LOCAL_SHIFT = 7 * 3600
_DAY = 86_400
_U28 = np.uint32(0x0FFFFFFF)


@njit(nogil=True)
def civil_of_day(day: Any) -> Any:
    """Year, month, day of a day number since 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms")."""
    z = day + 719468
    era = z // 146097
    doe = z - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    d = doy - (153 * mp + 2) // 5 + 1
    m = mp + 3 if mp < 10 else mp - 9
    return yoe + era * 400 + (1 if m <= 2 else 0), m, d


@njit(nogil=True)
def date_key(day: Any, month: Any, year: Any) -> Any:
    """Key of a date; 0 if there is no such day."""
    if day < 1 or day > 31 or month < 1 or month > 12:
        return np.uint32(0)
    if (day == 31 and (month == 4 or month == 6 or month == 9 or month == 11)) or (month == 2 and day > 29):
        return np.uint32(0)
    short = year - 1970 if 1971 <= year <= 2097 else 0
    return np.uint32(DATE << KIND_SHIFT | short << 9 | month << 5 | day)


@njit(nogil=True)
def hashed_key(kind: Any, value: Any, unit: Any) -> Any:
    """Key of an amount: kind, and a hash of its value and unit."""
    x = np.uint64(value) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(unit) * np.uint64(0xC2B2AE3D27D4EB4F)
    x ^= x >> np.uint64(31)
    x *= np.uint64(0xD6E8FEB86659FD93)
    return np.uint32(kind << KIND_SHIFT) | (np.uint32(x >> np.uint64(32)) & _U28)


@njit(nogil=True)
def roman(data: Any, start: Any, end: Any) -> Any:
    """Value of a Roman numeral in capitals up to 89, 0 if it is none."""
    total, before = 0, 0
    for i in range(end - 1, start - 1, -1):
        c = data[i]
        v = 1 if c == 73 else 5 if c == 86 else 10 if c == 88 else 50 if c == 76 else 0
        if v == 0:
            return 0
        if v < before:
            total -= v
        else:
            total += v
            before = v
    return total if end - start <= 7 else 0


@njit(nogil=True)
def english_ordinal(data: Any, start: Any, end: Any) -> Any:
    """Value of "18th", "21st", "2nd", "3rd"; 0 if it is none."""
    n: Any = 0
    i = start
    while i < end and 48 <= data[i] <= 57 and n < 1000:
        n = n * 10 + np.int64(data[i]) - 48
        i += 1
    if i == start or end - i != 2 or n > 999:
        return 0
    a, b = data[i] | 32, data[i + 1] | 32
    suffix = (a == 116 and b == 104) or (a == 115 and b == 116) or (a == 110 and b == 100) or (a == 114 and b == 100)
    return n if suffix else 0


@njit(nogil=True)
def sign_after(data: Any, end: Any, limit: Any) -> Any:
    """1 for "%", 2 for "$" or "€" right after a number (one space allowed), else 0."""
    i = end
    if i < limit and data[i] == 32:
        i += 1
    if i < limit:
        if data[i] == 37:
            return 1
        if data[i] == 36 or (i + 2 < limit and data[i] == 0xE2 and data[i + 1] == 0x82 and data[i + 2] == 0xAC):
            return 2
    return 0


@njit(nogil=True)
def sign_before(data: Any, start: Any, base: Any) -> Any:
    """Say whether "$", "€" or "£" stands right before a number."""
    i = start - 1
    if i >= base and data[i] == 36:
        return True
    if i - 1 >= base and data[i - 1] == 0xC2 and data[i] == 0xA3:
        return True
    return bool(i - 2 >= base and data[i - 2] == 0xE2 and data[i - 1] == 0x82 and data[i] == 0xAC)


@njit(nogil=True)
def add_anchor(keys: Any, weights: Any, places: Any, place: Any, count: Any, key: Any, weight: Any) -> Any:
    """Add ``weight`` to ``key`` in an article's small unsorted list, noting its first token; a full list takes none."""
    if key == 0:
        return count
    for k in range(count):
        if keys[k] == key:
            weights[k] += weight
            return count
    if count < keys.shape[0]:
        keys[count] = key
        weights[count] = weight
        places[count] = place
        return count + 1
    return count


@njit(nogil=True)
def ordinal_key(value: Any, head: Any) -> Any:
    """Key of an ordinal; 0 if the value is out of range."""
    if value < 1 or value > 999:
        return np.uint32(0)
    return np.uint32(ORDINAL << KIND_SHIFT) | np.uint32(value << 16) | (np.uint32(head) >> np.uint32(16))


@kernel
def find_anchors(
    data: Any, base: Any, limit: Any, hash_: Any, start: Any, end: Any, flags: Any, sep: Any, value: Any,
    first: Any, last: Any, title: Any, lead: Any, published: Any, words: Any, classes: Any,
    keys: Any, weights: Any, places: Any, count: Any,
) -> Any:  # fmt: skip
    """Collect the anchors of tokens ``first:last`` of one text: keys, weights, first tokens; return the new count.

    ``data[base:limit]`` are the bytes of the text; ``lead`` is the number of tokens that count twice.
    """
    today = np.int64(0)
    if published != UNDATED:
        today = (published + LOCAL_SHIFT) // _DAY
    i = first
    while i < last:
        weight = 3 if title else 2 if i - first < lead else 1
        is_digit = flags[i] & shapes.DIGITS
        length = end[i] - start[i]
        here = class_of(words, classes, hash_[i]) if not is_digit else 0
        if not is_digit:
            # Most words are none of all that follows.
            plain = not here and not flags[i] & shapes.MIXED
            if plain and (i == first or class_of(words, classes, hash_[i - 1]) != w.NTH):
                i += 1
                continue
            # Relative days, English month first, ordinals in words, Roman or English form.
            if here and published != UNDATED:
                back: Any = -1
                before = class_of(words, classes, hash_[i - 1]) if i > first else 0
                if (here == w.NOW and before == w.PART_OF_DAY) or here == w.TODAY:
                    back = 0
                elif (here == w.PAST and before == w.PART_OF_DAY) or here == w.YESTERDAY:
                    back = 1
                elif w.WEEKDAY <= here < w.WEEKDAY + 7 and flags[i] & shapes.CAPITAL:
                    back = (today + 3 - (here - w.WEEKDAY)) % 7
                if back >= 0:
                    y, m, d = civil_of_day(today - back)
                    count = add_anchor(keys, weights, places, i, count, date_key(d, m, y), weight)
            if 1 <= here <= 12 and flags[i] & shapes.CAPITAL and i + 1 < last:
                day = np.int64(0)
                if flags[i + 1] & shapes.DIGITS and end[i + 1] - start[i + 1] <= 2:
                    day = np.int64(value[i + 1])
                elif flags[i + 1] & shapes.MIXED:
                    day = english_ordinal(data, base + start[i + 1], base + end[i + 1])
                if day and sep[i + 1] != shapes.NEWLINE:
                    year = np.int64(0)
                    if i + 2 < last and flags[i + 2] & shapes.DIGITS and 1971 <= value[i + 2] <= 2097:
                        year = np.int64(value[i + 2])
                    count = add_anchor(keys, weights, places, i, count, dated(day, here, year, published), weight)
                    i += 3 if year else 2
                    continue
            number: Any = np.int64(0)
            if flags[i] & shapes.MIXED:
                number = english_ordinal(data, base + start[i], base + end[i])
            elif i > first and class_of(words, classes, hash_[i - 1]) == w.NTH:
                if flags[i] & shapes.CAPITAL and (flags[i] & shapes.ALLCAPS or length == 1):
                    number = roman(data, base + start[i], base + end[i])
                elif i - 1 > first and class_of(words, classes, hash_[i - 2]) == w.TIMES:
                    if here > w.SPELLED:
                        number = here - w.SPELLED
                    elif here == w.YEAR:
                        number = 5
            if number:
                head = head_before(hash_, words, classes, first, i)
                count = add_anchor(keys, weights, places, i, count, ordinal_key(number, head), weight)
            i += 1
            continue
        v = np.int64(value[i])
        before = class_of(words, classes, hash_[i - 1]) if i > first else 0
        gap = sep[i + 1] if i + 1 < last else shapes.NEWLINE
        next_digit = i + 1 < last and flags[i + 1] & shapes.DIGITS
        # 21 tháng 8 [năm 2015], 21 August [2015]
        if length <= 2 and i + 1 < last and not next_digit and gap == shapes.SPACES:
            following = class_of(words, classes, hash_[i + 1])
            month, at = np.int64(0), i + 2
            if following == w.MONTH and i + 2 < last and flags[i + 2] & shapes.DIGITS and value[i + 2] <= 12:
                month, at = np.int64(value[i + 2]), i + 3
            elif 1 <= following <= 12 and flags[i + 1] & shapes.CAPITAL:
                month = following
            if month:
                if at < last and class_of(words, classes, hash_[at]) == w.YEAR:
                    at += 1
                year = np.int64(0)
                if at < last and flags[at] & shapes.DIGITS and 1971 <= value[at] <= 2097:
                    year = np.int64(value[at])
                    at += 1
                key = dated(v, month, year, published)
                if key:
                    count = add_anchor(keys, weights, places, i, count, key, weight)
                    i = at
                    continue
        # 2015-08-21
        iso = length == 4 and 1971 <= v <= 2097 and next_digit and gap == shapes.DASH and i + 2 < last
        if iso and sep[i + 2] == shapes.DASH and flags[i + 2] & shapes.DIGITS and end[i + 1] - start[i + 1] == 2:
            key = date_key(np.int64(value[i + 2]), np.int64(value[i + 1]), v)
            if key:
                count = add_anchor(keys, weights, places, i, count, key, weight)
                i += 3
                continue
        # 21/8[/2015], 21-8, 21.8
        if length <= 2 and next_digit and end[i + 1] - start[i + 1] <= 2:
            dated_gap = gap == shapes.SLASH or gap == shapes.DASH or gap == shapes.DOT
            third = i + 2 < last and sep[i + 2] == gap and flags[i + 2] & shapes.DIGITS != 0
            full = third and end[i + 2] - start[i + 2] == 4
            glued = i > first and flags[i - 1] & shapes.DIGITS and sep[i] == gap
            opened = base + start[i] > base and data[base + start[i] - 1] == 40
            called = before == w.DAY or before == w.PART_OF_DAY or before == w.FROM or before == w.NOW
            called = called or before == w.PAST or opened
            if dated_gap and not glued and (full or (not third and (gap == shapes.SLASH or called))):
                year = np.int64(value[i + 2]) if full else np.int64(0)
                key = dated(v, np.int64(value[i + 1]), year, published)
                if key:
                    count = add_anchor(keys, weights, places, i, count, key, weight)
                    i += 3 if full else 2
                    continue
            if gap == shapes.DASH and not third and not glued and v <= 99 and value[i + 1] <= 99:
                high, low = max(v, np.int64(value[i + 1])), min(v, np.int64(value[i + 1]))
                key = np.uint32(SCORE << KIND_SHIFT | high << 7 | low)
                count = add_anchor(keys, weights, places, i, count, key, weight)
                i += 2
                continue
        # thứ 18, lần 18 (thứ 2 to thứ 7 are days of the week unless "lần" stands before)
        if before == w.TIMES or before == w.NTH:
            twice = before == w.TIMES or (i - 1 > first and class_of(words, classes, hash_[i - 2]) == w.TIMES)
            if v > 7 or twice:
                head = head_before(hash_, words, classes, first, i)
                count = add_anchor(keys, weights, places, i, count, ordinal_key(v, head), weight)
                i += 1
                continue
        # Amounts: 40.000 người, 1,5 tỷ đồng, $3.2 million, 66%
        at, amount = i + 1, np.float64(v)
        while at < last and flags[at] & shapes.DIGITS and (sep[at] == shapes.DOT or sep[at] == shapes.COMMA):
            if end[at] - start[at] == 3:
                amount = amount * 1000 + value[at]
                at += 1
            else:
                decimals: Any = min(9, np.int64(end[at] - start[at]))
                amount += value[at] / 10.0**decimals
                at += 1
                break
        sign = sign_after(data, base + np.int64(end[at - 1]), limit)
        money = sign == 2 or sign_before(data, base + np.int64(start[i]), base)
        unit = np.uint32(0)
        while at < last and sep[at] == shapes.SPACES and not flags[at] & (shapes.DIGITS | shapes.MIXED):
            word = class_of(words, classes, hash_[at])
            if w.SCALE <= word < w.SPELLED:
                amount *= 10.0 ** (word - w.SCALE)
                at += 1
                continue
            if word == w.PERCENT:
                sign = 1
            elif word == w.MONEY:
                money = True
            elif word == 0:
                unit = hash_[at]
            break
        scaled = np.uint64(min(amount, 1e15) * 1000 + 0.5)
        if sign == 1:
            count = add_anchor(keys, weights, places, i, count, hashed_key(PERCENT, scaled, 0), weight)
        elif money:
            count = add_anchor(keys, weights, places, i, count, hashed_key(MONEY, scaled, 0), weight)
        elif unit != 0 and not (length == 4 and at == i + 1 and 1900 <= v <= 2100):
            count = add_anchor(keys, weights, places, i, count, hashed_key(QUANTITY, scaled, unit), weight)
        i = max(at, i + 1)
    return count


@njit(nogil=True)
def dated(day: Any, month: Any, year: Any, published: Any) -> Any:
    """Key of a day and month; a missing year is the one that puts it nearest to the publication."""
    if year == 0 and published != UNDATED:
        y, m, d = civil_of_day((published + LOCAL_SHIFT) // _DAY)
        year = y
        apart = (month * 31 + day) - (m * 31 + d)
        if apart > 186:
            year -= 1
        elif apart < -186:
            year += 1
    return date_key(day, month, year)


@njit(nogil=True)
def head_before(hash_: Any, words: Any, classes: Any, first: Any, at: Any) -> Any:
    """Hash of the word an ordinal follows ("Hội nghị" in "Hội nghị lần thứ 18"); 0 if it begins its text."""
    k = at - 1
    while k >= first:
        number = class_of(words, classes, hash_[k])
        if number != w.NTH and number != w.TIMES:
            return hash_[k]
        k -= 1
    return np.uint32(0)
