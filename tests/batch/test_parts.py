"""Columns spilled to disk come back as they were."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dedup import Article
from dedup.batch.columns import article_columns, articles_of
from dedup.batch.parts import Parts


@given(st.lists(st.integers(0, 5), max_size=6), st.data())
def test_rows_come_back_in_the_order_asked_for(sizes: list[int], data: st.DataObject) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        parts = Parts(Path(folder))
        values: list[str] = []
        for number, size in enumerate(sizes):
            chunk = [f"{number}.{i}" for i in range(size)]
            parts.write(number, pa.record_batch({"v": pa.array(chunk, pa.string())}))
            values += chunk
        assert len(parts) == len(values)
        if values:
            rows = data.draw(st.lists(st.integers(0, len(values) - 1)))
            got = parts.take(np.array(rows, np.int64), ["v"])
            assert got.column("v").to_pylist() == [values[row] for row in rows]


def test_an_article_survives_its_columns() -> None:
    articles = [
        Article(text="một"),
        Article(
            id="2",
            text="hai",
            title="Tựa",
            url="https://example.org/2",
            published_at=datetime(2024, 2, 29, 12, 30, 1, 5, tzinfo=UTC),
            lang="vi",
            metadata={"k": [1, {"a": None}]},
        ),
    ]
    assert list(articles_of(article_columns(articles))) == articles
