"""The few words by which dates, ordinals and amounts are recognised, in Vietnamese and English.

Each word has a class number; the kernels look a token's hash up in a small table.  Everything else about
an anchor is form: digits, separators, Roman numerals, signs.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text import ngram_hash32, tokens
from dedup.text.compiled import inlined

#: Classes 1 to 12 are English months, WEEKDAY + 0 is Monday.
WEEKDAY = 20
DAY, MONTH, YEAR, TIMES, NTH, PART_OF_DAY, NOW, PAST, TODAY, YESTERDAY, FROM, PERCENT, MONEY = range(30, 43)
#: SCALE + e: a word that multiplies by 10**e.
SCALE = 50
#: SPELLED + n: Vietnamese ordinal n in words, after "lần thứ".
SPELLED = 70

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WORDS: dict[int, str] = {
    DAY: "ngày",
    MONTH: "tháng",
    YEAR: "năm",
    TIMES: "lần",
    NTH: "thứ",
    PART_OF_DAY: "sáng chiều trưa tối đêm hôm",
    NOW: "nay",
    PAST: "qua",
    TODAY: "today tonight",
    YESTERDAY: "yesterday",
    FROM: "từ đến tới on since until by",
    PERCENT: "percent pct",
    MONEY: "đồng usd vnd vnđ euro eur dollar dollars đô pounds yen rupee bảng",
    SCALE + 3: "nghìn ngàn thousand",
    SCALE + 6: "triệu million",
    SCALE + 9: "tỷ tỉ billion bn",
    SCALE + 12: "trillion",
}
_SPELLED = "nhất hai ba tư năm sáu bảy tám chín mười"


def word_classes() -> dict[str, int]:
    """Return every word with its class."""
    classes = {word: number for number, words in _WORDS.items() for word in words.split()}
    for i, month in enumerate(_MONTHS, 1):
        classes[month] = classes[month[:3]] = i
    classes["sept"] = 9
    classes |= {day: WEEKDAY + i for i, day in enumerate(_WEEKDAYS)}
    for i, word in enumerate(_SPELLED.split(), 1):
        classes.setdefault(word, SPELLED + i)
    return classes


@cache
def lexicon() -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
    """Return the open-addressing table ``(hash uint32[512], class uint8[512])``."""
    keys, values = np.zeros(512, np.uint32), np.zeros(512, np.uint8)
    for word, number in word_classes().items():
        h = ngram_hash32(tokens(word))
        slot = h & 511
        while keys[slot]:
            slot = (slot + 1) & 511
        keys[slot], values[slot] = h, number
    return keys, values


@inlined
def class_of(keys: Any, values: Any, h: Any) -> Any:
    """Class of a token hash, 0 for every other word."""
    slot = np.int64(h) & 511
    while keys[slot] != 0:
        if keys[slot] == h:
            return np.int64(values[slot])
        slot = (slot + 1) & 511
    return 0
