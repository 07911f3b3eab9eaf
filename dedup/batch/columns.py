"""Articles as Arrow columns, and back: the layout of spilled parts and of exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from dedup.article import Article

#: One row an article; ``metadata`` is JSON.
ARTICLE = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("text", pa.large_string(), nullable=False),
        pa.field("url", pa.string()),
        pa.field("source", pa.string()),
        pa.field("published_at", pa.timestamp("us", "UTC")),
        pa.field("lang", pa.string()),
        pa.field("metadata", pa.string()),
    ]
)


def article_columns(articles: Sequence[Article]) -> pa.RecordBatch:
    """Lay articles out as a record batch of schema :data:`ARTICLE`."""
    columns: list[list[Any]] = [[getattr(article, name) for article in articles] for name in ARTICLE.names[:-1]]
    columns.append([orjson.dumps(a.metadata).decode() if a.metadata else None for a in articles])
    arrays = [pa.array(values, field.type) for values, field in zip(columns, ARTICLE, strict=True)]
    return pa.record_batch(arrays, schema=ARTICLE)


def articles_of(columns: pa.RecordBatch | pa.Table) -> Iterator[Article]:
    """Read articles back from columns of schema :data:`ARTICLE` (others are passed over)."""
    table = columns.select(ARTICLE.names)
    batches: Iterable[Any] = table.to_batches() if isinstance(table, pa.Table) else [table]
    for batch in batches:
        for row in batch.to_pylist():
            row["metadata"] = orjson.loads(row["metadata"]) if row["metadata"] else {}
            yield Article(**row)
