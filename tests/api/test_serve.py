"""The whole service as processes: what the README's commands do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from dedup.client import Client, RequestRefused
from dedup.errors import ArticleError, InputError, NotFound
from dedup.readers import read_articles
from dedup.supervisor import free_port
from tests.eventually import eventually


@pytest.fixture(scope="module")
def pushed(remote: httpx.Client, seeds: Path) -> dict[str, str]:
    """Story ids of the seeds by their first three digits, pushed over HTTP as NDJSON."""
    lines = "\n".join(json.dumps(article.to_dict()) for article in read_articles([seeds]))
    headers = {"Content-Type": "application/x-ndjson"}
    answer = remote.post("/v1/articles", params={"wait": 60}, content=lines.encode(), headers=headers, timeout=90)
    assert answer.status_code == 200, answer.text
    return {item["id"][:3]: item["story_id"] for item in answer.json()["accepted"]}


def test_the_seeds_pushed_over_http_give_the_two_stories(remote: httpx.Client, pushed: dict[str, str]) -> None:
    assert pushed["000"] == pushed["001"] == pushed["002"] == pushed["004"] != pushed["003"]
    story = remote.get(f"/v1/stories/{pushed['000']}").json()
    assert story["canonical_id"].startswith("004")


def test_an_id_with_a_percent_sign_is_decoded_once(remote: httpx.Client) -> None:
    for name in ("a%2Fb", "100%", "https://x.vn/tin/1?b=%20"):
        body = [{"id": name, "text": f"Bản tin {name} về giá vàng trong nước hôm nay."}]
        assert remote.post("/v1/articles?wait=30", json=body, timeout=60).status_code == 200
        assert remote.get(f"/v1/articles/{quote(name, safe='')}").json()["id"] == name


def test_the_feed_arrives_as_events_and_resumes(remote: httpx.Client, pushed: dict[str, str]) -> None:
    def read(count: int, cursor: str | None) -> list[tuple[str, str]]:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": cursor} if cursor else {})
        found: list[tuple[str, str]] = []
        with remote.stream("GET", "/v1/changes", headers=headers) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            name = ""
            for line in stream.iter_lines():
                if line.startswith("id: "):
                    name = line[4:]
                if line.startswith("event: "):
                    found.append((name, line[7:]))
                    if len(found) == count:
                        break
        return found

    whole = read(6, None)
    assert read(2, None) + read(4, whole[1][0]) == whole
    pages = remote.get("/v1/changes?limit=6").json()["items"]
    assert [(item["cursor"], item["kind"]) for item in pages] == whole


def test_the_client_speaks_the_services_names(served: str, pushed: dict[str, str], seeds: Path) -> None:
    with Client(served) as client:
        story = client.story(pushed["000"])
        assert [member.id for member in story.members if member.is_canonical] == [story.canonical_id]
        article = client.article(story.canonical_id, text=True)
        assert article.text
        assert article.published_at is None or article.published_at.tzinfo is not None
        assert client.compare("003_d07fab37f9eb536a", story.canonical_id).conflicting
        assert client.stories(min_articles=4).items[0].id == story.id
        assert client.duplicates(story.canonical_id) == ()
        whole = next(item for item in read_articles([seeds]) if item.id.startswith("001"))
        cut = {"text": whole.text[: len(whole.text) * 2 // 3]}
        assert client.match(cut).duplicates[0].id == whole.id
        receipt = client.push([{"id": "c1", "text": "Một bản tin thử nghiệm của máy khách."}, {"id": "c2"}], wait=30)
        assert receipt.accepted == ("c1",)
        assert [(item.origin, item.field) for item in receipt.rejected] == [("article 2", "text")]
        assert client.article("c1").state == "assigned"
        assert receipt.waited == {"c1": client.article("c1").story_id}
        assert client.delete("c1")
        assert not client.delete("c1")
        with pytest.raises(NotFound):
            client.article("c1")
        with pytest.raises(ArticleError, match="text"):
            client.match({"text": " "})
        with pytest.raises(InputError):
            client.stories(cursor="nonsense")
        first = next(client.follow())
        assert first == client.changes(limit=1).items[0]
        assert client.status().workers >= 1
    with Client(served, key="dk_no") as client, pytest.raises(RequestRefused, match="not an API key"):
        client.status()


def test_a_dead_letter_of_the_queue_is_seen_and_retried(remote: httpx.Client, served: str) -> None:
    send_to_queue(served, [{"id": "dead-http", "text": "   "}])

    def letters() -> list[dict[str, str]]:
        items = remote.get("/v1/dead-letters").json()["items"]
        return [item for item in items if item["article_id"] == "dead-http"]

    letter = eventually(letters)[0]
    assert "text" in letter["reason"]
    assert remote.post(f"/v1/dead-letters/{letter['id']}/retry").json() == {"count": 1}
    assert remote.post("/v1/dead-letters/none/retry").status_code == 404
    assert remote.delete("/v1/dead-letters/none").status_code == 404


def send_to_queue(served: str, message: object) -> None:
    """Send a message as any Celery client can, past the checks of the API."""
    from celery import Celery

    from dedup.service import broker
    from dedup.settings import Settings

    store = httpx.get(f"{served}/v1/status").json()["store"]
    app = Celery(broker=broker.broker_url(Settings.load(environ={}), store))
    app.send_task("dedup.ingest", [message], serializer="json", queue=broker.INGEST)
    app.close()


def test_the_process_stops_when_told_although_a_stream_is_open(tmp_path: Path) -> None:
    environ = {"DEDUP_STORE__URL": f"embedded:{tmp_path}/store", "PATH": "/usr/bin:/bin"}
    port = free_port()
    command = [sys.executable, "-m", "dedup.api", "--port", str(port)]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: is_alive(url))
        with httpx.stream("GET", f"{url}/v1/changes", headers={"Accept": "text/event-stream"}, timeout=60) as stream:
            events = stream.iter_raw()
            next(events)
            process.terminate()
            assert list(events) == [], "it ends as an answer does, and is not cut off"
            assert process.wait(timeout=60) in (0, -15)


def is_alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_port_at_an_address_of_another_machine_is_not_looked_for_for_ever() -> None:
    with pytest.raises(OSError, match="assign"):
        free_port("203.0.113.7")
