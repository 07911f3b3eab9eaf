"""The compiled tokeniser equals its plain definition on any text, and the definition means what it says."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dedup.text import Texts, token_hashes, tokenize, tokens
from dedup.text.hashing import token_hash32
from dedup.text.plain import _fold_tone
from dedup.text.shapes import (
    ALLCAPS,
    CAPITAL,
    COLON,
    COMMA,
    DASH,
    DIGITS,
    DOT,
    LINE_START,
    MIXED,
    NEWLINE,
    NOTHING,
    OTHER,
    SENTENCE_START,
    SLASH,
    SPACED_DASH,
    SPACES,
)
from dedup.text.tables import EXPAND, SINGLE, TABLE_SIZE, WORD, character_table

#: Characters where tokenisers go wrong: tones, marks, joiners, expansions, scripts without spaces, planes 1, 2 and 14.
TRICKY = (
    "aAoO òÒóỏỌaàĐđyúÚ´\u0301\u0300\u0323ßİŉǰΐﬃ\u00ad\u200b\u200d\ufe0f中文ひガ한ไทย\u0e34ລាក"
    "٣３9½²'-./:,\n\u2028 \ud800😀𝒜𠀀\U000e0100ⅧⅫ"
)
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters()), max_size=60)


@settings(max_examples=400, deadline=None)
@given(texts)
@example("hòa HOÀ khoẻ thúy quý")
@example("ò\u00ada")
@example("straße STRASSE")
@example("٣" * 30)
@example("\ud800a\udfffb")
def test_kernel_equals_plain_twin(text: str) -> None:
    found = tokenize(Texts.of([text]))
    assert found.hash.tolist() == [token_hash32(token) for token in tokens(text)]


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, max_size=5))
def test_hashes_alone_are_those_of_the_tokens(column: list[str]) -> None:
    found = tokenize(column)
    places = zip(found.offsets[:-1], found.offsets[1:], strict=True)
    assert [row.tolist() for row in token_hashes(column)] == [found.hash[a:b].tolist() for a, b in places]


@settings(max_examples=200, deadline=None)
@given(texts)
def test_byte_places_are_where_the_tokens_are(text: str) -> None:
    column = Texts.of([text])
    raw = column.data.tobytes()
    found = tokenize(column)
    assert np.all(found.start < found.end)
    assert np.all(found.start[1:] >= found.end[:-1])
    for start, end, token in zip(found.start, found.end, tokens(text), strict=True):
        piece = raw[start:end].decode("utf-8", "surrogatepass")
        assert tokens(piece) == [token]


@settings(max_examples=200, deadline=None)
@given(texts)
def test_unicode_form_does_not_matter(text: str) -> None:
    assert tokens(text) == tokens(unicodedata.normalize("NFD", text)) == tokens(unicodedata.normalize("NFC", text))
    forms = [text, unicodedata.normalize("NFD", text)]
    found = tokenize(Texts.of(forms))
    assert found.hash[: found.offsets[1]].tolist() == found.hash[found.offsets[1] :].tolist()


_CASED = st.text("aăâbcdđeêghijklmnoôơpqrstuưvxyàảãáạằẳẵắặòỏõóọừửữứựỳỷỹýỵéñüçß абвгд αβγδω 0123456789 .,-", max_size=80)


@settings(max_examples=200, deadline=None)
@given(_CASED)
def test_case_does_not_matter(text: str) -> None:
    assert tokens(text) == tokens(text.upper()) == tokens(text.title())


@pytest.mark.parametrize(
    ("old", "new"),
    [("hòa", "hoà"), ("HÓA", "hoá"), ("khỏe", "khoẻ"), ("Thúy", "thuý"), ("tùy", "tuỳ"), ("lõa", "loã"), ("oẹ", "oẹ")],
)
def test_tone_placement_is_folded(old: str, new: str) -> None:
    assert tokens(old) == tokens(new) == [new]


def test_closed_syllables_keep_their_tone() -> None:
    assert tokens("toàn hoàng hòan Hòa.") == ["toàn", "hoàng", "hòan", "hoà"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ngày 21/8", ["ngày", "21", "8"]),
        ("中国人民 2024年", ["中", "国", "人", "民", "2024", "年"]),
        ("ひらがなカナ", list("ひらがなカナ")),
        ("ไทย", list("ไทย")),
        ("한국어 뉴스", ["한국어", "뉴스"]),
        ("مرحبا بالعالم", ["مرحبا", "بالعالم"]),
        ("हिन्दी समाचार", ["हिन्दी", "समाचार"]),
        ("😀 tin 🎉 nóng", ["tin", "nóng"]),
        ("٢٠٢٤", ["2024"]),
        ("co\u00adop", ["coop"]),
        ("  \n\t ", []),
        ("", []),
    ],
)
def test_scripts(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def _shapes(text: str) -> list[tuple[str, int, int, int]]:
    column = Texts.of([text])
    raw = column.data.tobytes()
    found = tokenize(column)
    columns = (found.start, found.end, found.flags, found.separator, found.value)
    return [(raw[a:b].decode(), int(f), int(s), int(v)) for a, b, f, s, v in zip(*columns, strict=True)]


def test_flags_and_values() -> None:
    start = SENTENCE_START | LINE_START
    assert _shapes("Ông NGUYỄN covid19 4294967296 x. Hôm\nnay") == [
        ("Ông", CAPITAL | start, NOTHING, 0),
        ("NGUYỄN", CAPITAL | ALLCAPS, SPACES, 0),
        ("covid19", MIXED, SPACES, 0),
        ("4294967296", DIGITS, SPACES, 2**32 - 1),
        ("x", 0, SPACES, 0),
        ("Hôm", CAPITAL | SENTENCE_START, OTHER, 0),
        ("nay", start, NEWLINE, 0),
    ]


@pytest.mark.parametrize(
    ("gap", "code"),
    [(" ", SPACES), ("/", SLASH), ("-", DASH), ("–", DASH), (".", DOT), (",", COMMA), (":", COLON), ("\n", NEWLINE),
     (" \r\n ", NEWLINE), (", ", OTHER), (" - ", SPACED_DASH), (" – ", SPACED_DASH), ("- ", OTHER), ("%", OTHER),
     ("...", OTHER)],
)  # fmt: skip
def test_separators(gap: str, code: int) -> None:
    assert _shapes(f"1{gap}2")[1][2] == code


def test_a_full_stop_inside_a_number_starts_no_sentence() -> None:
    assert [bool(flags & SENTENCE_START) for _, flags, _, _ in _shapes("Ngày 13.12. Hết! xong")] == [
        True, False, False, True, True
    ]  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_threads_do_not_change_the_result(threads: int) -> None:
    many = [f"Bài số {i}: giá vàng {i * 7} triệu, ngày {i % 28}/{i % 12}\n" * 40 for i in range(2500)]
    one, other = tokenize(many, threads=1), tokenize(many, threads=threads)
    for name in ("offsets", "hash", "start", "end", "flags", "separator", "value"):
        assert np.array_equal(getattr(one, name), getattr(other, name))


def test_ten_megabytes() -> None:
    text = "Tin nóng trong ngày 21/8. " * 400_000
    found = tokenize([text])
    assert len(found.hash) == 6 * 400_000
    assert found.hash[:6].tolist() == [token_hash32(t) for t in tokens(text[:26])]


def test_shipped_table_is_what_the_unicode_database_says() -> None:
    """Code points that this Python's Unicode version knows otherwise may differ; none that both know."""
    table = character_table()
    for code in range(TABLE_SIZE):
        category = unicodedata.category(chr(code))
        entry = table.entry(code)
        if entry & (WORD | EXPAND | SINGLE):
            assert category[0] in "LMN", hex(code)
        elif unicodedata.unidata_version == "14.0.0":
            assert category != "Nd", hex(code)


def test_fold_tone_touches_only_the_end() -> None:
    assert _fold_tone("hòaòa") == "hòaoà"
