"""Request bodies: the JSON and NDJSON forms in which articles arrive."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Request

from dedup.api.problems import Problem
from dedup.article import Article
from dedup.errors import ArticleError
from dedup.views import Rejection

JSON = "application/json"
#: Largest whole number that every JSON reader keeps exactly (RFC 8259, section 6).
MAX_EXACT = 2**53 - 1
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")


async def read_articles(request: Request, *, max_batch: int) -> tuple[list[Article], list[Rejection]]:
    """Read one article, a list of them, or NDJSON.

    Returns
    -------
    articles, rejected:
        The valid articles in order, and what was refused, with its place: ``article 3`` of a list, ``line 3``
        of NDJSON, ``body`` of a single one.

    Raises
    ------
    Problem
        415 for other media types, 400 for JSON that cannot be read, 413 for more than ``max_batch`` articles,
        422 when not one of them is valid.
    """
    kind = media_type(request)
    data = await request.body()
    if kind in NDJSON:
        raw = [(f"line {number}", line) for number, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    else:
        value = load_json(kind, data)
        raw = (
            [(f"article {number}", item) for number, item in enumerate(value, 1)]
            if isinstance(value, list)
            else [("body", value)]
        )
    if len(raw) > max_batch:
        raise Problem(413, "batch", f"{len(raw):,} articles in one request; at most {max_batch:,} are accepted")
    articles: list[Article] = []
    rejected: list[Rejection] = []
    for place, item in raw:
        try:
            articles.append(_article(orjson.loads(item) if isinstance(item, bytes) else item))
        except orjson.JSONDecodeError as error:
            rejected.append(Rejection(place, None, f"not JSON: {error}"))
        except ArticleError as error:
            rejected.append(Rejection(place, error.field, error.reason))
    if not articles:
        raise _nothing(rejected)
    return articles, rejected


async def read_article(request: Request) -> Article:
    """Read one article, to be matched and not stored.

    Raises
    ------
    Problem, ArticleError
        As :func:`read_articles`.
    """
    return _article(load_json(media_type(request), await request.body()))


def media_type(request: Request) -> str:
    """Media type of the request without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def load_json(kind: str, data: bytes) -> Any:
    """Parse a JSON body (RFC 8259: UTF-8, no NaN, no lone surrogate)."""
    if kind != JSON:
        given = f"{kind!r}" if kind else "no media type"
        raise Problem(415, "media-type", f"got {given}; send {JSON} (articles: or {NDJSON[0]})")
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        fault = Rejection(f"body, line {error.lineno}, column {error.colno}", None, error.msg)
        raise Problem(400, "json", f"the body is not JSON: {error}", errors=[fault]) from None


def _article(raw: Any) -> Article:
    """Build an article; an id may be a number as long as JSON keeps it exactly."""
    number = raw.get("id") if isinstance(raw, dict) else None
    if isinstance(number, int | float) and not isinstance(number, bool):
        if number != number // 1 or abs(number) > MAX_EXACT:
            raise ArticleError("a number that JSON does not keep exactly; send it as a string", field="id")
        raw = raw | {"id": str(int(number))}
    return Article.from_dict(raw)


def _nothing(rejected: list[Rejection]) -> Problem:
    if not rejected:
        return Problem(422, "article", "no article in the body", errors=[Rejection("body", None, "empty")])
    first = rejected[0]
    field = f"{first.field}: " if first.field else ""
    more = f"; and {len(rejected) - 1} more" if len(rejected) > 1 else ""
    return Problem(422, "article", f"{first.origin}: {field}{first.reason}{more}", errors=rejected)
