"""Whatever is sent, the API answers on purpose: never a 500."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

PATHS = st.one_of(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(lambda part: "/" + part),
    st.sampled_from(
        ["/v1/articles/", "/v1/stories/", "/v1/changes", "/v1/dead-letters/", "/stories/", "/compare", "/"]
    ),
    st.text(max_size=20).map(lambda part: "/v1/articles/" + part.encode("utf-8", "replace").hex()),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        ["Accept", "If-None-Match", "Content-Type", "Last-Event-ID", "Cookie", "X-Request-Id", "Authorization", "Range"]
    ),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60).map(str.strip),
    max_size=4,
)
LENIENT = settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def send(http: TestClient, method: str, path: str, headers: dict[str, str], body: bytes) -> int:
    headers = {name: value for name, value in headers.items() if "event-stream" not in value}
    target = "/" + path.lstrip("/").replace("#", "%23")
    return http.request(method, target, headers=headers, content=body, follow_redirects=False).status_code


@LENIENT
@given(
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH"]),
    path=PATHS,
    headers=HEADERS,
    body=st.binary(max_size=200),
)
def test_any_request(http: TestClient, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
    assert send(http, method, path, headers, body) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(["id", "title", "text", "url", "source", "published_at", "lang", "metadata", "other"])


@LENIENT
@given(article=st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_article(http: TestClient, article: dict[str, object]) -> None:
    import json

    body = json.dumps([article]).encode()
    headers = {"Content-Type": "application/json"}
    assert http.post("/v1/articles", content=body, headers=headers).status_code in (202, 400, 422)
    assert http.post("/v1/match", content=body[1:-1], headers=headers).status_code in (200, 400, 422)


@LENIENT
@given(
    query=st.dictionaries(
        st.sampled_from(
            ["cursor", "limit", "since", "text", "sort", "lang", "min_articles", "wait", "a", "b", "source"]
        ),
        st.text(max_size=30) | st.integers().map(str),
        max_size=4,
    )
)
def test_any_query(http: TestClient, query: dict[str, str]) -> None:
    query = query | ({"wait": "0"} if "wait" in query else {})
    for path in ("/v1/stories", "/v1/changes", "/v1/compare", "/", "/compare", "/v1/dead-letters"):
        assert http.get(path, params=query).status_code < 500
