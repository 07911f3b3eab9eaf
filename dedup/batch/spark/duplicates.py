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
from dedup.sketch import kernels
from dedup.sketch.bands import thorough_bands
from dedup.sketch.join import HOT_BUCKET, HOT_NEIGHBOURS, bucket_pairs, posting_candidates
from dedup.sketch.pairs import pair_ends, renumbered
from dedup.sketch.verify import LONGEST_LIST, SHARED_SAMPLES, ScoredPairs, enough_equal_rows, score_pairs

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_U32 = np.uint64(32)
_PAIR = "left long, right long"
_SCORED = (
    "left long, right long, jaccard double, containment_left double, containment_right double, smaller long, "
    "numbers long, numeric_difference double, wording double, relation int"
)
_COLUMNS = tuple(field.name for field in fields(ScoredPairs))
#: Of a text without tokens: it is a copy of none.
_BLANK = "content_a = 0 and content_b = 0"
#: Components decided by one call.
_SPREAD = 128
#: Pairs in one Arrow batch.
_BATCH = 65_536
#: Pairs verified by one call.
_PART = 8192


def find_groups(sketched: DataFrame, settings: SketchSettings, settled: Settled) -> tuple[DataFrame, DataFrame]:
    """Put copies, edits and cuts of one text into groups.

    Parameters
    ----------
    sketched : DataFrame
        As :func:`~dedup.batch.spark.sketching.number_articles` gives it.
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
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    copies = Window.partitionBy("content_a", "content_b", f.when(f.expr(_BLANK), f.col("number")))
    originals = settled(
        lambda: sketched.select(
            "number", f.min("number").over(copies).alias("original"), f.expr(_BLANK).alias("blank")
        ),
        "originals",
    )
    members = originals.where("number = original and not blank").select("number")
    candidates = settled(lambda: _band_pairs(members.join(sketched, "number"), settings), "near-candidates")
    near = settled(lambda: _verified(candidates, sketched, settings, settled, estimate=True), "near")
    edges = near.where(f"relation = {int(Relation.NEAR_DUPLICATE)}").select(
        f.col("left").alias("a"), f.col("right").alias("b")
    )
    component = connected_components(
        edges, settle=lambda frame, name: settled(frame, f"near-{name}"), gathered=settled.gathered
    )
    anchors = members.join(_anchored(near, component), "number", "left")
    anchor_of = settled(lambda: anchors.select("number", f.coalesce("anchor", "number").alias("anchor")), "anchor-of")
    roots = anchor_of.where("number = anchor").select("number")
    more = _posting_pairs(roots.join(sketched, "number"), settled)
    fresh = settled(lambda: more.join(near.select("left", "right"), ["left", "right"], "left_anti"), "cut-candidates")
    cuts = settled(lambda: _verified(fresh, sketched, settings, settled, estimate=False), "cuts")
    found = near.union(cuts)
    moved, used = _attached(found, anchor_of, sketched, settings, settled)
    pairs = found.union(used.join(found, ["left", "right"], "left_anti"))
    final = anchor_of.join(moved, "number", "left").select("number", f.coalesce("moved", "anchor").alias("anchor"))
    return settled(lambda: _related(originals, final, pairs), "groups"), pairs


def rule_of(settings: SketchSettings) -> PairRule:
    """The shared decision about a pair."""
    return PairRule(RelationRule(containment=settings.containment), settings.threshold)


def _band_pairs(members: DataFrame, settings: SketchSettings) -> DataFrame:
    bands, rows = thorough_bands(settings.threshold, settings.num_perm)

    def spread(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            numbers = batch.column("number").to_numpy()
            signatures = _signatures(batch.column("signature"), settings.num_perm)
            places, packed = np.arange(numbers.size), np.empty(numbers.size, np.uint64)
            for band in range(bands):
                kernels.pack_band(signatures, places, band, rows, packed)
                bucket = (packed >> _U32 | np.uint64(band) << _U32).astype(np.int64)
                yield pa.RecordBatch.from_pydict({"bucket": bucket, "number": numbers})

    keyed = members.select("number", "signature").mapInArrow(spread, "bucket long, number long")
    return keyed.repartition("bucket").mapInArrow(_join_buckets, _PAIR).distinct()


def _join_buckets(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Pairs of the buckets of a partition."""
    bucket, number = _columns(batches, 2)
    order = np.lexsort((number, bucket))
    bucket, number = bucket[order], number[order]
    new = np.diff(bucket, prepend=bucket[:1]) != 0
    codes = bucket_pairs(
        np.cumsum(new).astype(np.uint64) << _U32 | number.astype(np.uint64), HOT_BUCKET, HOT_NEIGHBOURS
    )
    for start in range(0, codes.size, _BATCH):
        left, right = pair_ends(codes[start : start + _BATCH])
        yield pa.RecordBatch.from_pydict({"left": left, "right": right})


def _posting_pairs(roots: DataFrame, settled: Settled) -> DataFrame:
    """Pairs of texts that share enough sampled shingles (see :func:`dedup.sketch.verify.containment_pairs`)."""
    from pyspark.sql import functions as f

    def post(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            held = batch.column("samples").to_pylist()
            keys = np.frombuffer(b"".join(held), np.uint32)
            owners = np.repeat(batch.column("number").to_numpy(), [len(one) // keys.itemsize for one in held])
            yield pa.RecordBatch.from_pydict({"key": keys.astype(np.int64), "number": owners})

    posted = roots.select("number", "samples").mapInArrow(post, "key long, number long")
    met = posted.repartition("key").mapInArrow(_join_postings, f"{_PAIR}, shared long")
    summed = settled(lambda: met.groupBy("left", "right").agg(f.sum("shared").alias("shared")), "postings")
    own = summed.where("left = right").join(roots.select("number", "rate"), f.col("left") == f.col("number"))
    a = own.select("left", f.col("shared").alias("ua"), f.col("rate").alias("ra"))
    b = own.select("right", f.col("shared").alias("ub"), f.col("rate").alias("rb"))
    # Of the samples of the text sampled more densely, only those at the other's rate can meet.
    rate = f.greatest("ra", "rb")
    expected = f.least(
        f.col("ua") * f.pow(f.lit(2.0), f.col("ra") - rate), f.col("ub") * f.pow(f.lit(2.0), f.col("rb") - rate)
    )
    likely = f.col("shared") >= SHARED_SAMPLES * expected
    return summed.where("left < right").join(a, "left").join(b, "right").where(likely).select("left", "right")


def _join_postings(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Posting lists in common of each pair that meets in a partition; of a text with itself, those that count."""
    key, number = _columns(batches, 2)
    owners, place = np.unique(number, return_inverse=True)
    left, right, shared, usable = posting_candidates(key.astype(np.uint32), place, longest=LONGEST_LIST)
    for one, two, count in ((left, right, shared), (np.arange(owners.size),) * 2 + (usable,)):
        for start in range(0, count.size, _BATCH):
            some = slice(start, start + _BATCH)
            yield pa.RecordBatch.from_pydict(
                {"left": owners[one[some]], "right": owners[two[some]], "shared": count[some]}
            )


def _columns(batches: Iterable[pa.RecordBatch], count: int) -> list[NDArray[np.int64]]:
    """The columns of a whole partition."""
    parts = [[column.to_numpy(zero_copy_only=False) for column in batch.columns] for batch in batches]
    return [np.concatenate([np.empty(0, np.int64), *(part[k] for part in parts)]) for k in range(count)]


def _verified(
    pairs: DataFrame, sketched: DataFrame, settings: SketchSettings, settled: Settled, *, estimate: bool
) -> DataFrame:
    """Score pairs exactly, and keep those that are related.

    Pairs are spread over parts by their left text, and a part is sent each text that it needs once: neighbours mostly
    share texts.  The pairs of a text with very many copies are in many parts.
    """
    from pyspark.sql import functions as f

    rule = rule_of(settings)
    count = pairs.count()
    parts = max(3 * pairs.sparkSession.sparkContext.defaultParallelism, count // _PART)
    part = f.pmod(f.hash("left", (f.col("right") / _PART).cast("long")), f.lit(parts)).alias("part")
    spread = pairs.select(part, "left", "right")
    ends = pairs.select(part, f.explode(f.array("left", "right")).alias("number")).distinct()
    # Sent to the texts, the pairs spare them a shuffle.
    ends = f.broadcast(ends) if count <= settled.gathered else ends
    signature = f.col("signature") if estimate else f.lit(None).cast("binary").alias("signature")
    needed = ends.join(sketched.select("number", "text", signature), "number").select(
        "part", "number", "text", "signature"
    )

    def score(texts: pa.Table, pairs: pa.Table) -> pa.Table:
        texts = texts.sort_by("number")
        numbers = texts.column("number").to_numpy()
        left, right = (np.searchsorted(numbers, pairs.column(side).to_numpy()) for side in ("left", "right"))
        if estimate:
            signatures = _signatures(texts.column("signature"), settings.num_perm)
            equal = np.empty(left.size, np.int64)
            kernels.count_equal(signatures, left, right, equal)
            likely = equal >= enough_equal_rows(settings.num_perm, settings.threshold)
            left, right = left[likely], right[likely]
        column = texts.column("text").combine_chunks()
        scored = score_pairs(column, left, right, ngram=settings.ngram, threads=1, near_from=settings.threshold)
        columns = [getattr(scored, name) for name in _COLUMNS]
        found = _scored(ScoredPairs(numbers[left], numbers[right], *columns[2:]), rule)
        related = found.column("relation").to_numpy() != int(Relation.NONE)
        return pa.Table.from_batches([found.filter(pa.array(related))])

    both = needed.groupBy("part").cogroup(spread.groupBy("part"))
    return both.applyInArrow(score, _SCORED)


def _scored(pairs: ScoredPairs, rule: PairRule) -> pa.RecordBatch:
    columns: dict[str, Any] = {name: getattr(pairs, name) for name in _COLUMNS}
    return pa.RecordBatch.from_pydict(columns | {"relation": rule(pairs).astype(np.int32)})


def _anchored(near: DataFrame, component: DataFrame) -> DataFrame:
    """Group the texts of each component around representatives."""
    from pyspark.sql import functions as f

    edges = near.where(f"relation = {int(Relation.NEAR_DUPLICATE)}").join(component, near.left == component.node)
    chosen = edges.select("left", "right", "jaccard", (f.hash("component") % _SPREAD).alias("part"))

    def anchor(table: pa.Table) -> pa.Table:
        numbers, a, b = renumbered(table.column("left").to_numpy(), table.column("right").to_numpy())
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
    rooted = rooted.select(*_COLUMNS, "relation")
    edges = rooted.select(f.col("left").alias("a"), f.col("right").alias("b"))
    component = connected_components(
        edges, settle=lambda frame, name: settled(frame, f"cut-{name}"), gathered=settled.gathered
    )
    part = (f.hash("component") % _SPREAD).alias("part")
    pairs = rooted.join(component, rooted.left == component.node).select(*_COLUMNS, "relation", part)
    groups = component.select(f.col("node").alias("anchor"), part)
    members = sketched.select("number", "text").join(anchor_of, "number").join(groups, "anchor")
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


def _signatures(column: pa.ChunkedArray | pa.Array, num_perm: int) -> NDArray[np.uint32]:
    flat = bytearray().join(column.to_pylist())
    return np.frombuffer(flat, np.uint32).reshape(-1, num_perm)
