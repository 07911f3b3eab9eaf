"""Articles over HTTP: every form in, every refusal, and where they belong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dedup.article import Article
from dedup.errors import ArticleError
from dedup.service import Service
from tests.eventually import eventually

NDJSON = {"Content-Type": "application/x-ndjson"}


def problem(answer: object, status: int) -> dict[str, object]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, object] = answer.json()
    assert document["status"] == status
    assert document["detail"]
    return document


def test_one_article_is_accepted_and_says_where_to_ask(http: TestClient) -> None:
    answer = http.post("/v1/articles", json={"id": "one", "text": "Fire in Hue."})

    assert answer.status_code == 202
    expected = {"id": "one", "href": "/v1/articles/one", "state": "pending", "story_id": None}
    assert answer.json() == {"accepted": [expected], "rejected": []}


def test_who_waits_is_told_of_a_takedown_meanwhile(http: TestClient, service: Service) -> None:
    with ThreadPoolExecutor(1) as pool:
        article = {"id": "gone-soon", "text": "Nobody works on the queue of this service."}
        before = service.status().queue
        pushed = pool.submit(http.post, "/v1/articles?wait=60", json=article)
        eventually(lambda: service.status().queue > before or pushed.done(), pause=0.02)
        assert http.delete("/v1/articles/gone-soon").status_code == 404
        answer = pushed.result()

    assert answer.status_code == 200
    expected = {"id": "gone-soon", "href": "/v1/articles/gone-soon", "state": "removed", "story_id": None}
    assert answer.json() == {"accepted": [expected], "rejected": []}


def test_a_list_keeps_its_order_and_one_bad_article_stops_nobody(http: TestClient) -> None:
    answer = http.post(
        "/v1/articles", json=[{"id": "a", "text": "x"}, {"id": "b"}, {"id": "c", "text": "  "}, {"text": "y"}]
    )

    body = answer.json()
    assert answer.status_code == 202
    assert body["accepted"][0]["id"] == "a"
    assert len(body["accepted"]) == 2
    assert [(item["origin"], item["field"]) for item in body["rejected"]] == [
        ("article 2", "text"),
        ("article 3", "text"),
    ]


def test_ndjson_names_the_line_that_is_not_json(http: TestClient) -> None:
    lines = '{"id": "l1", "text": "one"}\n\nnonsense\n{"id": "l4", "text": "four"}\n'
    body = http.post("/v1/articles", content=lines, headers=NDJSON).json()

    assert [item["id"] for item in body["accepted"]] == ["l1", "l4"]
    assert [item["origin"] for item in body["rejected"]] == ["line 3"]


def test_an_id_may_be_a_number(http: TestClient) -> None:
    accepted = http.post("/v1/articles", json=[{"id": 17, "text": "x"}, {"id": -3.0, "text": "y"}]).json()["accepted"]

    assert [item["id"] for item in accepted] == ["17", "-3"]


def test_an_article_without_an_id_gets_one(http: TestClient) -> None:
    first = http.post("/v1/articles", json={"text": "the same text"}).json()["accepted"][0]["id"]

    assert first == http.post("/v1/articles", json={"text": "the same text"}).json()["accepted"][0]["id"]


@pytest.mark.parametrize(
    ("content", "media", "status"),
    [
        (b"{", "application/json", 400),
        (b'{"text": "a\xff"}', "application/json", 400),
        (b'{"text": "\\ud800"}', "application/json", 400),
        (b'{"text": NaN}', "application/json", 400),
        (b"", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 422),
        (b"", "application/x-ndjson", 422),
        (b"17", "application/json", 422),
        (b'{"text": 1}', "application/json", 422),
        (b'{"text": "a", "id": 1.5}', "application/json", 422),
        (b'{"text": "a", "id": 9007199254740993}', "application/json", 422),
        (b'{"text": "a", "id": true}', "application/json", 422),
        (b'{"text": "a", "tilte": "b"}', "application/json", 422),
        (b'{"text": "a", "published_at": "yesterday"}', "application/json", 422),
        (b'{"text": "a", "url": "javascript:alert(1)"}', "application/json", 422),
        (b"text=a", "application/x-www-form-urlencoded", 415),
        (b"<a/>", "text/xml", 415),
        (b"{}", "", 415),
    ],
)
def test_what_cannot_be_an_article_is_refused_with_its_field(
    http: TestClient, content: bytes, media: str, status: int
) -> None:
    problem(http.post("/v1/articles", content=content, headers={"Content-Type": media}), status)


def test_a_body_over_the_limit_is_refused_whether_declared_or_streamed(http: TestClient) -> None:
    def stream() -> Iterator[bytes]:
        for _ in range(30):
            yield b" " * 10_000

    problem(http.post("/v1/articles", content=b" " * 200_001, headers={"Content-Type": "application/json"}), 413)
    problem(http.post("/v1/articles", content=stream(), headers={"Content-Type": "application/json"}), 413)
    problem(http.post("/v1/match", content=stream(), headers={"Content-Type": "application/json"}), 413)


def test_too_many_articles_at_once_are_refused(http: TestClient) -> None:
    problem(http.post("/v1/articles", content="1\n" * 1001, headers=NDJSON), 413)
    problem(
        http.post("/v1/articles", content=json.dumps([1] * 1001), headers={"Content-Type": "application/json"}), 413
    )


def test_an_article_tells_where_it_belongs(http: TestClient, service: Service) -> None:
    view = http.get("/v1/articles/000_8f32a6d116209649").json()

    assert view["state"] == "assigned"
    assert view["story_id"] == service.article("000_8f32a6d116209649").story_id
    assert view["text"] is None
    assert "Ngoại giao" in http.get("/v1/articles/000_8f32a6d116209649?text=true").json()["text"]


def test_an_id_may_hold_slashes_and_any_letter(http: TestClient, service: Service) -> None:
    for name in ("https://x.vn/tin/1", "bài-báo", "q?x=1&y=2", "duplicates", "…"):
        service.ingest([{"id": name, "text": f"Bản tin số {name} về thời tiết."}])
        assert http.get(f"/v1/articles/{quote(name, safe='')}").json()["id"] == name
        assert http.get(f"/v1/articles/{quote(name, safe='')}/duplicates").status_code == 200


def test_an_unchanged_article_costs_no_body(http: TestClient) -> None:
    first = http.get("/v1/articles/003_d07fab37f9eb536a")
    again = http.get("/v1/articles/003_d07fab37f9eb536a", headers={"If-None-Match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    changed = http.get("/v1/articles/003_d07fab37f9eb536a", headers={"If-None-Match": '"other"'})
    assert changed.status_code == 200


def test_another_policy_ranks_again(http: TestClient) -> None:
    by_policy = {
        policy: http.get(f"/v1/articles/000_8f32a6d116209649?canonical_policy={policy}").json()["canonical_id"]
        for policy in ("default", "longest")
    }

    assert by_policy["default"].startswith("004")
    problem(http.get("/v1/articles/000_8f32a6d116209649?canonical_policy=best"), 422)


def test_a_deleted_article_is_gone(http: TestClient, service: Service) -> None:
    service.ingest([{"id": "gone", "text": "Tin này sẽ bị gỡ xuống ngay sau khi đăng."}])
    service.assign()

    assert http.delete("/v1/articles/gone").status_code == 204
    problem(http.get("/v1/articles/gone"), 404)
    problem(http.delete("/v1/articles/gone"), 404)


def test_a_delete_of_what_is_on_the_queue_says_that_it_will_not_appear(http: TestClient) -> None:
    assert http.post("/v1/articles", json={"id": "early", "text": "Tin chưa có ai xử lý."}).status_code == 202
    assert "will not appear" in str(problem(http.delete("/v1/articles/early"), 404)["detail"])


def test_what_is_not_there_and_what_is_misspelt(http: TestClient) -> None:
    problem(http.get("/v1/articles/none"), 404)
    problem(http.get("/v1/nothing"), 404)
    document = problem(http.get("/v1/stories?min_artciles=2"), 422)
    assert document["errors"] == [{"origin": "query", "field": "min_artciles", "reason": "unknown parameter"}]
    document = problem(http.get("/v1/stories?min_articles=many"), 422)
    assert document["errors"][0]["field"] == "min_articles"


def test_a_method_that_is_not_taken_names_those_that_are(http: TestClient) -> None:
    answer = http.put("/v1/articles/x")

    problem(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET"


def test_the_document_and_the_code_mean_the_same_by_white_space(http: TestClient) -> None:
    body = http.get("/openapi.json").json()["components"]["schemas"]["ArticleIn"]["properties"]
    for code in (*range(0x3100), 0xFEFF):
        for accepted, pattern, made in (
            (f"a{chr(code)}b", body["id"]["pattern"], lambda it: Article(id=it, text="x")),
            (chr(code), body["text"]["pattern"], lambda it: Article(text=it)),
        ):
            try:
                made(accepted)
                taken = True
            except ArticleError:
                taken = False
            assert taken == (re.search(pattern, accepted) is not None), (hex(code), pattern)
