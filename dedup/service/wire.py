"""JSON of queue messages, written by orjson and read by msgspec, which are several times faster than kombu's own code;
by that code where they differ.

What travels is plain JSON either way: any Celery client can send it, any can read it.  What :meth:`Service.push` sends
is compressed, as a header of the message says: a message passes through the broker's memory, its file and four sockets.
"""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import orjson
import zstandard
from kombu import compression, serialization
from kombu.utils import json

#: Name of the serialiser that writes; readers go by the content type, ``application/json``.
NAME = "dedup-json"
_register: Any = serialization.register
#: Name of the compression, as a message's header has it; of two zstd levels the faster, which leaves a tenth more.
ZSTD, _LEVEL = "application/zstd", 1
#: Bytes of the longest message that is decompressed.
LONGEST = 256 * 1024 * 1024
_contexts = threading.local()


def write(value: Any) -> bytes:
    """JSON of ``value``; dates and huge integers as kombu writes them, NaN and infinity as null."""
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS)
    except TypeError:
        written: str = json.dumps(value)
        return written.encode()


def read(data: Any) -> Any:
    """The value of ``data``; NaN, lone surrogates and kombu's typed objects are read as kombu does.

    Whole numbers of any size stay whole (orjson makes those beyond 64 bits floating-point numbers).

    Raises
    ------
    ValueError, RecursionError
        It is no JSON.
    """
    if isinstance(data, memoryview):
        data = data.tobytes()
    if (b"__type__" if isinstance(data, bytes) else "__type__") not in data:
        try:
            return msgspec.json.decode(data)
        except msgspec.DecodeError:
            pass
    return json.loads(data)


def compress(data: bytes) -> bytes:
    """A Zstandard frame that tells its size."""
    if not hasattr(_contexts, "compressor"):
        _contexts.compressor = zstandard.ZstdCompressor(_LEVEL)
    packed: bytes = _contexts.compressor.compress(data)
    return packed


def decompress(data: bytes) -> bytes:
    """What :func:`compress` was given.

    Raises
    ------
    ValueError
        It is no such frame, or says that it holds more than :data:`LONGEST` bytes.
    """
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= LONGEST:
            raise ValueError(f"a compressed message says its size, at most {LONGEST:,} bytes")
        return zstandard.ZstdDecompressor().decompress(data)
    except zstandard.ZstdError as error:
        raise ValueError(f"not what its header says, {ZSTD}: {error}") from None


def register_writer() -> None:
    """Make :data:`NAME` and :data:`ZSTD` known to kombu; how others' messages are read stays as it is."""
    compression.register(compress, decompress, ZSTD)
    _register(NAME, write, None, content_type="application/json", content_encoding="utf-8")
    serialization.registry.type_to_name["application/json"] = "json"


def register_reader() -> None:
    """Read every JSON message of this process with :func:`read`: for our own workers."""
    _register("json", write, read, content_type="application/json", content_encoding="utf-8")
