"""Answers: records to JSON bytes, with an entity tag so that an unchanged one costs no body."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response


def encode(record: Any) -> bytes:
    """Turn a record of :mod:`dedup.views`, or a container of them, into JSON (UTF-8)."""
    return orjson.dumps(record, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def answer(request: Request, record: Any, *, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a GET with ``record``, or with 304 when the caller's copy is current (RFC 9110, section 13)."""
    body = encode(record)
    tag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    fixed = {"etag": tag, "cache-control": "private, no-cache", **(headers or {})}
    if _matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=fixed)
    return Response(body, media_type="application/json", headers=fixed)


def created(record: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Response:
    """Answer a POST or DELETE with ``record``; never cached."""
    fixed = {"cache-control": "no-store", **(headers or {})}
    return Response(encode(record), status, media_type="application/json", headers=fixed)


def _matches(header: str | None, tag: str) -> bool:
    if header is None:
        return False
    given = (item.strip().removeprefix("W/") for item in header.split(","))
    return any(item in ("*", tag) for item in given)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
