"""The Spark engine writes the rows of the local one, whatever happens to an executor."""

from __future__ import annotations

import json
import random
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import psutil
import pytest

from benchmarks.corpus import generate, write_jsonl, write_parquet
from dedup.batch import local
from dedup.errors import ArticleError, InputError
from dedup.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(900)]
N = 700


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Articles in two files, with an older revision, a bad line, and one text in very many versions."""
    folder = tmp_path_factory.mktemp("corpus")
    rows = list(generate(N, seed=9, days=20))
    dice = random.Random(3)
    words = rows[0]["text"].split()
    for number in range(N // 10):
        changed = list(words)
        changed[dice.randrange(len(words))] = f"khác{number}"
        rows.append({**rows[0], "id": f"hot{number}", "text": " ".join(changed), "edit": "hot"})
    rows.append({**rows[5], "text": "Bản mới. " + rows[5]["text"]})
    dice.shuffle(rows)
    write_jsonl(folder / "one.jsonl", iter(rows[:400]))
    write_parquet(folder / "two.parquet", iter(rows[400:]))
    with (folder / "one.jsonl").open("a", encoding="utf-8") as out:
        out.write('{"text": " "}\n')
    return [folder / "one.jsonl", folder / "two.parquet"]


def read_lines(folder: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for part in folder.glob("part-*") for line in part.open(encoding="utf-8")]
    assert len({line["id"] for line in lines}) == len(lines)
    return {line["id"]: line for line in lines}


class Expected(NamedTuple):
    """What the local engine makes of the corpus."""

    lines: dict[str, dict[str, Any]]
    summary: local.Summary


@pytest.fixture(scope="module")
def expected(corpus: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Expected:
    out = tmp_path_factory.mktemp("local") / "out.jsonl"
    summary = local.cluster_files(corpus, str(out), settings=Settings(), on_reject=lambda error: None)
    return Expected({line["id"]: line for line in map(json.loads, out.open(encoding="utf-8"))}, summary)


def test_the_rows_are_those_of_the_local_engine(
    spark: SparkSession, corpus: list[Path], expected: Expected, tmp_path: Path
) -> None:
    from dedup.batch.spark import cluster_files

    refused: list[ArticleError | InputError] = []
    out, report = tmp_path / "out.jsonl", tmp_path / "report.html"
    summary = cluster_files(corpus, str(out), settings=Settings(), on_reject=refused.append, report=report)
    other = expected.summary
    assert read_lines(out) == expected.lines
    assert (summary.articles, summary.groups, summary.stories) == (other.articles, other.groups, other.stories)
    assert (summary.superseded, summary.rejected) == (other.superseded, other.rejected) == (1, 1)
    assert "one.jsonl" in str(refused[0])
    assert len({expected.lines[f"hot{number}"]["duplicate_group_id"] for number in range(N // 10)}) == 1
    assert "Clustering on Spark" in report.read_text()
    assert not (tmp_path / "out.jsonl.work").exists()


def test_the_rows_are_the_same_where_nothing_is_small_and_an_executor_dies(
    spark: SparkSession, corpus: list[Path], expected: Expected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dedup.batch.spark import cluster_files, settle

    monkeypatch.setattr(settle, "GATHERED", 0)
    killed: list[int] = []
    over = threading.Event()

    def kill_one() -> None:
        while not (tmp_path / "out.jsonl.work" / "near-candidates" / "_SUCCESS").exists():
            if over.wait(0.05):
                return
        while not killed and not over.wait(0.05):
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.NoSuchProcess):  # helpers of the shell that starts Spark come and go
                    if any("CoarseGrainedExecutorBackend" in word for word in child.cmdline()):
                        child.kill()
                        killed.append(child.pid)
                        break

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        cluster_files(corpus, str(tmp_path / "out.jsonl"), settings=Settings(), on_reject=lambda error: None)
    finally:
        over.set()
        killer.join()
    assert killed
    assert read_lines(tmp_path / "out.jsonl") == expected.lines


@pytest.mark.parametrize("gathered", [0, 1000], ids=["on the cluster", "by the driver"])
def test_components_are_those_of_the_graph(spark: SparkSession, tmp_path: Path, gathered: int) -> None:
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components as reference

    from dedup.batch.spark.components import connected_components
    from dedup.batch.spark.settle import Settled

    dice = random.Random(1)
    edges = [(dice.randrange(60), dice.randrange(60)) for _ in range(35)]
    edges += [(100 + i, 101 + i) for i in range(20)] + [(300, 200 + i) for i in range(20)]
    settled = Settled(spark, str(tmp_path / "frames"))
    frame = spark.createDataFrame(edges, "a long, b long")
    found = connected_components(frame, settle=settled, gathered=gathered).collect()
    left, right = zip(*edges, strict=True)
    _, labels = reference(coo_array((np.ones(len(edges)), (left, right)), (301, 301)), directed=False)
    nodes = {node for edge in edges if edge[0] != edge[1] for node in edge}
    assert {row.node: row.component for row in found} == {
        node: int(np.flatnonzero(labels == labels[node])[0]) for node in nodes
    }


def test_a_corpus_without_an_article_has_no_rows(spark: SparkSession, tmp_path: Path) -> None:
    from dedup.batch.spark import cluster_files

    (tmp_path / "bad.jsonl").write_text('{"text": " "}\n')
    (tmp_path / "empty.jsonl").touch()
    refused: list[ArticleError | InputError] = []
    out, report = tmp_path / "out.jsonl", tmp_path / "report.html"
    inputs = [tmp_path / "bad.jsonl", tmp_path / "empty.jsonl"]
    summary = cluster_files(inputs, str(out), settings=Settings(), on_reject=refused.append, report=report)
    assert (summary.articles, summary.groups, summary.stories, summary.rejected) == (0, 0, 0, 1)
    assert read_lines(out) == {}
    assert "Clustering on Spark" in report.read_text()


def test_what_spark_cannot_do_is_refused_with_a_reason(tmp_path: Path) -> None:
    from dedup.batch.spark import cluster_files

    for options, words in (({"incremental": "a"}, "local engine"), ({"out": "-"}, "folders")):
        given: dict[str, Any] = {"out": str(tmp_path / "o.jsonl"), "settings": Settings(), **options}
        with pytest.raises(InputError, match=words):
            cluster_files(["x.jsonl"], **given)
