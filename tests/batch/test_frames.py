"""Tables of other libraries as articles."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

import dedup
from dedup.batch.frames import is_frame, read_frame
from dedup.errors import ArticleError

ROWS = {
    "id": [7, 8],
    "text": ["Cháy ở Huế.", "Fire in Hue."],
    "published_at": [datetime(2024, 1, 2, tzinfo=UTC), None],
    "pages": [3, None],
}


def frame(kind: str) -> Any:
    if kind == "pyarrow":
        return pa.table(ROWS)
    library = importlib.import_module(kind)
    if kind == "datasets":
        return library.Dataset.from_dict(ROWS).select([1, 0]).select([1, 0])
    return library.DataFrame(ROWS)


@pytest.mark.parametrize("kind", ["pyarrow", "pandas", "polars", "datasets"])
def test_every_library_gives_the_same_articles(kind: str) -> None:
    source = frame(kind)
    assert is_frame(source)
    first, second = read_frame(source)
    assert (first.id, first.text, first.published_at) == ("7", "Cháy ở Huế.", datetime(2024, 1, 2, tzinfo=UTC))
    assert first.metadata == {"pages": 3}
    assert (second.id, second.published_at, second.metadata) == ("8", None, {})


def test_a_row_that_is_no_article_is_named() -> None:
    with pytest.raises(ArticleError, match=r"row 1: text"):
        list(read_frame(pa.table({"text": ["a", " "]})))


def test_columns_can_be_renamed() -> None:
    assert [a.text for a in read_frame(pa.table({"body": ["a"]}), rename={"body": "text"})] == ["a"]


def test_a_list_is_no_table() -> None:
    assert not is_frame([{"text": "a"}])
    with pytest.raises(TypeError, match="list"):
        list(read_frame([1]))


@pytest.mark.parametrize("kind", ["pyarrow", "pandas", "polars", "datasets"])
def test_a_table_can_be_clustered(kind: str) -> None:
    assert dedup.cluster(frame(kind)).ids == ["7", "8"]
