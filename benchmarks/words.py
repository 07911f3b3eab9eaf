"""Invented vocabularies that look like Vietnamese and English: the raw material of :mod:`benchmarks.corpus`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# ruff: noqa: SIM905 - word lists read best as sentences
_VI_INITIALS = ["", *"b c d đ g h l m n p r s t v x".split(), *"ch gi kh nh ng ph qu th tr".split()]
_VI_RIMES = (
    "a ai an ang anh ao au ay ăm ăn ăng âm ân âng âu ây e em en eo ê êm ên ênh êu i ia iên iêng iêu im in inh o oa oan "
    "oang oi om on ong ô ôi ôm ôn ông ơ ơi ơn u ua ui un ung uôi uôn uông ư ưa ưng ươi ương y uy uyên "
    "oạt ích ác ạc ật ặt ọc ốc"
).split()
_VI_TONES = {"a": "aàáảãạ", "ă": "ăằắẳẵặ", "â": "âầấẩẫậ", "e": "eèéẻẽẹ", "ê": "êềếểễệ", "i": "iìíỉĩị", "o": "oòóỏõọ",
             "ô": "ôồốổỗộ", "ơ": "ơờớởỡợ", "u": "uùúủũụ", "ư": "ưừứửữự", "y": "yỳýỷỹỵ"}  # fmt: skip
_VI_COMMON = (
    "và của là có được cho trong không với các người này đã một những khi để theo về đến từ ở ra như cũng tại"
).split()
_EN_COMMON = (
    "the of and to in a is that for it was on with as by at from his her be this are not have has but said they"
).split()
_EN_PARTS = (
    "ba con der el fin gar hel in jor kel lan men nor op per qui ran sol ter un ver wes yor zan tion ment ing al er"
).split()


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words of one invented language, most frequent first.

    Attributes
    ----------
    words:
        ``object[k]``: lower-case words.
    cumulative:
        ``float64[k]``: cumulative Zipf probabilities.
    date, ordinal, quantity:
        Patterns in which facts are written: ``{d} {m} {y}``, ``{n}``.
    """

    lang: str
    words: NDArray[np.object_]
    cumulative: NDArray[np.float64]
    date: tuple[str, ...]
    ordinal: str
    quantity: str

    def draw(self, rng: np.random.Generator, count: int) -> list[str]:
        """Draw ``count`` words."""
        return list(self.words[np.searchsorted(self.cumulative, rng.random(count))])

    def draw_rare(self, rng: np.random.Generator, count: int) -> list[str]:
        """Draw ``count`` words that are not among the common ones, all equally likely."""
        return list(self.words[rng.integers(200, len(self.words), count)])


def _zipf(count: int) -> NDArray[np.float64]:
    weights = 1.0 / (np.arange(count) + 2.7)
    cumulative = np.cumsum(weights)
    return np.asarray(cumulative / cumulative[-1])


def _accented(rime: str, tone: int) -> str:
    vowels = [i for i, c in enumerate(rime) if c in _VI_TONES]
    if not vowels or any(c not in _VI_TONES and not c.isascii() for c in rime):
        return rime
    place = vowels[-1] if len(vowels) > 1 and vowels[-1] < len(rime) - 1 else vowels[0]
    return rime[:place] + _VI_TONES[rime[place]][tone] + rime[place + 1 :]


def vietnamese(seed: int, size: int = 4000) -> Vocabulary:
    """Return a Vietnamese-like vocabulary of syllables."""
    rng = np.random.default_rng((seed, 1))
    syllables = {i + _accented(r, t) for i in _VI_INITIALS for r in _VI_RIMES for t in range(6)} - set(_VI_COMMON)
    rare = sorted(syllables)
    rng.shuffle(rare)
    words = np.array((_VI_COMMON + rare)[:size], dtype=object)
    return Vocabulary(
        lang="vi",
        words=words,
        cumulative=_zipf(len(words)),
        date=("ngày {d} tháng {m} năm {y}", "ngày {d}/{m}", "{d}.{m}.{y}"),
        ordinal="lần thứ {n}",
        quantity="{n} người",
    )


def english(seed: int, size: int = 12000) -> Vocabulary:
    """Return an English-like vocabulary."""
    rng = np.random.default_rng((seed, 2))
    made: set[str] = set()
    while len(made) < size:
        made.add("".join(rng.choice(_EN_PARTS, int(rng.integers(2, 5)))))
    rare = sorted(made - set(_EN_COMMON))
    rng.shuffle(rare)
    words = np.array((_EN_COMMON + rare)[:size], dtype=object)
    return Vocabulary(
        lang="en",
        words=words,
        cumulative=_zipf(len(words)),
        date=("on {m}/{d}/{y}", "{y}-{m:02}-{d:02}"),
        ordinal="the {n}th time",
        quantity="{n} people",
    )
