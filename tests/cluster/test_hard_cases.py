"""Cases that a story clusterer gets wrong if it only looks at words."""

# ruff: noqa: E501  (sentences of articles)

from __future__ import annotations

import itertools

import pytest

import dedup
from dedup.article import Article
from dedup.cluster.live import LiveStories
from dedup.vectors import featurize
from tests.cluster.stories_text import (
    FIRE_HANOI,
    FIRE_SAIGON,
    MATCH_FIRST,
    MATCH_SECOND,
    article,
    conference,
    gold_price,
)


def batch(articles: list[Article]) -> set[frozenset[str]]:
    return {frozenset(members) for members in dedup.cluster(articles).stories.values()}


def stream(articles: list[Article]) -> set[frozenset[str]]:
    live = LiveStories()
    live.assign(list(range(len(articles))), featurize(articles))
    return {frozenset(articles[i].id for i in members) for members in live.stories.values()}


def together(*groups: tuple[Article, ...]) -> set[frozenset[str]]:
    return {frozenset(a.id for a in group) for group in groups}


@pytest.mark.parametrize("cluster", [batch, stream])
def test_daily_templates_are_separate_stories(cluster) -> None:
    days = [
        gold_price(6, "82,3", "84,5", "2.311"),
        gold_price(7, "83,1", "85,4", "2.324"),
        gold_price(8, "84", "86,7", "2.342"),
    ]

    assert cluster(days) == together(*((day,) for day in days))


@pytest.mark.parametrize("cluster", [batch, stream])
def test_two_fires_in_two_cities_on_one_day(cluster) -> None:
    assert cluster([*FIRE_HANOI, *FIRE_SAIGON]) == together(FIRE_HANOI, FIRE_SAIGON)


@pytest.mark.parametrize("cluster", [batch, stream])
def test_two_matches_of_the_same_teams(cluster) -> None:
    assert cluster([*MATCH_FIRST, *MATCH_SECOND]) == together(MATCH_FIRST, MATCH_SECOND)


@pytest.mark.parametrize("cluster", [batch, stream])
def test_yearly_conferences_are_told_apart_by_their_ordinals(cluster) -> None:
    one = conference(12, 2022, 18, "Cần Thơ", "Nước cho đồng bằng", "x")
    two = conference(13, 2023, 24, "Đà Nẵng", "An ninh nguồn nước", "y")

    assert cluster([*one, *two]) == together(one, two)


@pytest.mark.parametrize("cluster", [batch, stream])
def test_equal_titles_do_not_make_one_story(cluster) -> None:
    title = "Tin nhanh buổi sáng"
    one = article("one", title, FIRE_HANOI[0].text)
    two = article("two", title, MATCH_FIRST[0].text, hours=1)
    three = article("three", title, conference(12, 2022, 18, "Cần Thơ", "Nước cho đồng bằng", "x")[0].text, hours=2)

    assert cluster([one, two, three]) == together((one,), (two,), (three,))


@pytest.mark.parametrize("cluster", [batch, stream])
def test_a_roundup_does_not_glue_the_stories_it_mentions(cluster) -> None:
    lines = [one.text.split(". ")[0] for one in (FIRE_HANOI[0], FIRE_SAIGON[0], MATCH_FIRST[0], MATCH_SECOND[0])]
    roundup = article(
        "roundup", "Điểm tin nổi bật", ".\n".join([*lines, "Thời tiết cả nước nắng nóng diện rộng."]), hours=20
    )

    found = cluster([*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST, *MATCH_SECOND, roundup])

    without = {story - {"roundup"} for story in found} - {frozenset()}
    assert without == together(FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST, MATCH_SECOND)


@pytest.mark.parametrize("cluster", [batch, stream])
def test_a_follow_up_a_week_later_is_another_story(cluster) -> None:
    later = article(
        "trial",
        "Xét xử vụ tranh chấp bảo hiểm sau vụ cháy ở quận Bình Tân",
        "Tòa án TP HCM hôm nay mở phiên xét xử vụ kiện giữa chủ kho vải và công ty bảo hiểm về mức bồi thường 4,2 tỷ "
        "đồng. Luật sư hai bên tranh luận về kết quả giám định và điều khoản loại trừ trong hợp đồng. Hội đồng xét xử "
        "tuyên bố nghị án kéo dài.",
        hours=24 * 9,
    )

    assert cluster([*FIRE_SAIGON, later]) == together(FIRE_SAIGON, (later,))


@pytest.mark.parametrize("cluster", [batch, stream])
def test_a_machine_translated_copy_stays_with_its_story(cluster) -> None:
    garbled = article(
        "mt",
        "Lửa trong căn hộ nhỏ của quận Thanh Xuân Hà Nội, năm cá nhân đã giải cứu",
        "Vào khoảng 2 giờ buổi sáng ngày 6 tháng 5 lửa phát nổ trên sàn đầu tiên của căn hộ chung cư mini trong ngõ 112 "
        "Khương Trung đường phố, Thanh Xuân huyện, Hà Nội. Chữa cháy cảnh sát gửi 8 xe tới cảnh, cứu 5 người mắc kẹt. Chủ "
        "sở hữu ông Đặng Văn Tường nói lửa từ xe máy bãi đậu xe.",
        hours=6,
    )

    assert cluster([*FIRE_HANOI, garbled, *FIRE_SAIGON]) == together((*FIRE_HANOI, garbled), FIRE_SAIGON)


def test_the_order_of_a_stream_does_not_matter_for_clear_cases() -> None:
    articles = [*FIRE_HANOI, *FIRE_SAIGON, *MATCH_FIRST]

    expected = together(FIRE_HANOI, FIRE_SAIGON, MATCH_FIRST)
    for order in itertools.islice(itertools.permutations(articles), 0, 720, 31):
        assert stream(list(order)) == expected


def test_a_story_of_500_does_not_swallow_its_neighbours() -> None:
    grown = []
    for i in range(500):
        base = FIRE_HANOI[i % 2]
        sentences = base.text.split(". ")
        # Every report leaves something out and adds a detail of its own.
        del sentences[i % len(sentences)]
        extra = f"Phóng viên có mặt tại hiện trường ghi nhận thêm chi tiết số {i} từ người dân phố Khương Trung"
        grown.append(article(f"big{i}", base.title or "", ". ".join([*sentences, extra]), hours=(i % 48) / 2))
    neighbours = [*FIRE_SAIGON, *MATCH_FIRST]

    live = LiveStories()
    everything = [*grown[:250], neighbours[0], neighbours[2], *grown[250:], neighbours[1], neighbours[3]]
    live.assign(list(range(len(everything))), featurize(everything))

    stories = sorted((sorted(everything[i].id for i in members) for members in live.stories.values()), key=len)
    outside = [members for members in stories if not any(name.startswith("big") for name in members)]
    assert sorted(outside) == [["m1", "m2"], ["sg1", "sg2"]]
    assert len(stories[-1]) >= 450


@pytest.mark.parametrize("cluster", [batch, stream])
def test_the_seeds(cluster, seeds) -> None:
    from dedup.readers import read_articles

    articles = list(read_articles([str(seeds)]))

    assert cluster(articles) == {frozenset({"000", "001", "002", "004"}), frozenset({"003"})} or {
        frozenset(name[:3] for name in story) for story in cluster(articles)
    } == {frozenset({"000", "001", "002", "004"}), frozenset({"003"})}


def test_the_seeds_in_every_order(seeds) -> None:
    from dedup.readers import read_articles

    articles = sorted(read_articles([str(seeds)]), key=lambda a: a.id)
    features = featurize(articles)
    for order in itertools.permutations(range(5)):
        live = LiveStories()
        live.assign(list(order), features.take(list(order)))

        assert sorted(sorted(members) for members in live.stories.values()) == [[0, 1, 2, 4], [3]], order
