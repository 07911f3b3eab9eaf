"""Columns of a corpus, spilled to disk in parts.

A part is an Arrow IPC file, uncompressed, so that reading it back maps it into memory and copies nothing: what is
not needed stays on disk.  A part is whole or not there (see :mod:`dedup.batch.checkpoint`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dedup.batch.checkpoint import replaced
from dedup.batch.memory import map_file


class Parts:
    """Numbered Arrow files of one schema in a folder.

    Rows count through the parts, in the order of their numbers.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     parts = Parts(Path(folder))
    ...     parts.write(0, pa.record_batch({"id": ["a", "b"]}))
    ...     parts.write(1, pa.record_batch({"id": ["c"]}))
    ...     parts.take(np.array([2, 0]), ["id"]).to_pydict()
    {'id': ['c', 'a']}
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._starts: NDArray[np.int64] | None = None

    def has(self, number: int) -> bool:
        """Whether a part is there, whole."""
        return self.path(number).exists()

    def write(self, number: int, batch: pa.RecordBatch) -> None:
        """Write a part in one step."""
        self.put(number, to_file(batch))

    def put(self, number: int, file: pa.Buffer) -> None:
        """Write a part, as :func:`to_file` lays it out, in one step."""
        with replaced(self.path(number)) as draft:
            draft.write_bytes(file)
        self._starts = None

    def clear(self) -> None:
        """Delete all parts."""
        for path in self.folder.glob("*.arrow"):
            path.unlink()
        self._starts = None

    def read(self, number: int, columns: Sequence[str] | None = None) -> pa.RecordBatch:
        """Map a part into memory."""
        batch = pa.ipc.open_file(map_file(self.path(number))).get_batch(0)
        return batch if columns is None else batch.select(list(columns))

    @property
    def count(self) -> int:
        """Number of parts."""
        return self.starts.size - 1

    @property
    def starts(self) -> NDArray[np.int64]:
        """First row of each part, and the number of rows: int64 array (parts + 1,)."""
        if self._starts is None:
            count = sum(1 for path in self.folder.glob("*.arrow") if not path.name.startswith("."))
            sizes = [self.read(number).num_rows for number in range(count)]
            self._starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes, dtype=np.int64)])
        return self._starts

    def __len__(self) -> int:
        return int(self.starts[-1])

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the parts in order."""
        for number in range(self.count):
            yield self.read(number, columns)

    def column(self, name: str) -> pa.ChunkedArray:
        """One column of all rows, mapped."""
        chunks = [batch.column(name) for batch in self.batches([name])]
        return pa.chunked_array(chunks) if chunks else pa.chunked_array([], pa.string())

    def take(self, rows: NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Copy some rows, in the order asked for.

        Parameters
        ----------
        rows : int64 array (k,)
            Row numbers, in any order.
        columns : sequence of str
            Columns wanted.
        """
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        edges = np.searchsorted(wanted, self.starts)
        pieces: list[Any] = []
        for number in np.flatnonzero(np.diff(edges)).tolist():
            local = wanted[edges[number] : edges[number + 1]] - self.starts[number]
            pieces.append(self.read(number, columns).take(pa.array(local)))
        if not pieces:
            return pa.Table.from_batches([], self.read(0, columns).schema) if self.count else pa.table({})
        table = pa.Table.from_batches(pieces).combine_chunks()
        if np.array_equal(order, np.arange(order.size)):
            return table
        back = np.empty_like(order)
        back[order] = np.arange(order.size)
        return table.take(pa.array(back))

    def path(self, number: int) -> Path:
        """File of a part."""
        return self.folder / f"{number:06d}.arrow"


def to_file(batch: pa.RecordBatch) -> pa.Buffer:
    """Lay a part out as its file."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()
