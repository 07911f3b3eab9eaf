"""Numbers, fingerprints and features of every article, inside the executors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.batch.columns import ARTICLE, articles_of
from dedup.batch.spark.settle import Settled
from dedup.settings import SketchSettings
from dedup.sketch.fingerprint import Fingerprints
from dedup.vectors import featurize

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SKETCHED = (
    "number long, content_a long, content_b long, signature binary, rate int, samples array<long>, features binary, "
    "lang int, published long, detected string, source string, id string, text string"
)


def number_articles(read: DataFrame, settled: Settled) -> DataFrame:
    """Keep the newest revision of each article, and number the articles by preference as representative.

    The order is that of :func:`dedup.batch.outcome.preference`: by time of publication, then id; undated ones last.
    Numbers are dense, from 0: articles are sorted by ranges, and each range is told how many stand before it.

    Returns
    -------
    DataFrame
        Columns of an article, ``number``, and ``file``, ``row``: its place in the input.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    newest = Window.partitionBy("id").orderBy(f.desc("file"), f.desc("row"))
    kept = read.where("problem is null").withColumn("age", f.row_number().over(newest)).where("age = 1")
    placed = kept.select(*ARTICLE.names, "file", "row").orderBy(f.asc_nulls_last("published_at"), "id")
    ranges = settled(
        lambda: placed.withColumn("range", f.spark_partition_id()).withColumn(
            "place", f.monotonically_increasing_id().bitwiseAND((1 << 33) - 1)
        ),
        "sorted",
    )
    sizes = {row["range"]: row["count"] for row in ranges.groupBy("range").count().collect()}
    start, starts = 0, []
    for name in sorted(sizes):
        starts.append((name, start))
        start += sizes[name]
    offsets = settled.spark.createDataFrame(starts, "range int, start long")
    numbered = ranges.join(f.broadcast(offsets), "range").withColumn("number", f.col("start") + f.col("place"))
    return numbered.select("number", "file", "row", *ARTICLE.names)


def sketch_articles(numbered: DataFrame, settings: SketchSettings) -> DataFrame:
    """Fingerprint and featurize the articles; columns as in :data:`SKETCHED`."""

    def sketch(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if batch.num_rows:
                yield _sketched(batch, settings)

    return numbered.mapInArrow(sketch, SKETCHED)


def _sketched(batch: pa.RecordBatch, settings: SketchSettings) -> pa.RecordBatch:
    text = batch.column("text")
    prints = Fingerprints.of(text, num_perm=settings.num_perm, ngram=settings.ngram, seed=settings.seed, threads=1)
    features = featurize(list(articles_of(batch)))
    ends = np.concatenate([[0], np.cumsum(prints.sample_counts, dtype=np.int64)])
    valid = np.arange(prints.samples.shape[1]) < prints.sample_counts[:, None]
    content = prints.content.view(np.int64)
    columns = {
        "number": batch.column("number"),
        "content_a": pa.array(content[:, 0]),
        "content_b": pa.array(content[:, 1]),
        "signature": pa.array([row.tobytes() for row in prints.signatures], pa.binary()),
        "rate": pa.array(prints.rates.astype(np.int32)),
        "samples": pa.ListArray.from_arrays(
            pa.array(ends.astype(np.int32)), pa.array(prints.samples[valid].astype(np.int64))
        ),
        "features": pa.array(features.pack(), pa.binary()),
        "lang": pa.array(features.lang.astype(np.int32)),
        "published": pa.array(features.published),
        "detected": pa.array(features.languages, pa.string()),
        "source": batch.column("source"),
        "id": batch.column("id"),
        "text": text,
    }
    return pa.RecordBatch.from_pydict(columns)
