"""Fingerprints and features of every article, inside the executors, and the numbers by which articles are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.article import Article
from dedup.batch.spark.columns import spark_columns
from dedup.batch.spark.reading import READ, Layout
from dedup.batch.spark.settle import Settled
from dedup.settings import SketchSettings
from dedup.sketch.fingerprint import Fingerprints
from dedup.vectors import featurize, packing

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_SKETCH = pa.schema(
    {
        "content_a": pa.int64(),
        "content_b": pa.int64(),
        "signature": pa.binary(),
        "rate": pa.int32(),
        "samples": pa.binary(),  # uint32 one after the other: Spark copies bytes, and lists number by number
        "features": pa.binary(),
        "published": pa.int64(),
        "detected": pa.string(),
    }
)
#: What was read, and the sketch of each article; none for a record that was refused.
SKETCHED = spark_columns(pa.schema([*READ, *_SKETCH]))


def sketch_with(settings: SketchSettings) -> Layout:
    """Return what adds the sketch of each article to what was read."""

    def sketch(batch: pa.RecordBatch, articles: Sequence[Article]) -> pa.RecordBatch:
        if articles:
            columns = _sketch(batch.column("text"), articles, settings)
        else:
            columns = [pa.nulls(batch.num_rows, field.type) for field in _SKETCH]
        return pa.RecordBatch.from_arrays([*batch.columns, *columns], [*batch.schema.names, *_SKETCH.names])

    return sketch


def _sketch(texts: pa.Array, articles: Sequence[Article], settings: SketchSettings) -> list[pa.Array]:
    prints = Fingerprints.of(texts, num_perm=settings.num_perm, ngram=settings.ngram, seed=settings.seed, threads=1)
    features = featurize(articles)
    valid = np.arange(prints.samples.shape[1]) < prints.sample_counts[:, None]
    ends = np.concatenate([[0], np.cumsum(prints.sample_counts, dtype=np.int64)]) * prints.samples.itemsize
    samples = [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(prints.samples[valid])]
    content = prints.content.view(np.int64)
    columns = {
        "content_a": content[:, 0],
        "content_b": content[:, 1],
        "signature": [row.tobytes() for row in prints.signatures],
        "rate": prints.rates,
        "samples": pa.Array.from_buffers(pa.binary(), len(prints), samples),
        "features": packing.pack(features),
        "published": features.published,
        "detected": features.languages,
    }
    return [pa.array(columns[field.name], field.type) for field in _SKETCH]


def number_articles(read: DataFrame, settled: Settled) -> DataFrame:
    """Keep the newest revision of each article, and number the articles by preference as representative.

    The order is that of :func:`dedup.batch.outcome.preference`: by time of publication, then id; undated ones last.
    Numbers are dense, from 0: places of input are sorted by ranges, and each range is told how many stand before it.

    Returns
    -------
    DataFrame
        Columns of :data:`SKETCHED` and ``number``, one row an article.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    newest = Window.partitionBy("id").orderBy(f.desc("file"), f.desc("row"))
    known = read.where("problem is null").select("id", "published_at", "file", "row")
    kept = known.withColumn("age", f.row_number().over(newest)).where("age = 1")
    placed = kept.orderBy(f.asc_nulls_last("published_at"), "id").select("file", "row")
    ranges = settled(
        lambda: placed.withColumn("range", f.spark_partition_id()).withColumn(
            "place", f.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
        ),
        "sorted",
    )
    sizes = {row["range"]: row["count"] for row in ranges.groupBy("range").count().collect()}
    first = np.cumsum([0, *(sizes.get(name, 0) for name in range(max(sizes, default=0)))], dtype=np.int64)
    start = f.array(*map(f.lit, first.tolist()))[f.col("range")]
    numbers = ranges.select("file", "row", (start + f.col("place")).alias("number"))
    if sum(sizes.values()) <= settled.gathered:
        return read.join(f.broadcast(numbers), ["file", "row"])
    return settled(lambda: read.join(numbers, ["file", "row"]), "sketched")
