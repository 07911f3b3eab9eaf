"""Every question by the command line, against a store that holds the seeds."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from dedup.cli import main
from dedup.readers import read_articles
from dedup.service import Service


@pytest.fixture(scope="module")
def store(seeds, tmp_path_factory):
    """An embedded store with the seeds and a copy of one, decided."""
    folder = tmp_path_factory.mktemp("store")
    articles = list(read_articles([seeds]))
    copy = {**articles[0].to_dict(), "id": "copy"}
    with Service.open(f"embedded:{folder}") as service:
        service.ingest([*articles, copy])
        service.assign()
        yield f"embedded:{folder}"


def run(store, *args, data=None):
    """Run a command in this process; return its exit code and what it printed."""
    result = CliRunner().invoke(main, ["--store", store, *args], input=data)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def answer(store, *args, data=None):
    code, out = run(store, *args, "--json", data=data)
    assert code == 0, out
    return json.loads(out)


def test_stories_and_story(store):
    page = answer(store, "stories", "--sort", "size")
    assert [story["articles"] for story in page["items"]] == [5, 1]
    story = answer(store, "story", page["items"][0]["id"])
    assert story["canonical_id"].startswith("004")
    assert {member["relation"] for member in story["members"]} == {"original", "report", "identical"}
    assert page["items"][0]["groups"] == 4
    code, table = run(store, "story", story["id"])
    assert code == 0
    assert "★" in table
    assert "agreeing anchors" in table


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--min-articles", "2"], 1),
        (["--source", "vietnamplus.vn"], 1),
        (["--lang", "vi"], 2),
        (["--lang", "en"], 0),
        (["--text", "nay đã khác"], 1),
        (["--since", "2100-01-01"], 0),
        (["--until", "2000-01-01"], 0),
        (["--limit", "1"], 1),
    ],
)
def test_story_filters(store, options, count):
    assert len(answer(store, "stories", *options)["items"]) == count
    assert run(store, "stories", *options)[0] == 0


def test_paging_reaches_every_story_once(store):
    first = answer(store, "stories", "--limit", "1")
    second = answer(store, "stories", "--limit", "1", "--cursor", first["next_cursor"])
    assert first["items"][0]["id"] != second["items"][0]["id"]
    assert not second["next_cursor"] or not answer(store, "stories", "--cursor", second["next_cursor"])["items"]


def test_article(store):
    view = answer(store, "article", "copy")
    assert view["relation"] == "identical"
    assert view["score"] == 1.0
    assert view["canonical_id"].startswith("004")
    assert view["text"] is None
    assert answer(store, "article", "copy", "--text")["text"]
    assert "identical text" in run(store, "article", "copy")[1]
    longest = answer(store, "article", "copy", "--canonical-policy", "longest")
    assert longest["story_id"] == view["story_id"]


def test_match_stores_nothing(store, seeds):
    text = (seeds / "001_d97f981f95d68a34.txt").read_text()
    found = answer(store, "match", "-", data=text)
    assert found["match"]["duplicates"][0]["id"].startswith("001")
    before = answer(store, "status")["articles"]
    new = answer(store, "match", "-", data="nothing of this kind was ever seen here before, not once")
    assert new["match"]["story_id"] is None
    assert answer(store, "status")["articles"] == before == 6


def test_compare_shows_the_conflict(store):
    view = answer(store, "compare", "003_d07fab37f9eb536a", "004_54eb6b5306429d50")
    assert view["probability"] < 0.5
    assert {pair[0]["kind"] for pair in view["conflicting"]} >= {"ordinal", "date"}


def test_changes_are_in_order_and_go_on_from_a_cursor(store):
    code, out = run(store, "changes", "--json")
    assert code == 0
    events = [json.loads(line) for line in out.splitlines()]
    assert [event["kind"] for event in events].count("article.added") == 6
    rest = run(store, "changes", "--json", "--cursor", events[2]["cursor"])[1]
    assert [json.loads(line) for line in rest.splitlines()] == events[3:]


@pytest.mark.parametrize("command", ["article", "story", "delete"])
def test_what_is_not_there_is_named(store, command):
    code, out = run(store, command, "absent")
    assert code == 4
    assert "absent" in out


def test_dead_letters_and_keys(store):
    assert run(store, "dead", "list")[0] == 0
    assert run(store, "dead", "retry")[0] == 2
    key = run(store, "keys", "create", "a newsroom", "--scope", "write")[1].strip()
    listed = run(store, "keys", "list")[1]
    assert "a newsroom" in listed
    assert key not in listed
    assert run(store, "keys", "revoke", listed.split()[0])[0] == 0
    assert "revoked" in run(store, "keys", "list")[1]


def test_the_reader_of_a_pipe_may_leave(store):
    code = "from dedup.cli import main; main()"
    command = f"{sys.executable} -c '{code}' --store {store} changes --json | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout.count("\n") == 1
