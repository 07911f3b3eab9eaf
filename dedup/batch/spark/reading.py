"""Inputs to articles inside the executors, by the readers of :mod:`dedup.readers`.

JSON Lines and Parquet go through Spark's own sources, so that they may lie anywhere Spark reads (HDFS, object
stores) and large files are split; other kinds are read whole, a file a task, from a path that every executor sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from os.path import abspath
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from dedup.article import Article
from dedup.batch.columns import ARTICLE, article_columns
from dedup.errors import ArticleError, InputError
from dedup.readers.articles import article_fields, expand_inputs, read_articles
from dedup.readers.json_lines import parse_line
from dedup.readers.streams import suffix_of
from dedup.readers.table import batch_records

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

#: An article, or what was wrong with it (``problem``), and its place in the input: file, then row.
READ = (
    ARTICLE.append(pa.field("file", pa.int32()))
    .append(pa.field("row", pa.int64()))
    .append(pa.field("problem", pa.string()))
)
_CHUNK = 1024

Record = tuple[int, int, Callable[[], Article]]
#: Adds columns to a batch of :data:`READ`, given its articles; none where all its records were refused.
Layout = Callable[[pa.RecordBatch, Sequence[Article]], pa.RecordBatch]
Batches = Iterable[pa.RecordBatch]


class Places:
    """The place of each input in the order given; a file that a glob of another file system found has the glob's."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = list(names)
        self._known = {name: number for number, name in enumerate(names)}

    def of(self, path: str) -> int:
        """Place of the input that ``path`` belongs to."""
        if path not in self._known:
            found = (number for number, name in enumerate(self._names) if fnmatchcase(path, name))
            self._known[path] = next(found, len(self._names))
        return self._known[path]


def read_inputs(
    spark: SparkSession, inputs: Sequence[str], rename: Mapping[str, str], then: Layout, columns: str
) -> DataFrame:
    """Return every record of the inputs as a row of ``columns``.

    Parameters
    ----------
    inputs, rename :
        As :func:`dedup.readers.read_articles`.
    then : callable
        Lays out ``columns``, in the same Python process: each crossing between Spark and Python copies the texts.
    columns : str
        Names and types of the columns, as Spark writes them.

    Raises
    ------
    InputError
        For standard input, which only one process can read.
    """
    local = [name for name in inputs if not _remote(name)]
    names = [name for name in inputs if _remote(name)] + expand_inputs(local)
    if "-" in names:
        raise InputError("-: the Spark engine cannot read standard input; give it a file or a folder")
    places = Places([_plain_path(name) for name in names])
    kinds: dict[str, list[str]] = {}
    for name in names:
        kinds.setdefault(_kind(name), []).append(name)
    sources = []
    if "lines" in kinds:
        sources.append(_line_source(spark, kinds["lines"], places, dict(rename)))
    if "parquet" in kinds:
        sources.append(_parquet_source(spark, kinds["parquet"], places, dict(rename)))
    if "whole" in kinds:
        sources.append(_whole_source(spark, kinds["whole"], places, dict(rename)))

    def laid_out(frame: DataFrame, records: Callable[[Batches], Iterator[Record]]) -> DataFrame:
        return frame.mapInArrow(lambda batches: _chunks(records(batches), then), columns)

    first, *others = [laid_out(*source) for source in sources]
    for other in others:
        first = first.union(other)
    return first


#: Rows of a source, and how they are read.
Source = tuple["DataFrame", Callable[[Batches], Iterator[Record]]]


def _line_source(spark: SparkSession, names: list[str], places: Places, rename: dict[str, str]) -> Source:
    frame = spark.read.text(names).selectExpr(
        "_metadata.file_path as path", "monotonically_increasing_id() as row", "cast(value as binary) as line"
    )

    def records(batches: Batches) -> Iterator[Record]:
        for batch in batches:
            for path, row, line in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if line.strip():
                    yield places.of(_plain_path(path)), row, _line_reader(_plain_path(path), line, rename)

    return frame, records


def _parquet_source(spark: SparkSession, names: list[str], places: Places, rename: dict[str, str]) -> Source:
    frame = (
        spark.read.option("mergeSchema", "true")
        .parquet(*names)
        .selectExpr("_metadata.file_path as __path", "monotonically_increasing_id() as __row", "*")
    )

    def records(batches: Batches) -> Iterator[Record]:
        for batch in batches:
            for record in batch_records(batch):
                path, row = _plain_path(record.pop("__path")), record.pop("__row")
                yield places.of(path), row, _record_reader(path, record, rename)

    return frame, records


def _whole_source(spark: SparkSession, names: list[str], places: Places, rename: dict[str, str]) -> Source:
    frame = spark.createDataFrame([(name,) for name in names], "path string").repartition(len(names))

    def records(batches: Batches) -> Iterator[Record]:
        for batch in batches:
            for path in batch.column(0).to_pylist():
                problems: list[ArticleError | InputError] = []
                for row, article in enumerate(read_articles([path], on_reject=problems.append, rename=rename)):
                    yield places.of(_plain_path(path)), row, _given(article)
                for row, problem in enumerate(problems):
                    yield places.of(_plain_path(path)), row, _raiser(problem)

    return frame, records


def _chunks(records: Iterable[Record], then: Layout) -> Iterator[pa.RecordBatch]:
    """Read records, a batch at a time; what is no article becomes a row with its problem."""
    good: list[Article] = []
    places: list[tuple[int, int]] = []
    bad: list[tuple[int, int, str]] = []
    for file, row, read in records:
        try:
            article = read()
        except (ArticleError, InputError) as error:
            bad.append((file, row, str(error)))
        else:
            good.append(article)
            places.append((file, row))
        if len(good) + len(bad) >= _CHUNK:
            yield from _batches(good, places, bad, then)
            good, places, bad = [], [], []
    yield from _batches(good, places, bad, then)


def _batches(
    good: list[Article], places: list[tuple[int, int]], bad: list[tuple[int, int, str]], then: Layout
) -> Iterator[pa.RecordBatch]:
    # Spark has one kind of string: 32-bit offsets.
    schema = READ.set(2, pa.field("text", pa.string()))
    if good:
        columns = article_columns(good).columns
        columns[2] = columns[2].cast(pa.string())
        files, rows = zip(*places, strict=True)
        columns += [pa.array(files, pa.int32()), pa.array(rows, pa.int64()), pa.nulls(len(good), pa.string())]
        yield then(pa.record_batch(columns, schema=_nullable(schema)), good)
    if bad:
        blank = [pa.nulls(len(bad), field.type) for field in schema][: len(ARTICLE)]
        files, rows, problems = zip(*bad, strict=True)
        columns = [*blank, pa.array(files, pa.int32()), pa.array(rows, pa.int64()), pa.array(problems, pa.string())]
        yield then(pa.record_batch(columns, schema=_nullable(schema)), [])


def _nullable(schema: pa.Schema) -> pa.Schema:
    return pa.schema([field.with_nullable(True) for field in schema])


def _line_reader(path: str, line: bytes, rename: Mapping[str, str]) -> Callable[[], Article]:
    def read() -> Article:
        parsed = parse_line(line, path)
        if isinstance(parsed, ArticleError):
            raise parsed
        return _record_reader(path, parsed[1], rename)()

    return read


def _record_reader(path: str, record: Mapping[str, Any], rename: Mapping[str, str]) -> Callable[[], Article]:
    def read() -> Article:
        try:
            return Article.from_dict(article_fields(record, rename))
        except ArticleError as error:
            raise error.at(path) from None

    return read


def _given(article: Article) -> Callable[[], Article]:
    return lambda: article


def _raiser(problem: ArticleError | InputError) -> Callable[[], Article]:
    def read() -> Article:
        raise problem

    return read


def _remote(name: str) -> bool:
    return "://" in name


def _kind(name: str) -> str:
    suffix = suffix_of(name)
    if suffix in (".jsonl", ".ndjson") and not name.lower().endswith((".zst", ".zstd")):
        return "lines"
    if suffix == ".parquet":
        return "parquet"
    if _remote(name):
        raise InputError(f"{name}: only JSON Lines (plain or gzip) and Parquet are read from other file systems")
    return "whole"


def _plain_path(name: str) -> str:
    """One spelling of a path: Spark names local files as URLs."""
    parts = urlsplit(name)
    if parts.scheme not in ("", "file"):
        return name
    return abspath(unquote(parts.path)) if parts.scheme == "file" else abspath(name)
