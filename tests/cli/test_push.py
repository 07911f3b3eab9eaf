"""Pushing through the queue of a running service, by the command line; and how the service stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from dedup.service import Service
from dedup.settings import Settings
from tests.eventually import eventually

DEDUP = [sys.executable, "-c", "from dedup.cli import main; main()"]


@pytest.fixture(scope="module")
def serve(tmp_path_factory):
    """A running `dedup serve` with store and workers; yields its store's URL and process."""
    folder = tmp_path_factory.mktemp("serve")
    url = f"embedded:{folder}/store"
    command = [*DEDUP, "--store", url, "serve", "--only", "store", "--only", "workers", "--only", "scheduler"]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen([*command, "--workers", "1"], stdout=log, stderr=log)
    try:
        yield url, process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def dedup(url, *args, data=None):
    done = subprocess.run([*DEDUP, "--store", url, *args], input=data, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def rows(*numbers):
    return [json.dumps({"id": f"n{number}", "text": f"word{number} other{number} " * 12}) for number in numbers]


def test_a_bad_line_does_not_stop_the_others(serve, tmp_path):
    url, _ = serve
    lines = rows(1, 2, 3, 4, 5)
    lines[2] = '{"id": "n3", "text": '
    path = tmp_path / "news.jsonl"
    path.write_text("\n".join(lines))
    code, out, err = dedup(url, "push", str(path), "--json")
    assert json.loads(out) == {"accepted": 4, "rejected": 1, "waited": True}
    assert f"{path}:3: invalid JSON" in err
    assert code == 3
    assert json.loads(dedup(url, "article", "n4", "--json")[1])["state"] == "assigned"
    assert dedup(url, "article", "n3")[0] == 4


def test_the_same_again_changes_nothing_and_other_content_is_a_new_revision(serve):
    url, _ = serve
    assert dedup(url, "push", "-", data=rows(11)[0].encode())[0] == 0
    events = dedup(url, "changes", "--json", "--limit", "1000")[1]
    assert dedup(url, "push", "-", data=rows(11)[0].encode())[0] == 0
    assert dedup(url, "changes", "--json", "--limit", "1000")[1] == events
    other = json.dumps({"id": "n11", "text": "entirely other words of another day " * 5})
    assert dedup(url, "push", "-", data=other.encode())[0] == 0
    assert json.loads(dedup(url, "article", "n11", "--json")[1])["revision"] == 2
    after = [json.loads(line) for line in dedup(url, "changes", "--json", "--limit", "1000")[1].splitlines()]
    assert "article.updated" in [event["kind"] for event in after if event["article_id"] == "n11"]


def test_without_waiting_it_is_visible_later(serve):
    url, _ = serve
    code, out, _ = dedup(url, "push", "-", "--no-wait", data="\n".join(rows(21, 22)).encode())
    assert code == 0
    assert "queued" in out
    eventually(lambda: dedup(url, "article", "n22")[0] == 0)


def test_sigterm_stops_everything_and_exits_0(serve):
    url, process = serve
    assert dedup(url, "status")[0] == 0
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) >= 4
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(60) == 0
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []


def test_who_is_taken_down_meanwhile_is_told(tmp_path):
    url = f"embedded:{tmp_path}/store"
    settings = Settings.load(environ={}, overrides={"store.url": url})
    with Service.open(settings=settings) as service:
        command = [*DEDUP, "--store", url, "push", "-", "--json"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as pushing:
            pushing.stdin.write(rows(31)[0].encode())
            pushing.stdin.close()
            eventually(lambda: service.status().queue)
            assert not service.delete("n31"), "nobody works on the queue"
            assert json.loads(pushing.stdout.read()) == {"accepted": 1, "rejected": 0, "waited": True, "removed": 1}
        assert pushing.returncode == 0
