"""The main job by the command line alone, in processes of its own, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import psutil
import pytest

DEDUP = [sys.executable, "-c", "from dedup.cli import main; main()"]
TRUTH = [{"000", "001", "002", "004"}, {"003"}]


def dedup(*args, cwd=None, data=None):
    """Run the command; return exit code, standard output, standard error."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DEDUP_")}
    done = subprocess.run([*DEDUP, *map(str, args)], input=data, capture_output=True, cwd=cwd, env=environ, timeout=240)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def short(ids):
    return {name[:3] for name in ids}


def test_cluster_of_the_seeds(seeds, tmp_path):
    code, out, err = dedup("cluster", seeds, cwd=tmp_path)
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    stories: dict[str, set[str]] = {}
    for row in rows:
        assert list(row) == [
            "id",
            "story_id",
            "duplicate_group_id",
            "relation",
            "is_canonical",
            "canonical_id",
            "score",
        ]
        stories.setdefault(row["story_id"], set()).add(row["id"][:3])
    assert sorted(map(sorted, stories.values())) == sorted(map(sorted, TRUTH))
    assert short(row["id"] for row in rows if row["is_canonical"]) == {"003", "004"}
    assert len({row["duplicate_group_id"] for row in rows}) == 5


@pytest.mark.slow
def test_demo_pushes_through_the_queue_and_leaves_no_process(seeds, tmp_path):
    before = {process.pid for process in psutil.process_iter()}
    code, out, err = dedup("demo", seeds, "--json", cwd=tmp_path)
    assert code == 0, err
    answer = json.loads(out)
    found = [short(member["id"] for member in story["members"]) for story in answer["stories"]]
    assert found == TRUTH
    assert [story["canonical_id"][:3] for story in answer["stories"]] == ["004", "003"]
    assert answer["apart"][0]["conflicting"], "the demo shows the anchors that keep the stories apart"
    agreed = [anchor for link in answer["stories"][0]["links"] for anchor in link["evidence"]["agreeing"]]
    assert agreed, "the demo shows the anchors that hold a story together"
    ours = [p for p in psutil.process_iter() if p.pid not in before and _of(p, tmp_path)]
    assert ours == []


def _of(process, folder):
    try:
        return str(folder) in " ".join(process.cmdline()) or process.cwd().startswith(str(folder))
    except psutil.Error:
        return False


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["push", "absent.jsonl"], 1, "absent.jsonl: no such file"),
        (["cluster", "absent.jsonl"], 1, "absent.jsonl: no such file"),
        (["--config", "absent.toml", "status"], 2, "absent.toml"),
        (["nonsense"], 2, "No such command"),
        (["push"], 2, "INPUT"),
        (["--store", "ftp://x", "status"], 5, "ftp://x"),
        (["--store", "redis://127.0.0.1:1/0", "status"], 5, "127.0.0.1:1"),
    ],
)
def test_errors_name_the_thing_and_choose_the_exit_code(tmp_path, args, code, says):
    got, _, err = dedup(*args, cwd=tmp_path)
    assert says in err
    assert "Traceback" not in err
    assert got == code


def test_cluster_goes_on_after_a_bad_line_and_says_so(tmp_path):
    lines = [json.dumps({"id": f"n{n}", "text": f"word{n} " * 20}) for n in range(5)]
    lines[2] = "{broken"
    (tmp_path / "news.jsonl").write_text("\n".join(lines))
    code, out, err = dedup("cluster", "news.jsonl", cwd=tmp_path)
    assert code == 3
    assert "news.jsonl:3: invalid JSON" in err
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["n0", "n1", "n3", "n4"]


def test_standard_input_and_output(tmp_path):
    data = b"".join(json.dumps({"id": f"n{n}", "text": "same text here " * 9}).encode() + b"\n" for n in range(3))
    code, out, err = dedup("cluster", "-", cwd=tmp_path, data=data)
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert len({row["duplicate_group_id"] for row in rows}) == 1
    assert [row["relation"] for row in rows] == ["original", "identical", "identical"]


def test_every_command_teaches():
    _, out, _ = dedup("--help")
    commands = [line.split()[0] for line in out.split("Commands:")[1].splitlines() if line.strip()]
    assert {"demo", "serve", "push", "article", "story", "stories", "match", "cluster", "evaluate"} <= set(commands)
    for command in commands:
        code, out, _ = dedup(command, "--help")
        assert code == 0
        assert len(out.split("Options:")[0].split()) > 6
