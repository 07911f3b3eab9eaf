"""Signatures: what they do not depend on, and how far an estimate may be from the truth."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dedup
from dedup.sketch import ShingleSets, estimate_jaccard, minhash

TEXTS = [f"Bài {i}: " + " ".join(f"từ{(i * j) % 97}" for j in range(5 + i % 300)) for i in range(600)]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80))
def test_unicode_form_and_line_breaks_do_not_matter(text: str) -> None:
    variants = [text, unicodedata.normalize("NFD", text), f"\n {text} \n"]
    signatures = minhash(variants, num_perm=16)
    assert np.array_equal(signatures[0], signatures[1])
    assert np.array_equal(signatures[0], signatures[2])


_CASED = st.text("aăâbcdđeêhiklmnoôơuưvxyàảãáạằẳẵắặòỏõóọừửữứựỳỷỹỵéñç абвг αβγ 09 .,-", max_size=80)


@settings(max_examples=100, deadline=None)
@given(_CASED)
def test_case_does_not_matter(text: str) -> None:
    signatures = minhash([text, text.upper(), text.title()], num_perm=16)
    assert np.array_equal(signatures[0], signatures[1])
    assert np.array_equal(signatures[0], signatures[2])


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_identity_and_symmetry(one: str, other: str) -> None:
    a, b, again = minhash([one, other, one])
    assert estimate_jaccard(a, again) == 1.0
    assert estimate_jaccard(a, b) == estimate_jaccard(b, a)
    sets = ShingleSets.of([one, other])
    there, back = sets.scores([0], [1]), sets.scores([1], [0])
    assert there.jaccard[0] == back.jaccard[0]
    assert there.containment_left[0] == back.containment_right[0]


@pytest.mark.parametrize("threads", [1, 3, None])
def test_threads_and_container_do_not_matter(threads: int | None) -> None:
    expected = np.concatenate([minhash([text], threads=1) for text in TEXTS])
    for column in (TEXTS, pa.array(TEXTS), pa.chunked_array([TEXTS[:100], TEXTS[100:]]), tuple(TEXTS)):
        assert np.array_equal(minhash(column, threads=threads), expected)


def test_empty_text_is_the_empty_minhash() -> None:
    assert np.all(minhash(["", None, " \n", "😀!"]) == 2**32 - 1)


def test_short_text_is_one_shingle() -> None:
    signatures = minhash(["hai từ", "Hai  TỪ.", "hai từ nữa"], ngram=5)
    assert np.array_equal(signatures[0], signatures[1])
    assert not np.array_equal(signatures[0], signatures[2])


def test_repeated_word_is_one_shingle() -> None:
    assert np.array_equal(*minhash(["và " * 10, "và " * 100_000]))


def test_ten_megabytes() -> None:
    text = " ".join(f"w{i % 50_000}" for i in range(1_700_000))
    assert len(text) > 10_000_000
    short = " ".join(f"w{i}" for i in range(50_000)) + " w0 w1 w2 w3"
    assert np.array_equal(*minhash([text, short]))


def test_estimate_is_within_theory() -> None:
    """Over pairs of known Jaccard, the error has mean about 0 and standard deviation about sqrt(J (1 - J) / k)."""
    draw = np.random.default_rng(5)
    errors = []
    for _ in range(400):
        common, own = int(draw.integers(20, 300)), int(draw.integers(1, 200))
        words = [f"x{i}" for i in draw.integers(0, 10**9, common + 2 * own)]
        texts = [" ".join(words[: common + own]), " ".join(words[:common] + words[common + own :])]
        truth = ShingleSets.of(texts, ngram=1).scores([0], [1]).jaccard[0]
        signatures = minhash(texts, ngram=1)
        spread = np.sqrt(truth * (1 - truth) / 128)
        errors.append((estimate_jaccard(signatures[0], signatures[1]) - truth) / spread)
    assert abs(np.mean(errors)) < 4 / np.sqrt(len(errors))
    assert 0.85 < np.std(errors) < 1.15


@pytest.mark.parametrize("wrong", [{"num_perm": 0}, {"ngram": 0}, {"threads": 0}])
def test_wrong_numbers_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        dedup.minhash(["a"], **wrong)
