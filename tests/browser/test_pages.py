"""Every page in a real browser: what it shows, by mouse, by keyboard, without scripts, and for a screen reader."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dedup.client import Client
from dedup.readers import read_articles

pytestmark = pytest.mark.browser

# What is expected is asked for until it is so: a click that leads to another page does not wait for that page.
expect.set_options(timeout=60_000)

WIRE, EARLIER, LATER = "004_54eb6b5306429d50", "000_8f32a6d116209649", "003_d07fab37f9eb536a"


@pytest.fixture
def page(browser: Any, served: str) -> Iterator[Any]:
    """A page that notes every request that would leave the machine and every fault the browser reports."""
    context = browser.new_context(base_url=served)
    opened = context.new_page()
    outside: list[str] = []
    faults: list[str] = []
    local = urlsplit(served).netloc
    opened.on("request", lambda item: outside.append(item.url) if urlsplit(item.url).netloc != local else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on("console", lambda item: faults.append(item.text) if item.type == "error" else None)
    yield opened
    context.close()
    assert outside == []
    assert [item for item in faults if "status of 4" not in item] == []


def test_from_the_front_page_to_a_story_and_its_reasons(page: Any) -> None:
    page.goto("/")
    page.get_by_role("link", name=re.compile("Nâng cao hiệu quả đối ngoại")).first.click()

    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Nâng cao hiệu quả"))
    expect(page.locator("tr.chosen")).to_contain_text("canonical")
    expect(page.locator(".version")).to_have_count(4)
    expect(page.locator(".version").first.locator("li")).to_have_count(2)
    expect(page.locator("svg.heatmap")).to_have_count(1)
    expect(page.locator("svg.heatmap .cell")).to_have_count(6)
    page.get_by_label("Rank by").select_option("longest")
    page.get_by_role("button", name="Rank").click()
    expect(page).to_have_url(re.compile("policy=longest"))


def test_search_and_filters(page: Any) -> None:
    page.goto("/")
    assert page.locator(".stories > li").count() == 2
    page.get_by_label("Words in a title").fill("nay đã khác")
    page.get_by_label("Words in a title").press("Enter")
    expect(page.locator(".stories > li")).to_have_count(1)
    page.goto("/")
    page.get_by_text("Filter and sort").click()
    page.get_by_label("Articles, at least").fill("99")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_text("No story fits these filters")).to_be_visible()


def test_two_reports_of_one_event_agree(page: Any) -> None:
    page.goto("/compare")
    page.get_by_label("One").fill(EARLIER)
    page.get_by_label("Other").fill(WIRE)
    page.get_by_role("button", name="Compare").click()

    expect(page.locator(".ruling")).to_have_text("The same story")
    expect(page.locator(".facts .agree").first).to_be_visible()
    expect(page.locator(".sides mark").nth(1)).to_be_visible()


def test_two_years_conferences_conflict_and_it_is_seen(page: Any) -> None:
    page.goto(f"/compare?a={LATER}&b={WIRE}")

    assert page.locator(".ruling").inner_text() == "Different stories"
    assert page.get_by_text("In conflict").is_visible()
    conflicts = page.locator(".facts .conflict").all_inner_texts()
    assert any("20" in item and "18" in item for item in conflicts)
    assert page.locator("svg.balance .against").count() >= 1


def test_two_versions_of_one_text_show_the_word_that_differs(page: Any) -> None:
    page.goto(f"/compare?a=copy&b={WIRE}")

    assert page.locator(".ruling").inner_text() == "The same text"
    assert page.locator(".sides .differs").all_inner_texts() == ["250", "200"]


def test_a_cut_is_recognised(page: Any, seeds: Path) -> None:
    text = next(item.text for item in read_articles([seeds]) if item.id.startswith("001"))
    page.goto("/match")
    page.get_by_label("Text").fill(text[: len(text) * 2 // 3])
    page.get_by_role("button", name="Match").click()

    expect(page.get_by_role("heading", name="Yes, this text is here")).to_be_visible()
    expect(page.locator(".answer")).to_contain_text("001_d97f981f95d68a34")
    page.get_by_role("textbox", name="Text").fill("   ")
    page.get_by_role("button", name="Match").click()
    expect(page.get_by_role("alert")).to_contain_text("empty")


def test_a_dead_letter_is_seen_and_retried(page: Any, served: str) -> None:
    bury(served, {"id": "poison", "text": "Một bản tin đã làm hỏng bộ xử lý."})
    page.goto("/status")
    row = page.locator(".dead li").filter(has_text="poison")
    assert "killed its worker" in row.inner_text()
    row.get_by_role("button", name="Retry").click()

    expect(page.get_by_role("status")).to_contain_text("1 sent to the queue again")
    with Client(served) as client:
        assert client.wait(["poison"], timeout=60)


def bury(served: str, raw: dict[str, str]) -> None:
    """Put a dead letter into the store, as a worker does when a message killed it too often."""
    from dedup.service import Service

    store = httpx.get(f"{served}/v1/status").json()["store"]
    with Service.open(store) as service:
        service.bury([raw], "processing it killed its worker 3 times", tries=3)


def test_pages_work_without_scripts(browser: Any, served: str) -> None:
    context = browser.new_context(base_url=served, java_script_enabled=False)
    page = context.new_page()
    for path in ("/", "/match", "/status", f"/compare?a={LATER}&b={WIRE}", f"/articles/{WIRE}", "/docs"):
        assert page.goto(path).status == 200
        assert page.locator("h1").count() == 1
    context.close()


def test_the_keyboard_reaches_everything(page: Any) -> None:
    page.goto("/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    seen = []
    for _ in range(6):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.tagName"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert "INPUT" in seen
    assert "A" in seen


def every_page(page: Any) -> dict[str, Callable[[], Any]]:
    """All pages by name, each with how to get there."""
    story = f"/v1/articles/{WIRE}"
    return {
        "stories": lambda: page.goto("/"),
        "story": lambda: page.goto("/stories/" + page.request.get(story).json()["story_id"]),
        "article": lambda: page.goto(f"/articles/{WIRE}"),
        "compare": lambda: page.goto(f"/compare?a={LATER}&b={WIRE}"),
        "versions": lambda: page.goto(f"/compare?a=copy&b={WIRE}"),
        "match": lambda: page.goto("/match"),
        "status": lambda: page.goto("/status"),
        "docs": lambda: page.goto("/docs"),
        "error": lambda: page.goto("/stories/none"),
    }


def test_no_serious_fault_of_accessibility(browser: Any, served: str, looks: dict[str, Any]) -> None:
    axe = Axe()
    context = browser.new_context(base_url=served, **looks)
    page = context.new_page()
    bury(served, {"id": "for-axe"})
    for name, go in every_page(page).items():
        go()
        found = axe.run(page).response["violations"]
        serious = [
            (item["id"], item["nodes"][0]["html"][:200]) for item in found if item["impact"] in ("serious", "critical")
        ]
        assert serious == [], name
    context.close()


def test_no_page_is_wider_than_the_screen(browser: Any, served: str, looks: dict[str, Any]) -> None:
    context = browser.new_context(base_url=served, **looks)
    page = context.new_page()
    for name, go in every_page(page).items():
        go()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    context.close()
