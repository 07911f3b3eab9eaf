"""A real Chromium on the pages of a real service that holds the seeds."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from dedup.client import Client
from dedup.readers import read_articles
from dedup.settings import Settings
from dedup.supervisor import Supervisor

#: Without these Chromium asks its maker's hosts for things of its own; the tests hold that nothing leaves the machine.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, seeds: Path) -> Iterator[str]:
    """URL of a service that holds the seeds and one near-duplicate of the canonical."""
    folder = tmp_path_factory.mktemp("browser")
    overrides = {"store.url": f"embedded:{folder}/store", "workers.concurrency": 2, "log.level": "warning"}
    with Supervisor(Settings.load(environ={}, overrides=overrides), port=0) as supervisor:
        with Client(supervisor.url) as client:
            articles = list(read_articles([seeds]))
            client.push(articles, wait=60)
            wire = next(item for item in articles if item.id.startswith("004"))
            copy = wire.to_dict() | {"id": "copy", "source": "baomoi.com", "url": "https://baomoi.com/1"}
            copy["text"] = wire.text.replace("200 đại biểu", "250 đại biểu")
            client.push([copy], wait=60)
        yield supervisor.url


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Chromium, from the system; the tests are skipped where it is missing."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("no Chromium on this machine; set CHROMIUM to its path")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=path, args=list(QUIET))
        yield opened
        opened.close()


@pytest.fixture(params=["light", "dark", "phone"])
def looks(request: pytest.FixtureRequest) -> dict[str, object]:
    """How the pages are looked at."""
    size = {"width": 390, "height": 844} if request.param == "phone" else {"width": 1200, "height": 900}
    return {"viewport": size, "color_scheme": "dark" if request.param == "dark" else "light"}
