"""Pages as HTML: what hostile texts turn into, and what the browser is told not to do."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from dedup.service import Service

HOSTILE = {
    "id": "<b>'\"&",
    "title": "<script>alert(1)</script>\u202egnirts desrever\u2066",
    "text": "<img src=x onerror=alert(1)> Đêm qua mưa lớn ở Huế, nhiều tuyến phố ngập sâu. \u202e</textarea><script>",
    "source": '"><svg onload=alert(1)>',
    "url": "https://x.vn/a?b=<script>&c='\"",
}


class Reader(HTMLParser):
    """Collects what a page would run, load or link to."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str | None] = []
        self.handlers: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script":
            self.scripts.append(found.get("src"))
        self.handlers += [name for name in found if name.startswith("on") or name == "style"]
        self.links += [
            value or "" for name, value in attrs if name in ("href", "action", "formaction") and tag != "link"
        ]
        self.loads += [found[name] or "" for name in ("src", "srcset", "data", "poster") if name in found]


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    return reader


@pytest.fixture(scope="module")
def pages(http: TestClient, service: Service) -> dict[str, str]:
    """Every page that shows the hostile article, and every other page."""
    service.ingest([HOSTILE])
    service.assign()
    service.bury([HOSTILE], "<script>reason</script>\u202e")
    name = quote(str(HOSTILE["id"]), safe="")
    story = service.article(str(HOSTILE["id"])).story_id
    http.cookies.clear()
    http.get("/")
    token = http.cookies["dedup_csrf"]
    found = {
        path: http.get(path, headers={"Accept": "text/html"}).text
        for path in (
            "/",
            "/?text=" + quote("<script>"),
            f"/stories/{story}",
            f"/articles/{name}",
            f"/compare?a={name}&b={name}",
            f"/compare?a={name}&b=003_d07fab37f9eb536a",
            "/compare?a=<script>&b=2",
            "/match",
            "/status",
            "/docs",
            "/stories/" + quote("<script>"),
        )
    }
    pasted = {"csrf": token, "title": str(HOSTILE["title"]), "text": str(HOSTILE["text"])}
    found["/match (posted)"] = http.post("/match", data=pasted).text
    return found


def test_nothing_of_a_hostile_article_runs_or_loads(pages: dict[str, str]) -> None:
    assert len(pages) == 12
    for path, html in pages.items():
        reader = read(html)
        assert reader.scripts == ["/static/dedup.js"], path
        assert reader.handlers == [], path
        assert reader.loads == ["/static/dedup.js"], path
        schemes = {link.partition(":")[0] for link in reader.links if re.match(r"^[a-z]+:", link)}
        assert schemes <= {"https"}, path


def test_no_text_runs_backwards(pages: dict[str, str]) -> None:
    for path, html in pages.items():
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", html), path


def test_every_page_forbids_what_it_does_not_need(http: TestClient) -> None:
    for path in ("/", "/status", "/match", "/compare", "/sign-in", "/nothing", "/docs"):
        headers = http.get(path, headers={"Accept": "text/html"}).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy, path
        assert "unsafe" not in policy, path
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"


def test_errors_are_pages_for_people_and_documents_for_programs(http: TestClient) -> None:
    person = http.get("/stories/none", headers={"Accept": "text/html"})
    program = http.get("/v1/stories/none", headers={"Accept": "text/html"})

    assert (person.status_code, person.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")


def test_a_fault_of_ours_tells_nothing_and_keeps_the_headers(
    http: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr(http.app.state.service, "stories", broken)
    for path in ("/", "/v1/stories"):
        answer = http.get(path)
        assert answer.status_code == 500
        assert "secret" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "a secret of the house" in caplog.text


@pytest.mark.parametrize("query", ["since=soon", "least=0", "least=x", "outlets=-1", "cursor=nonsense"])
def test_a_bad_filter_is_told_and_not_fatal(http: TestClient, query: str) -> None:
    answer = http.get(f"/?{query}")

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_the_story_page_shows_members_reason_and_evidence(http: TestClient, service: Service) -> None:
    story = service.article("000_8f32a6d116209649").story_id
    html = http.get(f"/stories/{story}").text

    for part in ("000_8f32a6d116209649", "004_54eb6b5306429d50", "canonical", "How alike", "History"):
        assert part in html


def test_a_dead_letter_is_thrown_away_by_its_form(http: TestClient, service: Service) -> None:
    service.bury([{"id": "dead-1"}], "text: missing")
    letter = next(item for item in service.dead_letters().items if item.article_id == "dead-1")
    http.cookies.clear()
    http.get("/status")
    fields = {"csrf": http.cookies["dedup_csrf"], "id": letter.id, "action": "purge"}
    answer = http.post("/status/dead-letters", data=fields)

    assert answer.status_code == 200
    assert "1 thrown away" in answer.text
    assert all(item.id != letter.id for item in service.dead_letters().items)
