"""Every shape in which texts arrive becomes the same column."""

from __future__ import annotations

import importlib
import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.text import Texts, tokens
from dedup.text.columns import take
from dedup.text.nfc import nfc_suspects

TEXTS = ["một", "", None, "hai ba", "\u0061\u0300 không NFC", "😀", "bốn" * 20]
EXPECTED = ["một", "", "", "hai ba", "à không NFC", "😀", "bốn" * 20]


@pytest.mark.parametrize(
    "column",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS, dtype=object),
        pa.array(TEXTS),
        pa.array(TEXTS, pa.large_string()),
        pa.array(TEXTS, pa.string_view()),
        pa.array(TEXTS).dictionary_encode(),
        pa.chunked_array([TEXTS[:2], [], TEXTS[2:]]),
        pa.chunked_array([pa.array(["bỏ", *TEXTS]).slice(1)]),
        pa.array(["x", *TEXTS, "y"]).slice(1, len(TEXTS)),
        Texts.of(TEXTS),
        iter(TEXTS),
    ],
    ids="list tuple numpy string large view dictionary chunked chunked-slice slice own iterator".split(),  # noqa: SIM905
)
def test_shapes(column: object) -> None:
    assert list(Texts.of(column)) == EXPECTED


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_series_are_read_by_position(library: str) -> None:
    frames = importlib.import_module(library)
    series = frames.Series(["a", None, "b"])
    if library == "pandas":
        series.index = [2, 1, 0]
    assert list(Texts.of(series)) == ["a", "", "b"]


def test_null_slots_with_bytes_under_them_are_empty() -> None:
    data = pa.array(["bí mật", "thường"])
    hidden = pa.StringArray.from_buffers(2, data.buffers()[1], data.buffers()[2], pa.py_buffer(b"\x02"), 1)
    assert list(Texts.of(hidden)) == ["", "thường"]


def test_arrow_buffers_are_not_copied() -> None:
    array = pa.array(["không chép"] * 100, pa.large_string())
    column = Texts.of(array)
    assert column.data.ctypes.data == array.buffers()[2].address
    assert column.offsets.ctypes.data == array.buffers()[1].address


@pytest.mark.parametrize("empty", [[], pa.array([], pa.string()), pa.chunked_array([], pa.string()), pa.nulls(0)])
def test_no_texts(empty: object) -> None:
    assert len(Texts.of(empty)) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["a", 3], "text 1 is int"),
        (["a", b"b"], "text 1 is bytes"),
        ("abc", "sequence of str"),
        (pa.array([1]), "int64"),
    ],
)
def test_what_is_not_a_text_is_named(wrong: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        Texts.of(wrong)


def test_lone_surrogates_survive() -> None:
    assert list(Texts.of(["a\ud800b"])) == ["a\ud800b"]


def test_broken_utf8_from_arrow_is_read_without_harm() -> None:
    bad = b"tin \xff\xc3 n\xe1\xbb \xcc"
    array = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, len(bad)], np.int32)), pa.py_buffer(bad))
    from dedup.text import tokenize

    assert len(tokenize(Texts.of(array)).hash) >= 1


def test_nfc_suspects_miss_nothing() -> None:
    """A text of one character, or two, that NFC would change is always suspected."""
    texts, changes = [], []
    marks = ["", "\u0301", "\u0323", "\u0345", "\u302a", "\u3099", "\u0f39"]
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        if unicodedata.category(char) in ("Cs", "Cn", "Co"):
            continue
        for mark in marks if code < 0x3100 else marks[:1]:
            texts.append(f"a{char}{mark}")
            changes.append(not unicodedata.is_normalized("NFC", texts[-1]))
    data = [t.encode() for t in texts]
    offsets = np.concatenate([[0], np.cumsum([len(d) for d in data])])
    column = np.frombuffer(b"".join(data), np.uint8)
    suspects = nfc_suspects(column, offsets)
    assert not np.any(np.array(changes) & ~suspects)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=20), max_size=8))
def test_normalisation_of_any_text(texts: list[str]) -> None:
    assert list(Texts.of(texts)) == [unicodedata.normalize("NFC", t) for t in texts]


_LETTERS = "aeiouyAEIOUYdđ1 ,éêẹơưǖçﬁ中가å\u212b\u1100\u1161"
_MARKS = "\u0300\u0301\u0302\u0303\u0306\u0308\u0309\u031b\u0323\u0327\u0340\u0344\u0345"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.text(_LETTERS + _MARKS + _MARKS, max_size=12), max_size=6))
def test_normalisation_of_letters_and_marks(texts: list[str]) -> None:
    assert list(Texts.of(texts)) == [unicodedata.normalize("NFC", t) for t in texts]


def test_every_latin_letter_and_two_marks() -> None:
    """Each written apart, in both orders, half apart, and with marks that do not belong to it."""
    letters = [chr(c) for c in (*range(0x41, 0x250), *range(0x1E00, 0x1F00))]
    texts = [letter + one + two for letter in letters for one in ("", *_MARKS) for two in _MARKS]
    texts += [unicodedata.normalize("NFD", letter) for letter in letters]
    assert list(Texts.of(texts)) == [unicodedata.normalize("NFC", t) for t in texts]


@pytest.mark.parametrize(
    "column", [list("abcd"), pa.array(list("abcd")), pa.chunked_array([["a"], [], ["b", "c"], ["d"]])]
)
@pytest.mark.parametrize("rows", [[0, 2], [1, 2, 3], [], [0, 1, 2, 3]])
def test_take(column: object, rows: list[int]) -> None:
    assert list(Texts.of(take(column, np.array(rows, np.int64)))) == ["abcd"[i] for i in rows]


@pytest.mark.parametrize("size", [0, 1, 50, 10_000])
def test_heads_cover_the_column(size: int) -> None:
    column = Texts.of([f"văn bản {i}" * (i % 7) for i in range(100)])
    read: list[str] = []
    while len(read) < len(column):
        head = column.slice(len(read), len(column)).head(size)
        assert len(head) == 1 or head.nbytes <= size
        read += head
    assert read == list(column)
    assert tokens(column[8]) == ["văn", "bản", "8"]


@given(st.lists(st.lists(st.text(max_size=3), max_size=4), max_size=5), st.data())
def test_rows_are_taken_from_chunks(chunks: list[list[str]], data: st.DataObject) -> None:
    column = pa.chunked_array([pa.array(chunk, pa.large_string()) for chunk in chunks], pa.large_string())
    rows = sorted(data.draw(st.lists(st.integers(0, max(0, len(column) - 1)), max_size=8 if len(column) else 0)))
    assert take(column, np.array(rows, np.int64)).to_pylist() == [column[row].as_py() for row in rows]
