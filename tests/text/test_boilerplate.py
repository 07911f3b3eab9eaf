"""Lines that a source repeats are not the story."""

from __future__ import annotations

import pytest

from dedup.errors import DedupError
from dedup.text.boilerplate import MIN_ARTICLES, Boilerplate

SHARE_BAR = "Chia sẻ bài viết | Bình luận (0)"


def learned(times: int) -> Boilerplate:
    out = Boilerplate()
    for i in range(times):
        out.learn("bao.example", f"Tin số {i} của ngày hôm nay.\n{SHARE_BAR}")
    return out


def test_a_repeated_line_is_stripped_for_its_source_only() -> None:
    text = f"Cháy nhà ở Huế.\n{SHARE_BAR}"

    assert learned(MIN_ARTICLES).strip("bao.example", text) == "Cháy nhà ở Huế."
    assert learned(MIN_ARTICLES).strip("khac.example", text) == text
    assert learned(MIN_ARTICLES).strip(None, text) == text


def test_a_line_seen_too_seldom_stays() -> None:
    text = f"Cháy nhà ở Huế.\n{SHARE_BAR}"

    assert learned(MIN_ARTICLES - 1).strip("bao.example", text) == text


def test_a_text_of_nothing_else_is_left() -> None:
    assert learned(MIN_ARTICLES).strip("bao.example", SHARE_BAR) == SHARE_BAR


def test_it_survives_packing() -> None:
    one = learned(MIN_ARTICLES)

    assert Boilerplate.unpack(one.pack()).repeated("bao.example") == one.repeated("bao.example") != frozenset()


def test_another_version_is_refused() -> None:
    with pytest.raises(DedupError, match="version 9"):
        Boilerplate.unpack(b'{"version":9,"sources":{}}')
