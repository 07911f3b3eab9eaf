"""The rows a batch run writes: one an article, Parquet or JSON Lines."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dedup.batch.checkpoint import replaced
from dedup.errors import InputError

STDOUT = "-"

#: One row an article, in the order of the input.
ROW = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("story_id", pa.string(), nullable=False),
        pa.field("duplicate_group_id", pa.string(), nullable=False),
        pa.field("relation", pa.string(), nullable=False),
        pa.field("is_canonical", pa.bool_(), nullable=False),
        pa.field("canonical_id", pa.string(), nullable=False),
        pa.field("score", pa.float64()),
    ]
)


class Sink(Protocol):
    """Takes record batches of one schema."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write a batch."""


def check_output(out: str) -> str:
    """Return the kind of an output, ``parquet`` or ``jsonl``, by its ending; ``-`` is JSON Lines on standard output.

    Raises
    ------
    InputError
        For any other ending.
    """
    if out == STDOUT:
        return "jsonl"
    kind = {".parquet": "parquet", ".jsonl": "jsonl", ".ndjson": "jsonl"}.get(Path(out).suffix.lower())
    if kind is None:
        raise InputError(f"{out}: unknown kind of output; write OUT.parquet, OUT.jsonl or - for standard output")
    return kind


@contextmanager
def open_sink(out: str, schema: pa.Schema) -> Iterator[Sink]:
    """Open an output; the file appears, whole, when the block succeeds.

    Parameters
    ----------
    out : str
        ``OUT.parquet``, ``OUT.jsonl`` or ``-``.
    schema : Schema
        Columns of every batch.
    """
    if check_output(out) == "parquet":
        with replaced(Path(out)) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            yield _Parquet(writer)
    elif out == STDOUT:
        yield _Lines(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    else:
        with replaced(Path(out)) as draft, draft.open("wb") as stream:
            yield _Lines(stream)


def read_rows(path: str | Path) -> pa.Table:
    """Read the rows of an earlier run back.

    Raises
    ------
    InputError
        If the file is missing or holds no such rows.
    """
    try:
        if check_output(str(path)) == "parquet":
            table = pq.read_table(path)
        else:
            import pyarrow.json as pj

            table = pj.read_json(path)
        return table.select(ROW.names).cast(ROW)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pa.ArrowInvalid, KeyError) as error:
        raise InputError(f"{path}: not the rows of a clustering: {error}") from None


class _Parquet:
    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer

    def write(self, batch: pa.RecordBatch) -> None:
        self._writer.write_batch(batch)


class _Lines:
    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def write(self, batch: pa.RecordBatch) -> None:
        for row in batch.to_pylist():
            line = {name: value for name, value in row.items() if value is not None}
            if "metadata" in line:
                line["metadata"] = orjson.Fragment(line["metadata"])
            self._stream.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def row_batch(**columns: Any) -> pa.RecordBatch:
    """Build rows from one sequence or array a column, named as in :data:`ROW`."""
    return pa.record_batch([pa.array(columns[field.name], field.type) for field in ROW], schema=ROW)
