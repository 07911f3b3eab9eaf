"""A corpus on disk as the decisions see it: articles with their sketches, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.article import Article
from dedup.batch.columns import ARTICLE, article_columns
from dedup.batch.intake import newest_rows
from dedup.batch.parts import Parts
from dedup.vectors import Features, featurize, packing

#: Features unpacked at a time.
_CHUNK = 65_536


def featured_columns(articles: Sequence[Article]) -> pa.RecordBatch:
    """Lay articles out, with the columns ``features`` and ``detected`` beside their own.

    ``detected`` is the language given, else the one that the text shows.
    """
    columns = article_columns(articles)
    features = featurize(articles)
    columns = columns.append_column("features", pa.array(packing.pack(features), pa.binary()))
    return columns.append_column("detected", pa.array(features.languages, pa.string()))


@dataclass(frozen=True)
class Corpus:
    """The newest revision of every article in some parts.

    Attributes
    ----------
    parts : Parts
        Parts as :func:`featured_columns` lays them out.
    rows : int64 array (n,)
        Row of each article in the parts, ascending: articles keep the order in which they were read.
    """

    parts: Parts
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, parts: Parts) -> Corpus:
        """Take the newest revision of each article."""
        return cls(parts, newest_rows(parts.column("id")))

    def __len__(self) -> int:
        return self.rows.size

    @property
    def superseded(self) -> int:
        """Older revisions left out."""
        return len(self.parts) - self.rows.size

    @cached_property
    def ids(self) -> pa.Array:
        """String array (n,)."""
        return self._small("id", pa.string())

    @cached_property
    def published(self) -> pa.Array:
        """Timestamp array (n,), null where unknown."""
        return self._small("published_at", pa.timestamp("us", "UTC"))

    @cached_property
    def languages(self) -> pa.Array:
        """String array (n,): the language given, else the one detected, null where nobody knows."""
        return self._small("detected", pa.string())

    @cached_property
    def sources(self) -> pa.Array:
        """String array (n,), null where unknown."""
        return self._small("source", pa.string())

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Numbers of the articles in the store they were copied from: int64 array (n,)."""
        numbers: NDArray[np.int64] = self._small("number", pa.int64()).to_numpy()
        return numbers

    def texts(self) -> pa.ChunkedArray:
        """Texts of all articles, mapped from the parts; only parts with an older revision in them are copied."""
        edges = np.searchsorted(self.rows, self.parts.starts)
        chunks = []
        for number, batch in enumerate(self.parts.batches(["text"])):
            kept = self.rows[edges[number] : edges[number + 1]] - self.parts.starts[number]
            column = batch.column(0)
            chunks.append(column if kept.size == len(column) else column.take(pa.array(kept)))
        return pa.chunked_array(chunks, pa.large_string())

    def articles(self, articles: NDArray[np.int64]) -> pa.RecordBatch:
        """Some articles as they were read, in the order asked for: columns of :data:`~dedup.batch.columns.ARTICLE`."""
        return self.parts.take(self.rows[articles], ARTICLE.names).combine_chunks().to_batches()[0]

    def titles(self, articles: NDArray[np.int64]) -> list[str | None]:
        """Titles of some articles, in the order asked for."""
        return list(self._take(articles, "title").to_pylist())

    def features(self, articles: NDArray[np.int64]) -> Features:
        """Features of some articles, in the order asked for."""
        chunks = (articles[start : start + _CHUNK] for start in range(0, articles.size, _CHUNK))
        return Features.concat(packing.unpack(self._take(chunk, "features").to_pylist()) for chunk in chunks)

    def _take(self, articles: NDArray[np.int64], name: str) -> pa.Array:
        table = self.parts.take(self.rows[articles], [name])
        if table.num_rows == 0:
            return pa.array([], table.schema.field(name).type if table.num_columns else pa.string())
        chunked = table.column(name)
        return chunked.chunk(0) if chunked.num_chunks == 1 else chunked.combine_chunks()

    def _small(self, name: str, kind: pa.DataType) -> pa.Array:
        if not len(self):
            return pa.array([], kind)
        column = self._take(np.arange(self.rows.size), name)
        return column.cast(kind)
