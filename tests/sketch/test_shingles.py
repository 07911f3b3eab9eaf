"""Exact scores equal those of Python sets."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.sketch import ShingleSets
from dedup.text import ngram_hash64, tokens
from dedup.text.hashing import token_hash64

WORDS = ["giá", "vàng", "hôm", "nay", "tăng", "35", "36", "37", "triệu", "đồng", "hòa", "bình"]
TEXTS = st.lists(st.sampled_from(WORDS), max_size=30).map(" ".join)


def shingles(text: str, ngram: int, *, masked: bool = False) -> set[int]:
    words = [("0" if masked and word.isdigit() else word) for word in tokens(text)]
    width = min(ngram, len(words))
    return {ngram_hash64(words[i : i + width]) for i in range(len(words) - width + 1 if words else 0)}


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, min_size=2, max_size=5), st.integers(1, 6))
def test_sets_and_scores_equal_plain_twin(texts: list[str], ngram: int) -> None:
    sets = ShingleSets.of(texts, ngram=ngram)
    plain = [shingles(text, ngram) for text in texts]
    assert [sets[i].tolist() for i in range(len(texts))] == [sorted(s) for s in plain]
    found = sets.scores([0, 1], [1, 0])
    a, b = plain[0], plain[1]
    common = len(a & b)
    assert found.jaccard.tolist() == [common / max(1, len(a | b))] * 2
    assert found.containment_left.tolist() == [common / max(1, len(a)), common / max(1, len(b))]
    assert found.containment_right.tolist() == found.containment_left[::-1].tolist()
    numbers = [Counter(w for w in tokens(text) if w.isdigit()) for text in texts[:2]]
    fewer = min(numbers[0].total(), numbers[1].total())
    assert found.numbers.tolist() == [fewer] * 2
    assert np.allclose(found.numeric_difference, (fewer - (numbers[0] & numbers[1]).total()) / max(1, fewer))


@settings(max_examples=400, deadline=None)
@given(st.lists(st.text(st.characters(max_codepoint=0xFFFF) | st.sampled_from("aàảă đ中ßò\u00ad9")), max_size=4))
def test_every_way_to_decode_gives_the_same_tokens(texts: list[str]) -> None:
    """ASCII, mixed up to three bytes, and (with an emoji) the plain loop: one token a shingle shows each hash."""
    for column in (texts, [f"{text}😀" for text in texts]):
        sets = ShingleSets.of(column, ngram=1)
        for i, text in enumerate(column):
            assert sets[i].tolist() == sorted({token_hash64(token) for token in tokens(text)})


@settings(max_examples=100, deadline=None)
@given(
    st.integers(500, 524) | st.integers(1010, 1040),
    st.text("aàòy9 ", max_size=12),
    st.sampled_from(["x", "9", "à ", "中"]),
)
def test_tokens_across_the_windows_of_the_kernel(place: int, text: str, filler: str) -> None:
    """Polynomials are summed some hundred characters at a time: a token may begin, end or go on at the seam."""
    column = [(filler * place)[:place] + text, " " * place + text, text * (place // 4)]
    sets = ShingleSets.of(column, ngram=1)
    for i, whole in enumerate(column):
        assert sets[i].tolist() == sorted({token_hash64(token) for token in tokens(whole)})


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.integers(1, 5))
def test_a_text_is_itself(text: str, ngram: int) -> None:
    score = ShingleSets.of([text], ngram=ngram).scores([0], [0])
    assert score.jaccard[0] == (1.0 if tokens(text) else 0.0)


def test_masked_numbers_leave_the_wording() -> None:
    a = "Giá vàng ngày 20 tháng 8 mua 35 bán 36 triệu đồng một lượng"
    b = "Giá vàng ngày 21 tháng 9 mua 37 bán 38 triệu đồng một lượng"
    assert ShingleSets.of([a, b]).scores([0], [1]).jaccard[0] < 0.2
    assert ShingleSets.of([a, b], masked=True).scores([0], [1]).jaccard[0] == 1.0


def test_no_texts() -> None:
    assert len(ShingleSets.of([])) == 0
    assert len(ShingleSets.of(["a", "b"]).scores([], []).jaccard) == 0
