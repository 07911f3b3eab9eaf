"""Tables of other libraries as articles, through Arrow's C stream interface.

Arrow tables, readers and batches, polars and pandas frames speak ``__arrow_c_stream__``; a Hugging Face
``Dataset`` holds an Arrow table.  None of these libraries is imported here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dedup.article import Article
from dedup.errors import ArticleError
from dedup.readers.articles import article_fields
from dedup.readers.table import batch_records


def is_frame(source: object) -> bool:
    """Whether ``source`` is a table rather than a sequence of articles."""
    return hasattr(source, "__arrow_c_stream__") or _is_hugging_face(source)


def read_frame(source: Any, *, rename: dict[str, str] | None = None) -> Iterator[Article]:
    """Read the rows of a table as articles.

    Parameters
    ----------
    source :
        An object with ``__arrow_c_stream__`` or a Hugging Face ``Dataset``, one article a row; needs a column
        ``text``.  Columns that are no field of :class:`~dedup.Article` go to its metadata.
    rename :
        Columns to fields, such as ``{"body": "text"}``.

    Raises
    ------
    ArticleError
        At the first row that is no article, naming the row and the field.
    TypeError
        If ``source`` is no table.

    Examples
    --------
    >>> import pyarrow as pa
    >>> [article.text for article in read_frame(pa.table({"text": ["Fire in Hue."]}))]
    ['Fire in Hue.']
    """
    number = 0
    for batch in _batches(source):
        for record in batch_records(batch):
            try:
                yield Article.from_dict(article_fields(record, rename or {}))
            except ArticleError as error:
                raise error.at(f"row {number}") from None
            number += 1


def _batches(source: Any) -> Iterator[Any]:
    import pyarrow as pa

    if hasattr(source, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(source)
    elif _is_hugging_face(source):
        for table in source.with_format("arrow").iter(batch_size=1024):
            yield from table.to_batches()
    else:
        raise TypeError(f"{type(source).__name__} is no table: it has no __arrow_c_stream__")


def _is_hugging_face(source: object) -> bool:
    return type(source).__module__.partition(".")[0] == "datasets" and hasattr(source, "with_format")
