"""From groups and stories to rows, on Spark."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from dedup.batch.memory import peak_memory
from dedup.batch.report import RunReport, Stage
from dedup.batch.rows import ROW
from dedup.batch.spark.columns import spark_columns
from dedup.batch.spark.settle import Settled
from dedup.cluster.canonical import pick_canonicals
from dedup.cluster.relation import Relation
from dedup.identity import group_id, story_id
from dedup.outlets import UNKNOWN, load_outlets
from dedup.settings import Settings
from dedup.sketch.bands import thorough_bands
from dedup.vectors import packing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from dedup.batch.spark import _Run

_SPREAD = 128
_BINS = 50


def outcome(
    sketched: DataFrame,
    groups: DataFrame,
    stories: DataFrame,
    pairs: DataFrame,
    settings: Settings,
    settled: Settled,
) -> DataFrame:
    """Return ``number, id, anchor, story, canonical, relation, score``, and the ids of the other three."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    belongs = stories.select(f.col("number").alias("anchor"), "story", f.col("score").alias("belongs"))
    template = pairs.where(f"relation = {int(Relation.TEMPLATE)}")
    older = template.groupBy(f.greatest("left", "right").alias("number")).agg(f.max("jaccard").alias("form"))
    placed = groups.join(belongs, "anchor").join(older, "number", "left")
    leads = f.col("number") == f.col("anchor")
    founds = leads & (f.col("number") == f.col("story"))
    relation = (
        f.when(founds & f.col("form").isNotNull(), int(Relation.TEMPLATE))
        .when(leads & ~founds, int(Relation.REPORT))
        .otherwise(f.col("relation"))
    )
    score = (
        f.when(founds & f.col("form").isNotNull(), f.col("form"))
        .when(leads & ~founds, f.col("belongs"))
        .otherwise(f.col("score"))
    )
    size = f.count("*").over(Window.partitionBy("story")).alias("size")
    made = settled(
        lambda: placed.select("number", "anchor", "story", relation.alias("relation"), score.alias("score"), size),
        "placed",
    )
    canonical = _canonicals(made, sketched, settings)
    ids = sketched.select("number", "id")
    found = made.join(canonical, "story", "left")
    found = found.withColumn("canonical", f.coalesce("canonical", "number")).join(ids, "number")
    for name in ("anchor", "story", "canonical"):
        found = found.join(ids.select(f.col("number").alias(name), f.col("id").alias(f"{name}_id")), name)
    return found


def _canonicals(made: DataFrame, sketched: DataFrame, settings: Settings) -> DataFrame:
    """The canonical article of each story of two articles or more."""
    from pyspark.sql import functions as f

    trust = load_outlets(settings.outlets)
    policy = settings.story.canonical
    several = made.where("size > 1").select("story", "number")
    placed = several.join(sketched, "number").select(
        (f.hash("story") % _SPREAD).alias("part"), "story", "number", "id", "source", "features"
    )

    def pick(table: pa.Table) -> pa.Table:
        table = table.sort_by([("story", "ascending"), ("number", "ascending")])
        story, number = table.column("story").to_numpy(), table.column("number").to_numpy()
        features = packing.unpack(table.column("features").to_pylist())
        ids, sources = table.column("id").to_pylist(), table.column("source").to_pylist()
        worth = [trust.get((source or "").lower(), UNKNOWN) for source in sources]
        sizes = np.diff(np.flatnonzero(np.diff(story, prepend=-1, append=-1)))
        best = pick_canonicals(features, sizes.tolist(), ids, policy=policy, trust=worth)
        return pa.table({"story": story[best], "canonical": number[best]})

    return placed.groupBy("part").applyInArrow(pick, "story long, canonical long")


def named_rows(found: DataFrame) -> DataFrame:
    """The rows that every engine writes."""

    def name(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        words = pa.array([relation.word for relation in Relation])
        for batch in batches:
            number, canonical = (batch.column(name).to_numpy() for name in ("number", "canonical"))
            yield pa.RecordBatch.from_pydict(
                {
                    "id": batch.column("id"),
                    "story_id": pa.array(map(story_id, batch.column("story_id").to_pylist()), pa.string()),
                    "duplicate_group_id": pa.array(map(group_id, batch.column("anchor_id").to_pylist()), pa.string()),
                    "relation": words.take(batch.column("relation")),
                    "is_canonical": pa.array(number == canonical),
                    "canonical_id": batch.column("canonical_id"),
                    "score": np.round(batch.column("score").to_numpy(), 6),
                }
            )

    return found.mapInArrow(name, spark_columns(ROW))


def findings(run: _Run, found: DataFrame, inputs: tuple[str, ...], rejected: int) -> RunReport:
    """Gather the report of a run: counts and histograms."""
    from pyspark.sql import functions as f

    sketch, story = run.settings.sketch, run.settings.story
    bands, rows = thorough_bands(sketch.threshold, sketch.num_perm)
    bins = run.pairs.groupBy(f.least(f.floor(f.col("jaccard") * _BINS), f.lit(_BINS - 1)).alias("bin")).count()
    jaccard = [0] * _BINS
    for row in bins.collect():
        jaccard[int(row["bin"])] = row["count"]
    relations = {Relation(row.relation).word: row["count"] for row in found.groupBy("relation").count().collect()}
    languages = run.sketched.groupBy(f.coalesce("detected", f.lit("unknown")).alias("lang")).count()
    facts = run.facts(found)
    now = datetime.now(UTC)
    return RunReport(
        title="Clustering on Spark",
        started_at=now - timedelta(seconds=sum(run.seconds.values())),
        finished_at=now,
        inputs=inputs,
        articles=facts["articles"],
        rejected_count=rejected,
        superseded=facts["superseded"],
        stages=tuple(Stage(name, seconds, facts["articles"]) for name, seconds in run.seconds.items()),
        peak_memory=peak_memory(),
        languages={row.lang: row["count"] for row in languages.orderBy(f.desc("count")).collect()},
        relations=dict(sorted(relations.items(), key=lambda item: -item[1])),
        group_sizes=_sizes(found, "anchor"),
        story_sizes=_sizes(found, "story"),
        jaccard=tuple(jaccard),
        jaccard_threshold=sketch.threshold,
        probability_threshold=story.threshold,
        bands=bands,
        rows=rows,
        settings={"spark.master": run.settled.spark.sparkContext.master},
    )


def _sizes(found: DataFrame, name: str) -> dict[int, int]:
    from pyspark.sql import functions as f

    sizes = found.groupBy(name).agg(f.count("*").alias("size")).groupBy("size").count()
    rows: list[Any] = sizes.collect()
    return {row["size"]: row["count"] for row in rows}
