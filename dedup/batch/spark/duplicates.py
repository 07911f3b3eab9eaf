"""Duplicate groups on Spark: the steps of :func:`dedup.cluster.duplicates.find_duplicates`, each where its data is.

A bucket is joined in one place, linearly however many share it; what is compared is spread by pair, so that a
representative with very many copies is no one task's burden.  Groups are decided by connected component, by the cluster
room's own functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.spark.components import connected_components
from dedup.batch.spark.settle import Settled
from dedup.cluster.duplicates import PairRule, attach_excerpts
from dedup.cluster.groups import anchored_groups
from dedup.cluster.relation import Relation, RelationRule
from dedup.settings import SketchSettings
from dedup.sketch import kernels, optimal_bands
from dedup.sketch.join import HOT_BUCKET, HOT_NEIGHBOURS, bucket_pairs
from dedup.sketch.verify import LONGEST_LIST, SHARED_SAMPLES, ScoredPairs, enough_equal_rows, score_pairs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_U32 = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_PAIR = "left long, right long"
_SCORED = (
    "left long, right long, jaccard double, containment_left double, containment_right double, smaller long, "
    "numbers long, numeric_difference double, wording double, relation int"
)
_COLUMNS = tuple(field.name for field in fields(ScoredPairs))
#: Components decided by one call.
_SPREAD = 128
#: Pairs in one Arrow batch.
_BATCH = 65_536


def find_groups(sketched: DataFrame, settings: SketchSettings, settled: Settled) -> tuple[DataFrame, DataFrame]:
    """Put copies, edits and cuts of one text into groups.

    Parameters
    ----------
    sketched : DataFrame
        As :func:`~dedup.batch.spark.sketching.sketch_articles` gives it.
    settings : SketchSettings
        Thresholds and parameters.
    settled : Settled
        Where stages are kept.

    Returns
    -------
    groups : DataFrame
        ``number``, ``anchor`` (long), ``relation`` (int), ``score`` (double), one row an article.
    pairs : DataFrame
        Related pairs: the columns of :data:`_SCORED`.
    """
    from pyspark.sql import functions as f

    blank = "content_a = 0 and content_b = 0"
    first = sketched.groupBy("content_a", "content_b").agg(f.min("number").alias("first"))
    own = f.when(f.expr(blank), f.col("number")).otherwise(f.col("first")).alias("original")
    originals = settled(
        lambda: sketched.join(first, ["content_a", "content_b"]).select("number", own, f.expr(blank).alias("blank")),
        "originals",
    )
    members = originals.where("number = original and not blank").select("number").join(sketched, "number")
    candidates = settled(lambda: _band_pairs(members, settings), "near-candidates")
    near = settled(lambda: _verified(candidates, sketched, settings, estimate=True), "near")
    edges = near.where(f"relation = {int(Relation.NEAR_DUPLICATE)}").select(
        f.col("left").alias("a"), f.col("right").alias("b")
    )
    component = connected_components(edges, settle=lambda frame, name: settled(frame, f"near-{name}"))
    anchors = settled(lambda: _anchored(near, component), "anchors")
    spoken = members.select("number").join(anchors, "number", "left")
    anchor_of = settled(lambda: spoken.select("number", f.coalesce("anchor", "number").alias("anchor")), "anchor-of")
    roots = anchor_of.where("number = anchor").select("number").join(sketched, "number")
    more = settled(lambda: _posting_pairs(roots), "cut-candidates")
    fresh = more.join(near.select("left", "right"), ["left", "right"], "left_anti")
    cuts = settled(lambda: _verified(fresh, sketched, settings, estimate=False), "cuts")
    found = near.union(cuts)
    moved, used = _attached(found, anchor_of, sketched, settings, settled)
    pairs = settled(lambda: found.union(used.join(found, ["left", "right"], "left_anti")), "pairs")
    final = anchor_of.join(moved, "number", "left").select("number", f.coalesce("moved", "anchor").alias("anchor"))
    return settled(lambda: _related(originals, final, pairs), "groups"), pairs


def rule_of(settings: SketchSettings) -> PairRule:
    """The shared decision about a pair."""
    return PairRule(RelationRule(containment=settings.containment), settings.threshold)


def _band_pairs(members: DataFrame, settings: SketchSettings) -> DataFrame:
    bands, rows = optimal_bands(settings.threshold, settings.num_perm, false_positive=0.02, false_negative=0.98)

    def spread(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column("number").to_numpy()
            signatures = _signatures(batch.column("signature"), settings.num_perm)
            places, packed = np.arange(numbers.size), np.empty(numbers.size, np.uint64)
            for band in range(bands):
                kernels.pack_band(signatures, places, band, rows, packed)
                keys = (packed >> _U32).astype(np.int64)
                columns = {"band": np.full(keys.size, band, np.int32), "bucket": keys, "number": numbers}
                yield pa.RecordBatch.from_pydict(columns)

    keyed = members.select("number", "signature").mapInArrow(spread, "band int, bucket long, number long")
    placed = keyed.repartition("band", "bucket").sortWithinPartitions("band", "bucket", "number")
    joined = placed.mapInArrow(_join_buckets, _PAIR)
    return joined.distinct()


def _join_buckets(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pairs of the buckets of a partition; rows come sorted by band, bucket and number."""
    columns = [[c.to_numpy(zero_copy_only=False) for c in batch.columns] for batch in batches if batch.num_rows]
    if columns:
        band, bucket, number = (np.concatenate(parts) for parts in zip(*columns, strict=True))
        new = (np.diff(band, prepend=band[:1]) != 0) | (np.diff(bucket, prepend=bucket[:1]) != 0)
        codes = bucket_pairs(
            np.cumsum(new).astype(np.uint64) << _U32 | number.astype(np.uint64), HOT_BUCKET, HOT_NEIGHBOURS
        )
        for start in range(0, codes.size, _BATCH):
            some = codes[start : start + _BATCH]
            yield pa.RecordBatch.from_pydict(
                {"left": (some >> _U32).astype(np.int64), "right": (some & _LOW).astype(np.int64)}
            )


def _posting_pairs(roots: DataFrame) -> DataFrame:
    """Pairs of texts that share enough sampled shingles (see :func:`dedup.sketch.verify.containment_pairs`)."""
    from pyspark.sql import functions as f

    posted = roots.select("number", "rate", f.explode("samples").alias("key"))
    length = posted.groupBy("key").agg(f.count("*").alias("length")).where(f"length <= {LONGEST_LIST}")
    usable = posted.join(length.select("key"), "key")
    counts = usable.groupBy("number").agg(f.count("*").alias("usable"), f.first("rate").alias("rate"))
    several = usable.join(length.where("length > 1").select("key"), "key")
    one, two = several.alias("one"), several.alias("two")
    shared = (
        one.join(two, (f.col("one.key") == f.col("two.key")) & (f.col("one.number") < f.col("two.number")))
        .groupBy(f.col("one.number").alias("left"), f.col("two.number").alias("right"))
        .agg(f.count("*").alias("shared"))
    )
    a = counts.select(f.col("number").alias("left"), f.col("usable").alias("ua"), f.col("rate").alias("ra"))
    b = counts.select(f.col("number").alias("right"), f.col("usable").alias("ub"), f.col("rate").alias("rb"))
    rate = f.greatest("ra", "rb")
    expected = f.least(
        f.col("ua") * f.pow(f.lit(2.0), f.col("ra") - rate), f.col("ub") * f.pow(f.lit(2.0), f.col("rb") - rate)
    )
    likely = f.col("shared") >= SHARED_SAMPLES * expected
    return shared.join(a, "left").join(b, "right").where(likely).select("left", "right")


def _verified(pairs: DataFrame, sketched: DataFrame, settings: SketchSettings, *, estimate: bool) -> DataFrame:
    """Score pairs exactly, and keep those that are related."""
    from pyspark.sql import functions as f

    rule = rule_of(settings)
    ends = []
    for side in ("left", "right"):
        signature = f.col("signature") if estimate else f.lit(None).cast("binary")
        ends.append(
            sketched.select(
                f.col("number").alias(side), f.col("text").alias(f"{side}_text"), signature.alias(f"{side}_signature")
            )
        )
    placed = pairs.join(ends[0], "left").join(ends[1], "right")

    def score(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            if estimate:
                one, two = (_signatures(batch.column(f"{s}_signature"), settings.num_perm) for s in ("left", "right"))
                equal = np.count_nonzero(one == two, axis=1)
                batch = batch.filter(pa.array(equal >= enough_equal_rows(settings.num_perm, settings.threshold)))
            if batch.num_rows:
                yield _scored(_score(batch, settings.ngram), rule)

    columns = ("left", "right", "left_text", "right_text", "left_signature", "right_signature")
    return placed.select(*columns).mapInArrow(score, _SCORED).where(f"relation <> {int(Relation.NONE)}")


def _score(batch: pa.RecordBatch, ngram: int) -> ScoredPairs:
    left, right = batch.column("left").to_numpy(), batch.column("right").to_numpy()
    numbers, first, inverse = np.unique(np.concatenate([left, right]), return_index=True, return_inverse=True)
    both = pa.chunked_array([batch.column("left_text"), batch.column("right_text")]).combine_chunks()
    scored = score_pairs(both.take(pa.array(first)), inverse[: left.size], inverse[left.size :], ngram=ngram, threads=1)
    columns = [getattr(scored, name) for name in _COLUMNS]
    return ScoredPairs(numbers[scored.left], numbers[scored.right], *columns[2:])


def _scored(pairs: ScoredPairs, rule: PairRule) -> pa.RecordBatch:
    columns: dict[str, Any] = {name: getattr(pairs, name) for name in _COLUMNS}
    return pa.RecordBatch.from_pydict(columns | {"relation": rule(pairs).astype(np.int32)})


def _anchored(near: DataFrame, component: DataFrame) -> DataFrame:
    """Group the texts of each component around representatives."""
    from pyspark.sql import functions as f

    edges = near.where(f"relation = {int(Relation.NEAR_DUPLICATE)}").join(component, near.left == component.node)
    chosen = edges.select("left", "right", "jaccard", (f.hash("component") % _SPREAD).alias("part"))

    def anchor(table: pa.Table) -> pa.Table:
        left, right = table.column("left").to_numpy(), table.column("right").to_numpy()
        numbers, inverse = np.unique(np.concatenate([left, right]), return_inverse=True)
        a, b = inverse[: left.size], inverse[left.size :]
        anchors = anchored_groups(numbers.size, a, b, table.column("jaccard").to_numpy()).anchors
        return pa.table({"number": numbers, "anchor": numbers[anchors]})

    return chosen.groupBy("part").applyInArrow(anchor, "number long, anchor long")


def _attached(
    found: DataFrame, anchor_of: DataFrame, sketched: DataFrame, settings: SketchSettings, settled: Settled
) -> tuple[DataFrame, DataFrame]:
    """Move the groups of cuts to the texts they were cut from; ``number, moved`` and the pairs this rests on."""
    from pyspark.sql import functions as f

    roots = anchor_of.where("number = anchor").select("number")
    cut = found.where(f"relation = {int(Relation.EXCERPT)}")
    rooted = cut.join(roots.withColumnRenamed("number", "left"), "left").join(
        roots.withColumnRenamed("number", "right"), "right"
    )
    rooted = settled(lambda: rooted.select(*_COLUMNS, "relation"), "rooted-cuts")
    edges = rooted.select(f.col("left").alias("a"), f.col("right").alias("b"))
    component = connected_components(edges, settle=lambda frame, name: settled(frame, f"cut-{name}"))
    part = (f.hash("component") % _SPREAD).alias("part")
    pairs = rooted.join(component, rooted.left == component.node).select(*_COLUMNS, "relation", part)
    groups = component.select(f.col("node").alias("anchor"), part)
    members = groups.join(anchor_of, "anchor").join(sketched.select("number", "text"), "number")
    rule = rule_of(settings)
    result = "kind int, number long, moved long, " + _SCORED

    def attach(one: pa.Table, two: pa.Table) -> pa.Table:
        order = np.argsort(one.column("number").to_numpy())
        one = one.take(pa.array(order))
        numbers = one.column("number").to_numpy()
        anchors = np.searchsorted(numbers, one.column("anchor").to_numpy())
        given = [two.column(name).to_numpy() for name in _COLUMNS]
        local = ScoredPairs(np.searchsorted(numbers, given[0]), np.searchsorted(numbers, given[1]), *given[2:])
        relations = two.column("relation").to_numpy().astype(np.uint8)
        texts = one.column("text").combine_chunks() if one.num_rows else pa.array([], pa.string())
        moved, used = attach_excerpts(texts, anchors, local, relations, rule, settings.ngram, 1)
        used = ScoredPairs(numbers[used.left], numbers[used.right], *(getattr(used, n) for n in _COLUMNS[2:]))
        pairs_out = _scored(used, rule)
        blank = {name: pa.nulls(numbers.size, pairs_out.schema.field(name).type) for name in pairs_out.schema.names}
        places = pa.table(
            {"kind": pa.array([0] * numbers.size, pa.int32()), "number": numbers, "moved": numbers[moved], **blank}
        )
        k = pairs_out.num_rows
        nothing = {
            "kind": pa.array([1] * k, pa.int32()),
            "number": pa.nulls(k, pa.int64()),
            "moved": pa.nulls(k, pa.int64()),
        }
        return pa.concat_tables(
            [places, pa.table(nothing | dict(zip(pairs_out.schema.names, pairs_out.columns, strict=True)))]
        )

    both = settled(
        lambda: (
            members.select("part", "number", "anchor", "text")
            .groupBy("part")
            .cogroup(pairs.groupBy("part"))
            .applyInArrow(attach, result)
        ),
        "attached",
    )
    names = [*_COLUMNS, "relation"]
    return both.where("kind = 0").select("number", "moved"), both.where("kind = 1").select(*names)


def _related(originals: DataFrame, anchor_of: DataFrame, pairs: DataFrame) -> DataFrame:
    """Relation and score of each article to its representative."""
    from pyspark.sql import functions as f

    anchors = anchor_of.withColumnRenamed("number", "original")
    placed = originals.join(anchors, "original", "left").select(
        "number", "original", f.coalesce("anchor", "number").alias("anchor")
    )
    scored = pairs.select(
        f.least("left", "right").alias("low"), f.greatest("left", "right").alias("high"), "relation", "jaccard",
        f.greatest("containment_left", "containment_right").alias("containment"),
    ).dropDuplicates(["low", "high"])  # fmt: skip
    ends = (f.least("original", "anchor") == f.col("low")) & (f.greatest("original", "anchor") == f.col("high"))
    linked = placed.join(scored, ends, "left")
    excerpt = f.col("relation") == int(Relation.EXCERPT)
    relation = (
        f.when(f.col("number") == f.col("anchor"), int(Relation.ORIGINAL))
        .when(f.col("original") == f.col("anchor"), int(Relation.IDENTICAL))
        .otherwise(f.col("relation"))
    )
    score = f.when(f.col("original") == f.col("anchor"), 1.0).otherwise(
        f.when(excerpt, f.col("containment")).otherwise(f.col("jaccard"))
    )
    return linked.select("number", "anchor", relation.cast("int").alias("relation"), score.alias("score"))


def _signatures(column: pa.Array, num_perm: int) -> NDArray[np.uint32]:
    flat = b"".join(column.to_pylist())
    return np.frombuffer(flat, np.uint32).reshape(-1, num_perm)
