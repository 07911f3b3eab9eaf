"""The curl lines of the documents, copied as they stand into a shell, beside ``dedup serve``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from dedup.settings import ApiSettings

ROOT = Path(__file__).resolve().parents[2]
DEFAULT = str(ApiSettings().port)


def lines(file: str) -> list[str]:
    """Commands of a document that ask a service on this machine."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return re.findall(rf"^(?:\$ )?(curl .*(?:localhost|127\.0\.0\.1):{DEFAULT}/.*)$", text, re.MULTILINE)


def run(line: str, served: str) -> str:
    """Run a line and return what it prints; of a stream that has no end, the first event.

    Only the port is another: that of the documents may be somebody's.
    """
    line = line.replace(f":{DEFAULT}/", f":{urlsplit(served).port}/")
    with subprocess.Popen(["sh", "-c", f"exec {line}"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        watchdog = threading.Timer(120, process.kill)
        watchdog.start()
        said = ""
        for row in process.stdout:
            said += row
            if row.startswith("data: "):
                process.terminate()
                break
        process.wait()
        watchdog.cancel()
    return said


@pytest.fixture(scope="module")
def said(served: str) -> dict[str, str]:
    """What each line of the README printed, by the path it asks for, in their order."""
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine: apt-get install curl")
    # The first decision loads compiled code, for which the lines would not wait.
    first = {"id": "first", "text": "Nước sông dâng cao sau trận mưa đêm."}
    assert httpx.post(f"{served}/v1/articles?wait=60", json=first, timeout=90).status_code == 200
    found = {}
    for line in lines("README.md"):
        path = re.search(rf":{DEFAULT}(/v1/\w+)", line)
        assert path is not None, line
        found[path[1] + (" POST" if " -d " in line else "")] = run(line, served)
    return found


def test_an_article_is_pushed_and_found(said: dict[str, str]) -> None:
    pushed = json.loads(said["/v1/articles POST"])
    assert pushed["rejected"] == []
    assert [(item["id"], item["state"]) for item in pushed["accepted"]] == [("a1", "assigned")]
    article = json.loads(said["/v1/articles"])
    assert (article["id"], article["story_id"]) == ("a1", pushed["accepted"][0]["story_id"])


def test_stories_are_listed(said: dict[str, str]) -> None:
    assert all(story["articles"] >= 2 for story in json.loads(said["/v1/stories"])["items"])


def test_the_same_text_is_recognised(said: dict[str, str]) -> None:
    assert [one["id"] for one in json.loads(said["/v1/match POST"])["duplicates"]] == ["a1"]


def test_the_feed_streams(said: dict[str, str]) -> None:
    event = said["/v1/changes"].splitlines()
    assert [line.split(":")[0] for line in event if line][-3:] == ["id", "event", "data"]
    assert "kind" in json.loads(event[-1].removeprefix("data: "))


def test_the_line_of_the_deployment_page(said: dict[str, str], served: str) -> None:
    (line,) = lines("docs/deployment.md")
    assert json.loads(run(line, served)) == {"status": "ready"}
