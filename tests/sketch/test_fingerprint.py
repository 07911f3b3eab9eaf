"""Fingerprints equal their plain twin: content, sampling rate, sampled shingles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.sketch import minhash
from dedup.sketch.fingerprint import SAMPLES, Fingerprints
from dedup.text import tokens
from dedup.text.hashing import MASK64, SHINGLE_BASE64, token_hash64

_MIX = 0xFF51AFD7ED558CCD
WORDS = ["giá", "vàng", "hôm", "nay", "2015", "21", "8", "hòa"]


def samples(text: str, ngram: int) -> tuple[int, list[int]]:
    """Rate and sampled shingles, numbers masked, as the docstring of Fingerprints says."""
    words = [1 if token.isdigit() else token_hash64(token) for token in tokens(text)]
    width = min(ngram, len(words))
    hashes = []
    for start in range(len(words) - width + 1 if words else 0):
        value = 0
        for word in words[start : start + width]:
            value = (value * SHINGLE_BASE64 + word) & MASK64
        hashes.append(((value ^ (value >> 32)) * _MIX) & MASK64)
    rate = 0
    while len(hashes) >> rate > 3 * SAMPLES // 4:
        rate += 1
    kept = {value >> 8 & 0xFFFFFFFF for value in hashes if value >> (64 - rate) == 0}
    return rate, sorted(kept)[:SAMPLES]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=90).map(" ".join) | st.text(max_size=30), max_size=4))
def test_samples_equal_plain_twin(texts: list[str]) -> None:
    found = Fingerprints.of(texts)
    for i, text in enumerate(texts):
        rate, kept = samples(text, 5)
        assert found.rates[i] == rate
        assert found.samples[i, : found.sample_counts[i]].tolist() == kept


@pytest.mark.parametrize("words", [47, 60, 100, 700, 5000, 100_000])
def test_samples_of_long_texts(words: int) -> None:
    text = " ".join(f"w{i}" for i in np.random.default_rng(words).integers(0, words, words))
    found = Fingerprints.of([text])
    rate, kept = samples(text, 5)
    assert (found.rates[0], found.samples[0, : found.sample_counts[0]].tolist()) == (rate, kept)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), min_size=2, max_size=12))
def test_content_is_the_token_sequence(texts: list[str]) -> None:
    content = [row.tobytes() for row in Fingerprints.of(texts).content]
    for a, one in zip(content, texts, strict=True):
        for b, other in zip(content, texts, strict=True):
            assert (a == b) == (tokens(one) == tokens(other))


def test_content_of_texts_without_tokens() -> None:
    content = Fingerprints.of(["", " \n", "😀", "😀 ", "!", "?!"]).content
    assert not np.any(content[:2])
    assert np.array_equal(content[2], content[3])
    assert len(np.unique(content[2:], axis=0)) == 3


def test_signatures_are_those_of_minhash() -> None:
    texts = [" ".join(WORDS[i:] + WORDS[:i]) for i in range(8)]
    assert np.array_equal(Fingerprints.of(texts, seed=3).signatures, minhash(texts, seed=3))
