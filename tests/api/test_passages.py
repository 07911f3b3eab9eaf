"""What the compare page marks: nothing is lost, nothing is marked as shared that is not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dedup.api.pages.passages import PASSAGE, Run, compare_texts
from dedup.text import tokens

VOCABULARY = ("một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "Tám", "9", "mười,", "xong.")
WORDS = st.lists(st.sampled_from(VOCABULARY), max_size=60).map(" ".join)
SENTENCE = "Hội nghị Ngoại vụ toàn quốc lần thứ 18 diễn ra tại Hà Nội ngày 21 tháng 8 với 200 đại biểu tham dự"


def joined(runs: tuple[Run, ...]) -> str:
    return "".join(run.text for run in runs)


def passages(runs: tuple[Run, ...]) -> dict[int, list[str]]:
    return {run.passage: tokens(run.text) for run in runs if run.passage is not None}


@settings(deadline=None)
@given(left=WORDS | st.text(max_size=80), right=WORDS | st.text(max_size=80))
def test_the_runs_are_the_text_and_passages_are_in_both(left: str, right: str) -> None:
    found = compare_texts(left, right)

    assert joined(found.left) == unicodedata.normalize("NFC", left)
    assert joined(found.right) == unicodedata.normalize("NFC", right)
    assert passages(found.left) == passages(found.right)
    assert all(len(words) >= PASSAGE for words in passages(found.left).values())
    assert 0 <= found.share <= 1


def test_versions_of_one_text_show_the_words_that_differ() -> None:
    found = compare_texts(SENTENCE, SENTENCE.replace("200", "450"))

    assert found.same_text
    assert [run.text for run in found.left if run.mark == "differs"] == ["200"]
    assert [run.text for run in found.right if run.mark == "differs"] == ["450"]


def test_reports_in_other_words_show_only_what_they_share() -> None:
    left = "Sáng nay mưa lớn. Hội nghị Ngoại vụ toàn quốc lần thứ 18 khai mạc. " + "Nắng đẹp cả tuần ở nơi khác. " * 5
    right = "Thủ tướng dự. Ông nói Hội nghị Ngoại vụ toàn quốc lần thứ 18 rất quan trọng. " + "Giá vàng tăng mạnh. " * 9
    found = compare_texts(left, right)

    assert not found.same_text
    assert [run.text for run in found.left if run.mark == "shared"] == ["Hội nghị Ngoại vụ toàn quốc lần thứ 18"]
    assert not any(run.mark == "differs" for run in (*found.left, *found.right))


def test_tone_placement_and_case_do_not_break_a_passage() -> None:
    found = compare_texts("Hoà bình là Khát Vọng của mọi người", "hòa bình là khát vọng của mọi người")

    assert [run.mark for run in found.left] == ["shared"]


def test_hostile_repetition_costs_no_more_than_any_other_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup.api.pages.passages.LONGEST", 1_000_000)
    found = compare_texts("a " * 200_000, "a " * 150_000 + "b " * 50_000)

    assert (found.share, found.cut) == (0.75, False), "each place with each other would take hours"


def test_long_texts_are_compared_at_their_beginning_and_it_is_said() -> None:
    assert compare_texts("x " * 7000, "y").cut
    assert not compare_texts("x", "y").cut
