"""Stories on Spark: candidates inside time windows, then linkage by connected component.

Articles are numbered by time, so that a block of numbers is a span of time.  A task holds a block and what was
published within the window around it, and judges the pairs of the block's articles: the same
candidates and the same probabilities as if it held everything.  Undated articles are candidates of
all: they are in every task, and those who ask as undated are judged where everything is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dedup.batch.spark.components import connected_components
from dedup.batch.spark.settle import Settled
from dedup.cluster.candidates import Candidates, Keys
from dedup.cluster.linkage import average_linkage
from dedup.cluster.pair_features import prepare
from dedup.cluster.pairs import PairModel, pair_logits
from dedup.settings import StorySettings
from dedup.sketch.pairs import pair_ends
from dedup.vectors import Idf, count_terms, packing
from dedup.vectors.anchors import UNDATED

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

#: Of an article with a time of publication.
_DATED = f"published <> {UNDATED}"
_LINK = "left long, right long, logit float"
#: Components decided by one call.
_SPREAD = 128
#: Articles in one block, at least and at most.
_LEAST_BLOCK, _BLOCK = 2048, 50_000


def find_stories(leaders: DataFrame, settings: StorySettings, settled: Settled) -> DataFrame:
    """Put articles that report one event into stories.

    Parameters
    ----------
    leaders : DataFrame
        Representatives: ``number``, ``published`` (seconds), ``features``.
    settings : StorySettings
        Threshold, window, number of candidates.
    settled : Settled
        Where stages are kept.

    Returns
    -------
    DataFrame
        ``number``, ``story`` (the founder's number), ``score``, one row a representative.
    """
    from pyspark.sql import functions as f

    facts = leaders.agg(
        f.count("*").alias("count"),
        f.max("number").alias("last"),
        (f.max("published") - f.min(f.when(f.expr(_DATED), f.col("published")))).alias("seconds"),
    ).collect()[0]
    idf = _blended_idf(leaders, facts["count"])
    strong = settled(lambda: _strong_pairs(leaders, settings, idf, facts.last or 0, facts.seconds or 0), "strong")
    edges = strong.select(f.col("left").alias("a"), f.col("right").alias("b"))
    component = connected_components(
        edges, settle=lambda frame, name: settled(frame, f"story-{name}"), gathered=settled.gathered
    )
    linked = settled(lambda: _linked(leaders, strong, component, settings, idf), "linked")
    placed = leaders.select("number").join(linked, "number", "left")
    return placed.select(
        "number", f.coalesce("story", "number").alias("story"), f.coalesce("score", f.lit(1.0)).alias("score")
    )


def _blended_idf(leaders: DataFrame, number: int) -> Idf:
    """The packaged prior, blended with the counts of these articles."""
    from pyspark.sql import functions as f

    def count(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            keys, counts = count_terms(packing.unpack(batch.column(0).to_pylist()))
            yield pa.RecordBatch.from_pydict({"term": keys.astype(np.int64), "count": counts.astype(np.int64)})

    terms = leaders.select("features").mapInArrow(count, "term long, count long")
    table = terms.groupBy("term").agg(f.sum("count").alias("count")).where("count >= 2").toArrow().sort_by("term")
    keys, counts = table.column("term").to_numpy(), table.column("count").to_numpy()
    return Idf(number, keys.astype(np.uint32), counts.astype(np.uint32))


def _strong_pairs(leaders: DataFrame, settings: StorySettings, idf: Idf, last: int, seconds: int) -> DataFrame:
    """Candidate pairs whose log-odds reach the cut; leaders are numbered to ``last`` and span so many ``seconds``."""
    from pyspark.sql import functions as f

    window = settings.window_days * 86_400
    model = PairModel.default()
    cut, most = model.link_logit(settings.threshold), settings.candidates
    context = leaders.sparkSession.sparkContext
    shared = context.broadcast(idf)
    undated = leaders.where(f"not {_DATED}")
    block_size = _block_size(last, window / seconds if seconds else 1.0, 2 * context.defaultParallelism)
    spans = (
        leaders.groupBy(f.when(f.expr(_DATED), (f.col("number") / block_size).cast("long")).alias("block"))
        .agg(f.min("published").alias("low"), f.max("published").alias("high"))
        .collect()
    )
    blocks = [(row.block, row.low - int(window), row.high + int(window)) for row in spans if row.block is not None]
    timeless = max((block for block, _, _ in blocks), default=-1) + 1
    if len(blocks) < len(spans):
        blocks.append((timeless, -(2**62), 2**62))
    around = f.broadcast(leaders.sparkSession.createDataFrame(blocks, "block long, low long, high long"))
    dated = leaders.where(_DATED).join(around, f.col("published").between(f.col("low"), f.col("high")))
    placed = dated.select("block", "number", "features").union(
        undated.crossJoin(around).select("block", "number", "features")
    )

    def judge(table: pa.Table) -> pa.Table:
        table = table.sort_by("number")
        block = table.column("block")[0].as_py()
        numbers = table.column("number").to_numpy()
        features = packing.unpack(table.column("features").to_pylist())
        prepared = prepare(features, shared.value)
        asking = (numbers // block_size == block) & (features.published != UNDATED)
        if block == timeless:
            asking = features.published == UNDATED
        candidates = Candidates(Keys.of(prepared), window=window, most=most)
        codes = candidates.of(np.flatnonzero(asking))
        left, right = pair_ends(codes)
        logits = pair_logits(prepared, model.weights(numbers.size), left, right, threads=1)
        near = (logits >= cut) & (features.lang[left] == features.lang[right])
        return pa.table({"left": numbers[left[near]], "right": numbers[right[near]], "logit": logits[near]})

    return placed.groupBy("block").applyInArrow(judge, _LINK).dropDuplicates(["left", "right"])


def _block_size(articles: int, window: float, tasks: int) -> int:
    """Articles in a block: a block for every task, unless that is less than the window, a share of all time, holds."""
    return int(min(_BLOCK, max(_LEAST_BLOCK, articles / tasks, articles * window)))


def _linked(
    leaders: DataFrame, strong: DataFrame, component: DataFrame, settings: StorySettings, idf: Idf
) -> DataFrame:
    """Average linkage inside each component."""
    from pyspark.sql import functions as f

    model = PairModel.default()
    cut = model.link_logit(settings.threshold)
    shared = leaders.sparkSession.sparkContext.broadcast(idf)
    part = (f.hash("component") % _SPREAD).alias("part")
    members = component.join(leaders, component.node == leaders.number).select(part, "number", "features")
    pairs = strong.join(component, strong.left == component.node).select(part, "left", "right", "logit")

    def link(one: pa.Table, two: pa.Table) -> pa.Table:
        one = one.sort_by("number")
        numbers = one.column("number").to_numpy()
        prepared = prepare(packing.unpack(one.column("features").to_pylist()), shared.value)
        left = np.searchsorted(numbers, two.column("left").to_numpy())
        right = np.searchsorted(numbers, two.column("right").to_numpy())
        logits = two.column("logit").to_numpy().astype(np.float32)
        labels, strength = average_linkage(
            prepared, model.weights(numbers.size), left, right, logits, cut=cut, threads=1
        )
        # Numbers go by preference: the lowest of a story is its founder.
        founder = np.full(numbers.size, numbers.size)
        np.minimum.at(founder, labels, np.arange(numbers.size))
        score = model.belonging(labels, strength).astype(np.float64)
        return pa.table({"number": numbers, "story": numbers[founder[labels]], "score": score})

    both = members.groupBy("part").cogroup(pairs.groupBy("part"))
    return both.applyInArrow(link, "number long, story long, score double")
