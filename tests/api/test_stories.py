"""Stories, match, compare and the feed over HTTP."""

from __future__ import annotations

from starlette.testclient import TestClient

from dedup.readers import read_articles
from dedup.service import Service


def story_of(http: TestClient, article: str) -> dict[str, object]:
    view = http.get(f"/v1/articles/{article}").json()
    found: dict[str, object] = http.get(f"/v1/stories/{view['story_id']}").json()
    return found


def test_the_seeds_make_two_stories(http: TestClient) -> None:
    first, second = story_of(http, "000_8f32a6d116209649"), story_of(http, "003_d07fab37f9eb536a")

    assert sorted(item["id"][:3] for item in first["members"]) == ["000", "001", "002", "004"]
    assert str(first["canonical_id"]).startswith("004")
    assert [item["id"][:3] for item in second["members"]] == ["003"]
    assert first["canonical"][0]["components"]


def test_stories_are_filtered_and_paged(http: TestClient) -> None:
    first = http.get("/v1/stories?limit=1").json()
    seen = [first["items"][0]["id"]]
    cursor = first["next_cursor"]
    while cursor:
        page = http.get("/v1/stories", params={"limit": 1, "cursor": cursor}).json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert len(seen) == len(set(seen)) >= 2
    assert all(item["articles"] >= 4 for item in http.get("/v1/stories?min_articles=4").json()["items"])
    assert http.get("/v1/stories?since=2100-01-01").json()["items"] == []
    (wire,) = http.get("/v1/stories?min_articles=4&source=vietnamplus.vn").json()["items"]
    assert wire["articles"] == 4


def test_a_cursor_that_is_none_is_refused(http: TestClient) -> None:
    for path in ("/v1/stories", "/v1/changes"):
        answer = http.get(path, params={"cursor": "nonsense"})
        assert answer.status_code == 422, path
        assert answer.headers["content-type"] == "application/problem+json"
    assert http.get("/v1/stories?sort=first&cursor=1.5.5").status_code == 409


def test_a_forged_cursor_far_away_costs_nothing(http: TestClient) -> None:
    answer = http.get("/v1/stories?sort=first&cursor=0.0.999999999999&limit=500")

    assert answer.status_code == 200
    assert len(answer.json()["items"]) >= 2, "numbers that were never given would take days to walk through"


def test_match_finds_a_cut_and_stores_nothing(http: TestClient, service: Service, seeds: object) -> None:
    text = next(item.text for item in read_articles([seeds]) if item.id.startswith("001"))
    before = http.get("/v1/status").json()["articles"]
    answer = http.post("/v1/match", json={"text": text[: len(text) // 2]}).json()

    assert answer["duplicates"][0]["id"].startswith("001")
    assert answer["duplicates"][0]["relation"] in ("excerpt", "near_duplicate")
    assert answer["story_id"] == service.article("001_d97f981f95d68a34").story_id
    assert http.get("/v1/status").json()["articles"] == before


def test_compare_shows_the_conflict(http: TestClient) -> None:
    same = http.get("/v1/compare", params={"a": "000_8f32a6d116209649", "b": "004_54eb6b5306429d50"}).json()
    other = http.get("/v1/compare", params={"a": "003_d07fab37f9eb536a", "b": "004_54eb6b5306429d50"}).json()

    assert same["probability"] > other["probability"]
    assert same["agreeing"]
    assert other["conflicting"]


def test_the_feed_is_read_by_pages(http: TestClient) -> None:
    kinds, cursor = [], None
    while True:
        page = http.get("/v1/changes", params={"limit": 3} | ({"cursor": cursor} if cursor else {})).json()
        if not page["items"]:
            break
        kinds += [item["kind"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert kinds.count("article.added") >= 5
    assert "story.created" in kinds
