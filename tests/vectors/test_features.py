"""Features are the same however they are made, moved and packed."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.article import Article
from dedup.errors import DedupError
from dedup.text import ngram_hash32, tokens
from dedup.vectors import Features, Idf, featurize, packing
from dedup.vectors.kernels import BIGRAM, NAME, NUMBER, TITLE

WORDS = st.text("aăbcđeghôơư 0123456789.,/-\nÂBCĐ", min_size=1, max_size=300).filter(lambda t: bool(t.strip()))


def same(one: Features, two: Features) -> bool:
    return all(np.array_equal(getattr(one, f.name), getattr(two, f.name)) for f in fields(Features))


def some(n: int) -> list[Article]:
    return [
        Article(id=str(i), title=f"Tin {i}", text=f"Ngày {i + 1}/8, ông Nguyễn Văn {'ABCDE'[i % 5]} thăm tỉnh số {i}.")
        for i in range(n)
    ]


def test_terms_are_the_ngrams_of_the_text_room() -> None:
    article = Article(title="Hội nghị lớn", text="Bộ Ngoại giao tổ chức hội nghị tại Hà Nội ngày 21")
    words = [tokens(article.title or ""), tokens(article.text)]
    expected = {ngram_hash32([w]) for side in words for w in side}
    expected |= {ngram_hash32(side[i : i + 2]) for side in words for i in range(len(side) - 1)}

    features = featurize([article])

    assert set(features.term_hash.tolist()) == expected
    bits = dict(zip(features.term_hash.tolist(), features.term_bits.tolist(), strict=True))
    assert bits[ngram_hash32(["hội", "nghị"])] & (TITLE | BIGRAM) == TITLE | BIGRAM
    assert bits[ngram_hash32(["hà", "nội"])] & NAME
    assert bits[ngram_hash32(["21"])] & NUMBER


def test_the_number_of_threads_and_the_chunks_do_not_matter() -> None:
    articles = some(2500)

    one = featurize(articles, threads=1)
    assert same(one, featurize(articles, threads=3))
    assert same(one, Features.concat([featurize(articles[:7]), featurize(articles[7:])]))


def test_take_and_concat() -> None:
    features = featurize(some(9))

    assert same(features.take([4, 2]), Features.concat([features.take([4]), features.take([2])]))
    assert len(Features.concat([])) == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, min_size=1, max_size=5))
def test_packing_keeps_everything(texts: list[str]) -> None:
    features = featurize([Article(id=str(i), text=text) for i, text in enumerate(texts)])

    packed = packing.pack(features)
    assert same(features, packing.unpack(packed))
    assert all(len(value) <= 1100 for value in packed)


@pytest.mark.parametrize("broken", [b"", b"\x09abc", b"\x01"])
def test_what_another_version_packed_is_refused(broken: bytes) -> None:
    if len(broken) == 1:
        broken = packing.pack(featurize(some(1)))[0][:-1]
    with pytest.raises(DedupError):
        packing.unpack([broken])


def test_idf_without_counts_is_the_prior_and_with_counts_falls() -> None:
    articles = some(50)
    features = featurize(articles)
    prior, blended = Idf.prior(), Idf.prior().blend(features)

    before, after = prior.weights(features), blended.weights(features)
    counts = Counter(features.term_hash.tolist())
    everywhere = np.array([counts[h] == 50 for h in features.term_hash.tolist()])
    assert (after[everywhere] <= before[everywhere]).all()
    assert Idf.from_bytes(blended.to_bytes()).version == blended.version != prior.version == "prior"


def test_idf_follows_its_definition() -> None:
    features = featurize(some(50))
    counts = Counter(features.term_hash.tolist())
    weights = Idf.prior().blend(features).weights(features)
    for h, byte, weight in zip(
        features.term_hash.tolist()[:40], features.term_idf.tolist(), weights.tolist(), strict=False
    ):
        count = counts[h] if counts[h] >= 2 else 1
        expected = np.log((5000 + 50 + 1) / (5000 * np.exp(1 - byte / 16) + count)) + 1
        assert weight == pytest.approx(min(8.0, max(0.3, expected)), rel=1e-4)


def test_a_cut_snapshot_is_refused() -> None:
    with pytest.raises(DedupError, match="IDF snapshot"):
        Idf.from_bytes(Idf.prior().blend(featurize(some(5))).to_bytes()[:-1])


def test_hostile_texts_have_features() -> None:
    texts = ["." * 500, "1 " * 3000, "A" * 5000, "漢字" * 400, "é́" * 100, "\u200b a", "9" * 400 + " tỷ"]
    features = featurize([Article(id=str(i), text=text) for i, text in enumerate(texts)])

    assert len(features) == len(texts)
    assert np.diff(features.term_offsets).max() <= 140
