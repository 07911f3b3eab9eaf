"""Takes the pictures of ``docs/screenshots``: ``python -m docs.screenshots``; needs Chromium, Playwright and Pillow.

They show a real service that holds the seeds, one near-duplicate of the canonical and one dead letter.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from dedup.client import Client
from dedup.readers import read_articles
from dedup.service import Service
from dedup.settings import Settings
from dedup.supervisor import Supervisor

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "screenshots"
WIRE, EARLIER, LATER, CUT = "004_54eb6b5306429d50", "000_8f32a6d116209649", "003_d07fab37f9eb536a", "001"
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 1000}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 1000}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    """Start a service in a temporary folder, fill it, take every picture, stop."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or sys.exit("no chromium; set CHROMIUM")
    TARGET.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="dedup-shots-") as folder:
        overrides = {"store.url": f"embedded:{folder}/store", "workers.concurrency": 2, "log.level": "warning"}
        settings = Settings.load(environ={}, overrides=overrides)
        with Supervisor(settings, port=0) as supervisor, sync_playwright() as driver:
            cut = fill(supervisor.url, settings)
            browser = driver.chromium.launch(executable_path=path, args=QUIET)
            for look, options in LOOKS.items():
                page = browser.new_context(base_url=supervisor.url, **options).new_page()
                take(page, look, cut)
            browser.close()


def fill(url: str, settings: Settings) -> str:
    """Push what the pictures show; return a cut of one article."""
    articles = list(read_articles([ROOT / "seeds"]))
    wire = next(item for item in articles if item.id == WIRE)
    copy = wire.to_dict() | {"id": "copy", "source": "baomoi.com", "url": "https://baomoi.com/402099"}
    copy["text"] = wire.text.replace("200 đại biểu", "250 đại biểu")
    with Client(url) as client:
        client.push(articles, wait=60)
        client.push([copy], wait=60)
    with Service.open(settings=settings) as service:
        raw = {"id": "feed-7", "title": "Bản tin lỗi", "text": ""}
        service.bury([raw], "text: empty or only white space", tries=1)
    text = next(item.text for item in articles if item.id.startswith(CUT))
    return text[: len(text) * 2 // 3]


def take(page: Any, look: str, cut: str) -> None:
    """Take every page in one look; long pages are shown as far as a reader first scrolls."""
    story = page.request.get(f"/v1/articles/{WIRE}").json()["story_id"]
    places = {
        "stories": "/",
        "story": f"/stories/{story}",
        "compare-same-story": f"/compare?a={EARLIER}&b={WIRE}",
        "compare-conflict": f"/compare?a={LATER}&b={WIRE}",
        "compare-versions": f"/compare?a=copy&b={WIRE}",
        "status": "/status",
    }
    for name, path in places.items():
        page.goto(path)
        shoot(page, f"{name}-{look}")
    page.goto("/match")
    page.get_by_role("textbox", name="Text").fill(cut)
    page.get_by_role("button", name="Match").click()
    shoot(page, f"match-{look}")


def shoot(page: Any, name: str) -> None:
    """Write one picture of the page's first 1,800 pixels, in 224 colours, which the eye does not miss."""
    from PIL import Image

    height = min(1800, int(page.evaluate("document.documentElement.scrollHeight")))
    clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": height}
    picture = Image.open(BytesIO(page.screenshot(full_page=True, clip=clip)))
    picture.convert("RGB").quantize(224, dither=Image.Dither.NONE).save(TARGET / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
