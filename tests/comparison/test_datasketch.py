"""Signatures, estimates, bands and candidates, number by number, against datasketch."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from datasketch import LeanMinHash, MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.sketch import band_hashes, estimate_jaccard, minhash, optimal_bands, shingle_hash32
from dedup.text import tokens

WORDS = tokens("giá vàng hôm nay tăng mạnh tại Hà Nội và Sài Gòn theo công ty SJC 35 triệu đồng hoà hòa 中 文 straße")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join) | st.text(max_size=40)


def reference(text: str, *, num_perm: int = 128, ngram: int = 5, seed: int = 1) -> MinHash:
    """The signature as datasketch makes it, shingle by shingle."""
    found = MinHash(num_perm, seed=seed, scheme="affine32", hashfunc=shingle_hash32)
    words = tokens(text)
    width = min(ngram, len(words))
    for start in range(len(words) - width + 1 if words else 0):
        found.update(" ".join(words[start : start + width]).encode("utf-8", "surrogatepass"))
    return found


@settings(max_examples=150, deadline=None)
@given(TEXTS, st.sampled_from([(128, 5, 1), (16, 1, 7), (64, 3, 42), (1, 2, 0)]))
def test_signatures_are_bit_identical(text: str, shape: tuple[int, int, int]) -> None:
    num_perm, ngram, seed = shape
    ours = minhash([text], num_perm=num_perm, ngram=ngram, seed=seed)
    assert ours.dtype == np.uint32
    assert np.array_equal(ours[0], reference(text, num_perm=num_perm, ngram=ngram, seed=seed).hashvalues)


@pytest.mark.parametrize(
    "text",
    [
        "国务院总理今天在北京主持召开会议，研究2024年经济工作。",
        "総理大臣は記者会見を開いた。カタカナとひらがな。",
        "นายกรัฐมนตรีแถลงข่าวเมื่อวันที่ 21 สิงหาคม",
        "أعلن رئيس الوزراء يوم الاثنين أن الميزانية ٢٠٢٤ ستخفض",
        "प्रधानमंत्री ने सोमवार को कहा कि बजट कम किया जाएगा",
        "대통령은 월요일 기자회견을 열었다",
        "😀 tin nóng 🎉🎉 trong ngày 👨\u200d👩\u200d👧 và đêm 🇻🇳",
        "Thủ tướng chủ trì hội nghị; THÚY ở Hoà Bình khoẻ",
        "một",
        "",
    ],
    ids=["Chinese", "Japanese", "Thai", "Arabic", "Hindi", "Korean", "emoji", "Vietnamese", "word", "nothing"],
)
@pytest.mark.parametrize("times", [1, 40])
def test_scripts(text: str, times: int) -> None:
    """In NFC and not, once and over again, alone and among others."""
    whole = " ".join([text] * times)
    forms = [whole, unicodedata.normalize("NFD", whole), whole.upper()]
    ours = minhash(["trước", *forms, "sau"])[1:-1]
    for form, row in zip(forms, ours, strict=True):
        assert np.array_equal(row, reference(form).hashvalues)
    assert np.array_equal(ours[0], ours[1])
    assert np.array_equal(ours[0], ours[2])


def test_signatures_travel_both_ways() -> None:
    a, b = " ".join(WORDS), " ".join(WORDS[3:] + WORDS[:5])
    ours = minhash([a, b])
    left, right = (MinHash(hashvalues=row, scheme="affine32") for row in ours)
    assert left.jaccard(right) == reference(a).jaccard(reference(b)) == estimate_jaccard(ours[0], ours[1])
    assert LeanMinHash(left).jaccard(LeanMinHash(right)) == left.jaccard(right)


def _corpus() -> list[str]:
    draw = np.random.default_rng(3)
    vocabulary = [f"từ{i}" for i in range(3000)]
    base = [[vocabulary[i] for i in draw.integers(0, 3000, 120)] for _ in range(60)]
    texts = [" ".join(words) for words in base]
    for words in base:
        edited = list(words)
        for place in draw.integers(0, 120, int(draw.integers(1, 12))):
            edited[place] = vocabulary[int(draw.integers(3000))]
        texts.append(" ".join(edited))
    return texts


@pytest.mark.parametrize(("bands", "rows"), [(32, 4), (25, 5), (42, 3)])
def test_candidates_are_those_of_minhashlsh(bands: int, rows: int) -> None:
    texts = _corpus()
    signatures = minhash(texts)
    index = MinHashLSH(num_perm=128, params=(bands, rows))
    for i, row in enumerate(signatures):
        index.insert(i, MinHash(hashvalues=row, scheme="affine32"))
    keys = band_hashes(signatures, bands, rows)
    for i, row in enumerate(signatures):
        ours = set(np.flatnonzero(np.any(keys == keys[i], axis=1)).tolist())
        assert ours == set(index.query(MinHash(hashvalues=row, scheme="affine32")))


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7, 0.8, 0.9])
@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.1, 0.9), (0.9, 0.1)])
@pytest.mark.parametrize("num_perm", [64, 128])
def test_bands_are_those_of_minhashlsh(threshold: float, weights: tuple[float, float], num_perm: int) -> None:
    theirs = MinHashLSH(threshold, num_perm, weights=weights)
    ours = optimal_bands(threshold, num_perm, false_positive=weights[0], false_negative=weights[1])
    assert ours == (theirs.b, theirs.r)
