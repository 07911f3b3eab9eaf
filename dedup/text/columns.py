"""Many texts as one UTF-8 buffer: what every kernel reads."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.text.composing import compose_column, compositions
from dedup.text.nfc import nfc_suspects

#: Texts of a Python sequence that are encoded at a time, so that memory stays flat.
CHUNK = 4096


@dataclass(frozen=True, slots=True)
class Texts:
    """A column of texts in NFC, as Arrow lays it out.

    Attributes
    ----------
    data:
        ``uint8[:]``, read-only: UTF-8 bytes (lone surrogates in their three-byte form).
    offsets:
        ``int64[n + 1]``, read-only: text ``i`` is ``data[offsets[i]:offsets[i + 1]]``.
    """

    data: NDArray[np.uint8]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Any) -> Texts:
        """Take a sequence of ``str`` (or ``None``), or a pyarrow string array, chunked or not.

        Arrow buffers are viewed, not copied, where their layout allows.  A null is an empty text.  A text not in
        NFC is replaced by its NFC form.

        Raises
        ------
        TypeError
            If an item is neither ``str`` nor ``None``, or the Arrow type is not a string type.
        """
        parts = [part for column in chunks_of(texts, chunk=1 << 62) for part in column.normalised()]
        return parts[0] if len(parts) == 1 else cls.join(parts)

    @classmethod
    def join(cls, parts: Sequence[Texts]) -> Texts:
        """Concatenate columns (copies)."""
        if not parts:
            return _frozen(np.empty(0, np.uint8), np.zeros(1, np.int64))
        data = np.concatenate([p.data[p.offsets[0] : p.offsets[-1]] for p in parts])
        sizes = np.concatenate([np.diff(p.offsets) for p in parts])
        return _frozen(data, _offsets_of(sizes))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, i: int) -> str:
        if not -len(self) <= i < len(self):
            raise IndexError(f"text {i} of {len(self)}")
        i %= len(self)
        return _decode(self.data[self.offsets[i] : self.offsets[i + 1]].tobytes())

    def __iter__(self) -> Iterator[str]:
        return (self[i] for i in range(len(self)))

    def slice(self, start: int, stop: int) -> Texts:
        """Return texts ``start`` to ``stop`` as a view."""
        return _frozen(self.data, self.offsets[start : stop + 1])

    def normalised(self) -> list[Texts]:
        """Return the column in NFC as consecutive parts: views of what is in NFC, copies of what was not.

        Almost always every text is, and the one part is the column itself.
        """
        suspects = np.flatnonzero(nfc_suspects(self.data, self.offsets))
        if not len(suspects):
            return [self]
        parts: list[Texts] = []
        done = 0
        for i, normal in zip(suspects.tolist(), self._composed(suspects), strict=True):
            if normal is not None:
                parts += [self.slice(done, i), normal] if done < i else [normal]
                done = i + 1
        return [*parts, self.slice(done, len(self))] if done < len(self) else parts

    def _composed(self, rows: NDArray[np.int64]) -> list[Texts | None]:
        """NFC of some texts, each a column of its own; ``None`` for one that is its own NFC."""
        ends = np.empty(len(rows) + 1, np.int64)
        room = np.empty(int((self.offsets[rows + 1] - self.offsets[rows]).sum()), np.uint8)
        compose_column(self.data, self.offsets, rows, *compositions(), room, ends)
        found: list[Texts | None] = []
        for place, i in enumerate(rows.tolist()):
            if ends[place] < ends[place + 1]:
                found.append(_frozen(room, ends[place : place + 2]))
                continue
            text = self[i]
            normal = unicodedata.normalize("NFC", text)
            found.append(None if normal == text else _from_strings([normal], first=i))
        return found

    def head(self, size: int) -> Texts:
        """Return the first texts of about ``size`` bytes as a view; at least one, where there is one."""
        limit = self.offsets[0] + size
        return self.slice(0, max(1, int(np.searchsorted(self.offsets, limit, side="right")) - 1))

    @property
    def nbytes(self) -> int:
        """UTF-8 bytes of all texts."""
        return int(self.offsets[-1] - self.offsets[0])


def column_of(texts: Any) -> Any:
    """Return texts that have a length and are read by position: Arrow for a pandas or polars Series, else a sequence.

    Raises
    ------
    TypeError
        If one ``str`` is given, which is a sequence of letters.
    """
    if isinstance(texts, str | bytes):
        raise TypeError("texts must be a sequence of str, not one str; write [text]")
    library = type(texts).__module__.partition(".")[0]
    if library == "polars":
        return texts.to_arrow()
    if library == "pandas":
        import pyarrow as pa

        return pa.Array.from_pandas(texts)
    return texts if hasattr(texts, "__len__") and hasattr(texts, "__getitem__") else list(texts)


def chunks_of(texts: Any, *, chunk: int = CHUNK) -> Iterator[Texts]:
    """Yield the texts as consecutive :class:`Texts` of at most ``chunk`` rows, *not yet normalised*; Arrow data is
    viewed.

    Raises
    ------
    TypeError
        As :meth:`Texts.of`.
    """
    texts = column_of(texts)
    if isinstance(texts, Texts):
        columns: Iterator[Texts] = iter([texts])
    elif type(texts).__module__.partition(".")[0] == "pyarrow":
        columns = _from_arrow(texts)
    else:
        step = min(chunk, max(1, len(texts)))
        columns = (_from_strings(texts[i : i + step], first=i) for i in range(0, max(1, len(texts)), step))
    for column in columns:
        for start in range(0, max(1, len(column)), chunk):
            yield column if len(column) <= chunk else column.slice(start, min(len(column), start + chunk))


def take(texts: Any, rows: NDArray[np.int64]) -> Any:
    """Return the texts of ascending row numbers, as a column that :meth:`Texts.of` takes."""
    if type(texts).__module__.partition(".")[0] != "pyarrow":
        return [texts[i] for i in rows.tolist()]
    import pyarrow as pa

    # Chunk by chunk: pyarrow's own take joins the chunks first, and 2 GB of text overflow 32-bit offsets.
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    ends = np.cumsum([len(chunk) for chunk in chunks], dtype=np.int64)
    cuts = np.searchsorted(rows, ends)
    starts = np.concatenate([[0], ends[:-1]]) if chunks else ends
    taken, done = [], 0
    for chunk, start, cut in zip(chunks, starts.tolist(), cuts.tolist(), strict=True):
        part = rows[done:cut] - start
        # Not pa.array(part): that imports pandas, where it is installed, to ask whether it is a Series.
        taken.append(chunk.take(pa.Array.from_buffers(pa.int64(), len(part), [None, pa.py_buffer(part)])))
        done = cut
    return pa.chunked_array(taken, texts.type)


def _frozen(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Texts:
    """Read-only views, so that kernels meet one type whether the memory is ours or Arrow's."""
    data, offsets = data.view(), offsets.view()
    data.setflags(write=False)
    offsets.setflags(write=False)
    return Texts(data, offsets)


def _offsets_of(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    offsets = np.zeros(len(sizes) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets


def _from_strings(texts: Sequence[Any], *, first: int) -> Texts:
    try:
        encoded = [t.encode() for t in texts]
    except (AttributeError, UnicodeEncodeError):
        encoded = [_encode(t, first + i) for i, t in enumerate(texts)]
    sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
    return _frozen(np.frombuffer(b"".join(encoded), np.uint8), _offsets_of(sizes))


def _encode(text: object, index: int) -> bytes:
    if text is None:
        return b""
    if not isinstance(text, str):
        raise TypeError(f"text {index} is {type(text).__name__}, not str; decode or drop it")
    return text.encode("utf-8", "surrogatepass")


def _decode(raw: bytes) -> str:
    """Decode what should be UTF-8; bytes that are not become U+FFFD, which the tokeniser reads as a separator."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace")


def _from_arrow(texts: Any) -> Iterator[Texts]:
    import pyarrow as pa

    for array in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        if pa.types.is_dictionary(array.type):
            array = array.dictionary_decode()
        if pa.types.is_null(array.type):
            array = array.cast(pa.string())
        if array.type == pa.string_view():
            array = array.cast(pa.large_string())
        if not (pa.types.is_string(array.type) or pa.types.is_large_string(array.type)):
            raise TypeError(f"texts are Arrow {array.type}; a string column is needed")
        if array.null_count:
            array = array.fill_null("")
        _, offsets, data = array.buffers()
        if offsets is None or len(array) == 0:
            yield _frozen(np.empty(0, np.uint8), np.zeros(1, np.int64))
            continue
        dtype = np.int64 if pa.types.is_large_string(array.type) else np.int32
        view = np.frombuffer(offsets, dtype)[array.offset : array.offset + len(array) + 1]
        content = np.empty(0, np.uint8) if data is None else np.frombuffer(data, np.uint8)
        yield _frozen(content, np.ascontiguousarray(view, dtype=np.int64))
