"""Tables with one article a row: CSV (RFC 4180, also with tabs or semicolons) and Parquet."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import orjson

from dedup.article import MAX_TEXT
from dedup.errors import ArticleError, InputError
from dedup.readers.chunks import RECORDS, Raw
from dedup.readers.streams import STDIN, open_bytes


def csv_records(path: str) -> Iterator[Raw]:
    """Yield the rows of a CSV file whose first line names the columns; empty cells are left out."""
    csv.field_size_limit(4 * MAX_TEXT)
    with open_bytes(path) as stream:
        comma = _comma(stream)
        # Bad bytes become lone surrogates, which the article refuses by field; the other rows go on.
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        rows = csv.reader(lines, delimiter=comma)
        header = next(rows, None)
        if header is None:
            return
        while True:
            start = rows.line_num + 1
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield ArticleError(f"invalid CSV: {error}", origin=f"{path}:{start}")
                continue
            if len(row) > len(header):
                reason = f"{len(row)} cells, but the first line names {len(header)} columns"
                yield ArticleError(reason, origin=f"{path}:{start}")
            elif row:
                yield f"{path}:{start}", _cells(dict(zip(header, row, strict=False)))


def _comma(stream: io.BufferedReader) -> str:
    first = stream.peek(65536).split(b"\n", 1)[0]
    return max(",\t;", key=lambda comma: first.count(comma.encode()))


def _cells(row: dict[str, str]) -> dict[str, Any]:
    return _with_metadata({name: value for name, value in row.items() if value or name == "text"})


def _with_metadata(cells: dict[str, Any]) -> dict[str, Any]:
    """Read metadata written as JSON."""
    if isinstance(meta := cells.get("metadata"), str):
        with suppress(orjson.JSONDecodeError):  # left a string, which the article refuses by name
            cells["metadata"] = orjson.loads(meta)
    return cells


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a Parquet file, as columns; ``first`` is the number of the first of them, from 1."""

    path: str
    first: int
    batch: Any

    def __len__(self) -> int:
        return int(self.batch.num_rows)

    @property
    def nbytes(self) -> int:
        """Bytes of the columns."""
        return int(self.batch.nbytes)

    def records(self) -> Iterator[Raw]:
        """Make records of them."""
        for number, record in enumerate(batch_records(self.batch), self.first):
            yield f"{self.path}:row {number}", record


def parquet_chunks(path: str) -> Iterator[Rows]:
    """Read a Parquet file, some hundred rows at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if path == STDIN:
            with open_bytes(path) as stream:
                table = pq.ParquetFile(pa.BufferReader(stream.read()))
        else:
            table = pq.ParquetFile(path)
        number = 1
        for batch in table.iter_batches(batch_size=RECORDS):
            yield Rows(path, number, batch)
            number += batch.num_rows
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(f"{path}: not a readable Parquet file: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def batch_records(batch: Any) -> Iterator[dict[str, Any]]:
    """Yield the rows of an Arrow record batch as records, nulls left out."""
    names = batch.schema.names
    for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
        yield _with_metadata({n: _plain(value) for n, value in zip(names, row, strict=True) if value is not None})


def _plain(value: Any) -> Any:
    """Make a Parquet value one that JSON can hold; dates stay, the article reads them."""
    if isinstance(value, datetime | date | str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return str(value)
