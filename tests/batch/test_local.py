"""The local engine: one result, however the corpus is read, cut, interrupted or added to."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.corpus import as_sent, generate, write_jsonl, write_parquet
from dedup.batch import intake, stories
from dedup.batch.local import Summary, cluster_files
from dedup.batch.rows import ROW
from dedup.cluster.whole import cluster_articles
from dedup.errors import ArticleError, InputError
from dedup.settings import Settings

ARTICLES = 1500


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return list(generate(ARTICLES, days=60))


@pytest.fixture(scope="module")
def corpus(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "news.jsonl"
    write_jsonl(path, iter(rows))
    return path


def cluster(inputs: Path | list[Path], out: Path, **options: Any) -> Summary:
    return cluster_files(inputs if isinstance(inputs, list) else [inputs], str(out), settings=Settings(), **options)


def places(out: Path) -> dict[str, dict[str, Any]]:
    lines = pq.read_table(out).to_pylist() if out.suffix == ".parquet" else map(json.loads, out.open())
    return {line["id"]: line for line in lines}


@pytest.fixture(scope="module")
def expected(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("expected") / "out.jsonl"
    cluster(corpus, out)
    return out.read_bytes()


def test_one_row_an_article_in_the_order_of_the_input(corpus: Path, rows: list[Any], tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    summary = cluster(corpus, out)
    table = pq.read_table(out)
    assert table.schema.equals(ROW)
    assert table.column("id").to_pylist() == [row["id"] for row in rows]
    assert summary.articles == ARTICLES
    assert summary.stories == len(set(table.column("story_id").to_pylist()))
    assert summary.groups == len(set(table.column("duplicate_group_id").to_pylist()))
    assert 0.2 * ARTICLES < summary.stories < summary.groups < ARTICLES
    assert not (tmp_path / "out.parquet.work").exists()


def test_every_story_has_one_canonical_article_and_it_is_a_member(expected: bytes) -> None:
    lines = [json.loads(line) for line in expected.splitlines()]
    canonical = {line["story_id"]: line["id"] for line in lines if line["is_canonical"]}
    assert canonical.keys() == {line["story_id"] for line in lines}
    assert all(line["canonical_id"] == canonical[line["story_id"]] for line in lines)
    assert sum(line["is_canonical"] for line in lines) == len(canonical)


def test_planted_copies_share_a_group_and_templates_do_not(expected: bytes, rows: list[dict[str, Any]]) -> None:
    group = {line["id"]: line["duplicate_group_id"] for line in map(json.loads, expected.splitlines())}
    for edit, alike in (("exact", True), ("format", True), ("unnormalised", True), ("template", False)):
        planted = [row for row in rows if row["edit"] == edit]
        assert planted
        assert all((group[row["id"]] == group[row["planted_from"]]) is alike for row in planted)


def test_the_order_and_kind_of_the_input_do_not_matter(expected: bytes, rows: list[Any], tmp_path: Path) -> None:
    shuffled = list(rows)
    random.Random(5).shuffle(shuffled)
    write_parquet(tmp_path / "news.parquet", iter(shuffled[:700]))
    write_jsonl(tmp_path / "more.jsonl", iter(shuffled[700:]))
    out = tmp_path / "out.jsonl"
    cluster([tmp_path / "news.parquet", tmp_path / "more.jsonl"], out, threads=1)
    assert places(out) == {line["id"]: line for line in map(json.loads, expected.splitlines())}


def test_a_bound_on_memory_changes_nothing(
    corpus: Path, expected: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stories, "_LEAST", 100)
    out = tmp_path / "out.jsonl"
    cluster(corpus, out, memory="1MB")
    assert out.read_bytes() == expected


def test_todays_articles_are_added_to_yesterdays_result(expected: bytes, rows: list[Any], tmp_path: Path) -> None:
    write_jsonl(tmp_path / "yesterday.jsonl", iter(rows[:1000]))
    write_jsonl(tmp_path / "today.jsonl", iter(rows[1000:]))
    cluster(tmp_path / "yesterday.jsonl", tmp_path / "one.jsonl", keep_state=True)
    report = tmp_path / "report.html"
    summary = cluster(
        tmp_path / "today.jsonl", tmp_path / "two.jsonl", incremental=tmp_path / "one.jsonl", report=report
    )
    assert summary.articles == ARTICLES
    before, after = places(tmp_path / "one.jsonl"), places(tmp_path / "two.jsonl")
    whole = {line["id"]: line for line in map(json.loads, expected.splitlines())}
    assert partition(after) == partition(whole)
    unchanged = partition(before) & partition(after)
    assert unchanged
    for members in unchanged:
        assert {before[m]["story_id"] for m in members} == {after[m]["story_id"] for m in members}
    assert "Against the last run" in report.read_text()


def partition(lines: dict[str, dict[str, Any]]) -> set[frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, line in lines.items():
        found.setdefault(line["story_id"], set()).add(name)
    return {frozenset(members) for members in found.values()}


def test_a_run_that_left_no_state_cannot_be_added_to(corpus: Path, tmp_path: Path) -> None:
    cluster(corpus, tmp_path / "one.jsonl")
    with pytest.raises(InputError, match="keep-state"):
        cluster(corpus, tmp_path / "two.jsonl", incremental=tmp_path / "one.jsonl")


def test_the_deduplicated_corpus_is_the_canonical_articles(
    corpus: Path, expected: bytes, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "kept.jsonl"
    cluster(corpus, out, keep="canonical")
    kept = places(out)
    assert kept.keys() == {line["id"] for line in map(json.loads, expected.splitlines()) if line["is_canonical"]}
    one = next(row for row in rows if row["id"] in kept)
    assert kept[one["id"]]["text"] == one["text"]
    assert kept[one["id"]]["metadata"]["story_id"] == one["story_id"]


def test_the_newest_revision_of_an_article_counts(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id":"a","text":"old words"}\n{"id":"b","text":"other"}\n{"id":"a","text":"new words"}\n')
    summary = cluster(path, tmp_path / "out.jsonl", keep="canonical")
    assert (summary.articles, summary.superseded) == (2, 1)
    assert places(tmp_path / "out.jsonl")["a"]["text"] == "new words"


def test_refused_records_are_told_of_and_the_others_go_on(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id":"a","text":"words"}\n{"id":"b","text":" "}\n')
    refused: list[ArticleError | InputError] = []
    summary = cluster(path, tmp_path / "out.jsonl", on_reject=refused.append)
    assert summary.rejected == 1
    assert "in.jsonl:2: text" in str(refused[0])
    with pytest.raises(ArticleError):
        cluster(path, tmp_path / "strict.jsonl")


def test_helpers_change_nothing(expected: bytes, corpus: Path, rows: list[Any], tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(intake, "PART_RECORDS", 512)
    monkeypatch.setattr(intake, "ALONE", 0)
    write_parquet(tmp_path / "in.parquet", iter(rows))
    for source in (corpus, tmp_path / "in.parquet"):
        out = tmp_path / f"{source.suffix}.jsonl"
        assert cluster(source, out, threads=2).peak_memory_bytes > 0
        assert out.read_bytes() == expected


def test_helpers_tell_what_is_refused_in_the_order_of_the_input(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(intake, "PART_RECORDS", 512)
    monkeypatch.setattr(intake, "ALONE", 0)
    path = tmp_path / "in.jsonl"
    lines = [json.dumps({"id": f"a{n}", "text": f"words of {n}" if n % 300 else ""}) for n in range(1500)]
    lines[700] = "{"
    path.write_text("\n".join(lines))
    refused: list[ArticleError | InputError] = []
    inputs = [tmp_path / "absent.jsonl", path, tmp_path / "absent.csv"]
    summary = cluster(inputs, tmp_path / "out.jsonl", on_reject=refused.append, threads=2)
    places = [str(error).removeprefix(f"{tmp_path}/").split(": ")[0] for error in refused]
    assert places[:2] == ["absent.jsonl", "absent.csv"], "inputs are looked for before any is read"
    assert places[2:] == [f"in.jsonl:{n + 1}" for n in (0, 300, 600, 700, 900, 1200)]
    assert [error.field for error in refused[2:4] if isinstance(error, ArticleError)] == ["text", "text"]
    assert summary.articles == 1494
    with pytest.raises(ArticleError, match=r"in\.jsonl:1:"):
        cluster(path, tmp_path / "strict.jsonl", threads=2)


def test_nothing_in_nothing_out(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("")
    for out in ("out.jsonl", "out.parquet"):
        summary = cluster(path, tmp_path / out, on_reject=lambda error: None, report=tmp_path / "r.html")
        assert summary.articles == summary.stories == 0
        assert places(tmp_path / out) == {}


def test_an_output_of_unknown_kind_is_refused_before_work_begins(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"out\.xls"):
        cluster(corpus, tmp_path / "out.xls")


SCRIPT = """
import sys
from dedup.batch import intake
from dedup.batch.local import cluster_files
from dedup.settings import Settings
intake.PART_RECORDS, intake.ALONE = 512, 2  # so that a helper reads the third part, where no bound forbids it
cluster_files([sys.argv[1]], sys.argv[2], settings=Settings(), memory=sys.argv[3] or None)
"""


@pytest.mark.chaos
def test_a_run_killed_at_any_moment_goes_on_and_ends_alike(corpus: Path, expected: bytes, tmp_path: Path) -> None:
    kills = int(os.environ.get("CHAOS_KILLS", "6"))
    dice = random.Random(11)
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", SCRIPT, str(corpus), str(tmp_path / "undisturbed.jsonl"), ""], check=True)
    undisturbed = time.monotonic() - started
    killed = number = 0
    while killed < kills:
        out = tmp_path / f"out{number}.jsonl"
        number += 1
        while not out.exists():
            memory = dice.choice(["", "1MB"])
            run = subprocess.Popen([sys.executable, "-c", SCRIPT, str(corpus), str(out), memory])
            time.sleep(dice.uniform(0.1, 1.3) * undisturbed)
            if run.poll() is None:
                run.send_signal(signal.SIGKILL)
                killed += 1
            run.wait()
            assert run.returncode in (0, -signal.SIGKILL)
        if (tmp_path / f"{out.name}.work").exists():  # killed between writing and tidying up
            subprocess.run([sys.executable, "-c", SCRIPT, str(corpus), str(out), ""], check=True)
        assert out.read_bytes() == expected


def test_files_and_memory_give_the_same_rows(expected: bytes, rows: list[dict[str, Any]]) -> None:
    found = cluster_articles(list(map(as_sent, rows))).to_arrow().to_pylist()
    lines = [json.loads(line) for line in expected.splitlines()]
    assert [{**row, "score": round(row["score"], 6)} for row in found] == lines
    assert {"template", "report", "original", "identical", "near_duplicate", "excerpt"} == {
        r["relation"] for r in lines
    }
