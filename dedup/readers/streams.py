"""Bytes from files and standard input, unpacked."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import BinaryIO, cast

import zstandard

from dedup.errors import InputError

#: The name that stands for standard input.
STDIN = "-"
_PACKED = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd"}
#: Bytes unpacked at a time; what a damaged file still yields is lost in steps of this size.
_BUFFER = 1 << 16
_GZIP_MAGIC, _ZSTD_MAGIC = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"


def suffix_of(path: str) -> str:
    """Ending that tells the kind of a file, without that of its compression: ``a.jsonl.gz`` is ``.jsonl``."""
    name = path.rsplit("/", 1)[-1].lower()
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name[name.rfind(".") :] if "." in name else ""


def stem_of(path: str) -> str:
    """Name of a file without its folder and endings of kind and compression."""
    name = path.rsplit("/", 1)[-1]
    for packed in _PACKED:
        name = name.removesuffix(packed)
    return name[: name.rfind(".")] if "." in name[1:] else name


@contextmanager
def open_bytes(path: str) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input, for reading unpacked bytes.

    Raises
    ------
    InputError
        When it is missing, is not readable, or is damaged where it is being read.
    """
    try:
        if path == STDIN:
            yield _standard_input(sys.stdin.buffer)
            return
        with open(path, "rb") as plain:
            yield _unpacked(plain)
    except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError, EOFError) as error:
        raise InputError(f"{path}: damaged compressed data: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None


def _unpacked(plain: io.BufferedReader) -> io.BufferedReader:
    magic = plain.peek(4)[:4]
    if magic.startswith(_GZIP_MAGIC):
        return io.BufferedReader(cast(io.RawIOBase, gzip.open(plain, "rb")), _BUFFER)
    if magic == _ZSTD_MAGIC:
        reader = zstandard.ZstdDecompressor().stream_reader(plain, read_across_frames=True)
        return io.BufferedReader(cast(io.RawIOBase, reader), _BUFFER)
    return plain


@cache
def _standard_input(plain: BinaryIO) -> io.BufferedReader:
    # Cached: sniffing looks at the first bytes, and the reader must see them again.
    return _unpacked(io.BufferedReader(cast(io.RawIOBase, plain), _BUFFER))


def sniff(stream: io.BufferedReader) -> str:
    """Guess the ending of a stream that has no name from how it opens."""
    head = stream.peek(4096)[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PAR1"):
        return ".parquet"
    if head.startswith(b"{"):
        return ".jsonl"
    if head.startswith(b"["):
        return ".json"
    if head.startswith((b"<?xml", b"<rss", b"<feed")):
        return ".xml"
    first = head.split(b"\n", 1)[0].lower().replace(b'"', b"").strip()
    if any(b"text" in first.split(comma) for comma in (b",", b"\t", b";")) and first != b"text":
        return ".csv"
    return ".txt"


def decode(data: bytes) -> str:
    """Decode UTF-8, or UTF-16 that says so with a byte-order mark.

    Raises
    ------
    ValueError
        Naming the first bad byte and its offset.
    """
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        bad = data[error.start : error.start + 1].hex()
        name = "UTF-16" if encoding == "utf-16" else "UTF-8"
        raise ValueError(f"not valid {name}: byte 0x{bad} at offset {error.start}") from None
