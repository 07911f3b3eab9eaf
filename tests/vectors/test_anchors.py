"""Dates, ordinals and amounts are read in the many ways they are written."""

# ruff: noqa: E501  (sentences of articles)

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dedup.article import Article
from dedup.vectors.features import parse
from dedup.vectors.spelling import Spelling, spell


def spelled(articles: list[Article]) -> list[Spelling]:
    return [Spelling.unpack(packed) for packed in spell(parse(articles))]


def anchors(text: str, published: datetime | None = None) -> set[tuple[str, str]]:
    (found,) = spelled([Article(title="x", text=text, published_at=published)])
    return {(shown.kind, shown.value) for shown in map(found.anchor, range(len(found.keys)))}


@pytest.mark.parametrize(
    "text",
    [
        "diễn ra ngày 21 tháng 8 tại Hà Nội", "Ngày 21/8, tại Hà Nội", "sáng 21-8, tại", "(21.8) tại", "on August 21, in",
        "on 21 August in", "on Aug. 21", "từ 21/8",
    ],
)  # fmt: skip
def test_a_day_without_year(text: str) -> None:
    assert ("date", "--08-21") in anchors(text)


@pytest.mark.parametrize(
    "text",
    [
        "ngày 21/8/2015",
        "21.8.2015",
        "21-8-2015",
        "2015-08-21",
        "ngày 21 tháng 8 năm 2015",
        "August 21, 2015",
        "21 August 2015",
    ],
)
def test_a_day_with_year(text: str) -> None:
    assert anchors(f"Họp {text} tại đây") == {("date", "2015-08-21")}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("Sáng nay, lãnh đạo họp", "2024-05-08"), ("Hôm qua có mưa", "2024-05-07"), ("He said on Monday that", "2024-05-06"),
        ("It rained yesterday", "2024-05-07"), ("Ngày 30/12 khai mạc", "2023-12-30"),
    ],
)  # fmt: skip
def test_relative_days_and_missing_years_are_resolved_against_the_publication(text: str, day: str) -> None:
    assert ("date", day) in anchors(text, datetime(2024, 5, 8, 3, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("Hội nghị lần thứ 18 khai mạc", "18"), ("phiên thứ 29 của", "29"), ("the 18th conference", "18"),
        ("kỳ họp lần 12 của", "12"), ("Đại hội lần thứ XII của", "12"), ("giải lần thứ ba được", "3"),
    ],
)  # fmt: skip
def test_ordinals(text: str, number: str) -> None:
    assert ("ordinal", number) in anchors(text)


@pytest.mark.parametrize("text", ["họp vào thứ 2 tuần tới", "thắng 2-1 tối qua", "tỷ lệ 3/4 dân số", "version 1.2.3"])
def test_what_is_no_date_or_ordinal(text: str) -> None:
    assert not {kind for kind, _ in anchors(text)} & {"ordinal"}
    assert ("date", "--02-01") not in anchors(text)


def test_amounts_and_scores_have_their_kinds() -> None:
    kinds = {kind for kind, _ in anchors("Lãi 1,5 tỷ đồng, tăng 12%, 40.000 người xem trận thắng 3-1")}

    assert kinds == {"money", "percent", "quantity", "score"}


def test_one_amount_written_two_ways_is_one_anchor() -> None:
    from dedup.vectors import featurize

    one, two = (featurize([Article(title="x", text=text)]) for text in ("giá 1,5 tỷ đồng", "giá 1500 triệu đồng"))
    assert one.anchor_key.tolist() == two.anchor_key.tolist()


def test_articles_read_together_are_read_as_each_alone() -> None:
    day = datetime(2020, 3, 4, tzinfo=UTC)
    articles = [
        Article(
            title="Fire of 3 March in Huế", text="Mayor Lê Văn An of Huế spoke on Tuesday, 3 March.", published_at=day
        ),
        Article(text="A first line of 5 May\nThe Bank of Kent lost 40 million dollars on 6 May 2019."),
        Article(title="…", text="…"),
        Article(title="Nga\u0300y 7/8", text="Ông Đặng Văn Tường thắng 3-1 nga\u0300y 7/8."),
    ]
    together = spelled(articles)
    assert together == [one for article in articles for one in spelled([article])]
    fire, bank = ({one.anchor(place).value: weight for place, weight in enumerate(one.weights)} for one in together[:2])
    assert fire["2020-03-03"] > bank["2019-05-06"], "what stands in a title weighs more"


def test_names_are_runs_of_capitals_that_do_not_begin_a_sentence() -> None:
    text = "Mưa lớn. Ông Đặng Văn Tường gặp Mai, Lê An và COVID19\u00a0ở Huế. Sau đó về."
    (found,) = spelled([Article(title="Thăm Hà  Nội", text=text)])

    assert found.names == {
        "Thăm Hà Nội", "Hà Nội", "Ông Đặng Văn Tường", "Đặng Văn Tường", "Mai", "Lê An", "Huế"
    }  # fmt: skip


@pytest.mark.parametrize(
    "blank", [" ", "\t ", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u205f", "\u3000", "\x85"]
)
def test_white_space_inside_a_spelling_is_one_blank(blank: str) -> None:
    (found,) = spelled([Article(title="x", text=f"tại{blank}Hội{blank}nghị{blank}lần{blank}thứ{blank}18{blank}khai")])

    (shown,) = map(found.anchor, range(len(found.keys)))
    assert shown.text == "nghị lần thứ 18 khai"
