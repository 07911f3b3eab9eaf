"""The Spark engine: the same rows as the local one, on as many machines as there are.

The kernels run inside the executors on Arrow batches; pairs, groups and stories are joined by
Spark.  Every stage is kept as Parquet in ``OUT.work``, which must lie where every executor reads and writes; a run
that died goes on after its last whole stage.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from dedup.batch.columns import ARTICLE
from dedup.batch.intake import fingerprint_inputs
from dedup.batch.local import Progress, Summary
from dedup.batch.memory import peak_memory
from dedup.batch.rows import check_output
from dedup.batch.spark.settle import Settled
from dedup.errors import ArticleError, InputError
from dedup.readers import Rejected
from dedup.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Refusals told one by one.
_TOLD = 1000


def cluster_files(
    inputs: Sequence[str | Path],
    out: str,
    *,
    settings: Settings,
    rename: Mapping[str, str] | None = None,
    on_reject: Rejected | None = None,
    progress: Progress | None = None,
    keep: Literal["canonical"] | None = None,
    report: str | Path | None = None,
    master: str | None = None,
    memory: str | int | None = None,
    incremental: str | Path | None = None,
    keep_state: bool = False,
) -> Summary:
    """Cluster a corpus on Spark.

    Parameters
    ----------
    inputs, settings, rename, on_reject, keep :
        As :func:`dedup.batch.local.cluster_files`; inputs may be URLs that Spark reads.
    out : str
        ``OUT.parquet`` or ``OUT.jsonl``: a folder of part files, on a file system that every executor writes.
    progress : Progress, optional
        Told of stages.
    report : path, optional
        Where to write the HTML report.
    master : str, optional
        Spark master; what the environment says when missing.
    memory :
        Of executors, as Spark is told: not here.
    incremental, keep_state :
        Not on Spark.

    Raises
    ------
    InputError
        If an option is not for Spark, or an input cannot be read.
    """
    if incremental is not None or keep_state:
        raise InputError("--incremental and --keep-state belong to the local engine; give Spark the whole corpus")
    if out == "-":
        raise InputError("-: the Spark engine writes folders; give OUT.parquet or OUT.jsonl")
    kind = check_output(out)
    from dedup.batch.spark.session import open_session

    started = time.monotonic()
    spark = open_session(master)
    settled = Settled(spark, f"{out}.work")
    settled.claim(_fingerprint([str(name) for name in inputs], rename or {}, settings))
    run = _Run(settled, settings, progress)
    found = run.execute([str(name) for name in inputs], rename or {})
    rejected = run.refusals(on_reject)
    chosen = run.canonical_articles(found) if keep == "canonical" else run.rows(found)
    writer = chosen.write.mode("overwrite")
    writer.parquet(out) if kind == "parquet" else writer.option("ignoreNullFields", "true").json(out)
    facts = run.facts(found)
    if report is not None:
        run.report(found, Path(report), tuple(map(str, inputs)), rejected)
    settled.remove()
    seconds = time.monotonic() - started
    return Summary(
        out=out,
        **facts,
        rejected=rejected,
        seconds=round(seconds, 3),
        articles_per_second=round(facts["articles"] / max(seconds, 1e-9), 1),
        peak_memory_bytes=peak_memory(),
        resumed=settled.resumed,
        stages=dict(run.seconds),
    )


def _fingerprint(inputs: list[str], rename: Mapping[str, str], settings: Settings) -> dict[str, Any]:
    from dedup import __version__

    local = [name for name in inputs if "://" not in name]
    return {
        "version": __version__,
        "inputs": fingerprint_inputs(local, rename),
        "remote": [name for name in inputs if "://" in name],
        "sketch": settings.sketch.model_dump(),
        "story": settings.story.model_dump(),
        "outlets": settings.outlets,
    }


class _Run:
    """The stages of one run."""

    def __init__(self, settled: Settled, settings: Settings, progress: Progress | None) -> None:
        self.settled = settled
        self.settings = settings
        self.seconds: dict[str, float] = {}
        self._progress = progress
        self._read: DataFrame | None = None
        self._sketched: DataFrame | None = None
        self._pairs: DataFrame | None = None

    def execute(self, inputs: list[str], rename: Mapping[str, str]) -> DataFrame:
        """Where each article belongs: ``number, id, anchor, story, canonical, relation, score``."""
        from dedup.batch.spark.duplicates import find_groups
        from dedup.batch.spark.outcome import outcome
        from dedup.batch.spark.reading import read_inputs
        from dedup.batch.spark.sketching import SKETCHED, number_articles, sketch_with
        from dedup.batch.spark.stories import find_stories

        settled, settings = self.settled, self.settings
        with self._stage("read"):
            layout = sketch_with(settings.sketch)
            self._read = settled(lambda: read_inputs(settled.spark, inputs, rename, layout, SKETCHED), "read")
            self._sketched = number_articles(self._read, settled)
        with self._stage("duplicates"):
            groups, self._pairs = find_groups(self._sketched, settings.sketch, settled)
        with self._stage("stories"):
            leaders = groups.where("number = anchor").select("number").join(self._sketched, "number")
            kept = settled(lambda: leaders.select("number", "published", "features"), "leaders")
            stories = find_stories(kept, settings.story, settled)
            return settled(lambda: outcome(self.sketched, groups, stories, self.pairs, settings, settled), "outcome")

    @property
    def sketched(self) -> DataFrame:
        """Every article with its sketch."""
        assert self._sketched is not None
        return self._sketched

    @property
    def pairs(self) -> DataFrame:
        """Related pairs of texts."""
        assert self._pairs is not None
        return self._pairs

    def refusals(self, on_reject: Rejected | None) -> int:
        """Tell of the records that were refused; return how many."""
        assert self._read is not None
        bad = self._read.where("problem is not null").select("file", "row", "problem")
        told = bad.orderBy("file", "row").limit(_TOLD).collect()
        for row in told:
            error = ArticleError(row.problem)
            if on_reject is None:
                raise error
            on_reject(error)
        return len(told) if len(told) < _TOLD else bad.count()

    def rows(self, found: DataFrame) -> DataFrame:
        """The rows that every engine writes."""
        from dedup.batch.spark.outcome import named_rows

        return named_rows(found)

    def canonical_articles(self, found: DataFrame) -> DataFrame:
        """The canonical articles, as they were read."""
        kept = found.where("canonical = number").select("number")
        return kept.join(self.sketched, "number").select(*ARTICLE.names)

    def facts(self, found: DataFrame) -> dict[str, Any]:
        """Counts of the summary."""
        from pyspark.sql import functions as f

        assert self._read is not None
        counts = found.agg(
            f.count("*").alias("articles"),
            f.count_if(f.col("number") == f.col("anchor")).alias("groups"),
            f.count_if(f.col("number") == f.col("story")).alias("stories"),
        ).collect()[0]
        given = self._read.where("problem is null").count()
        return counts.asDict() | {"superseded": given - counts.articles}

    def report(self, found: DataFrame, path: Path, inputs: tuple[str, ...], rejected: int) -> None:
        """Write the report."""
        from dedup.batch.report import write_report
        from dedup.batch.spark.outcome import findings

        write_report(findings(self, found, inputs, rejected), path)

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        task = self._progress.add_task(name, total=1) if self._progress else None
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 3)
        if self._progress:
            self._progress.advance(task, 1)
