"""JSON of queue messages, written by orjson and read by msgspec, which are several times faster than kombu's own code;
by that code where they differ.

What travels is plain JSON either way: any Celery client can send it, any can read it.
"""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
from kombu import serialization
from kombu.utils import json

#: Name of the serialiser that writes; readers go by the content type, ``application/json``.
NAME = "dedup-json"
_register: Any = serialization.register


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


def register_writer() -> None:
    """Make the serialiser :data:`NAME` known to kombu; how others' messages are read stays as it is."""
    _register(NAME, write, None, content_type="application/json", content_encoding="utf-8")
    serialization.registry.type_to_name["application/json"] = "json"


def register_reader() -> None:
    """Read every JSON message of this process with :func:`read`: for our own workers."""
    _register("json", write, read, content_type="application/json", content_encoding="utf-8")
