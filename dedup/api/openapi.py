"""The OpenAPI document: what FastAPI cannot read off the code by itself.

Bodies of articles are checked by :class:`dedup.Article`, the one place that knows what an article is, and not by
a second model here; this file tells the document about it, from the same limits.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from dedup.api.body import MAX_EXACT
from dedup.api.problems import MEDIA_TYPE
from dedup.article import MAX_ID, MAX_SOURCE, MAX_TEXT, MAX_TITLE, MAX_URL

_REASONS = {
    400: "The body is not JSON.",
    401: "No API key, or one that is not known or was revoked.",
    403: "The key lacks the scope, or a page of another site asked.",
    404: "There is none of that id.",
    409: "The cursor belongs to a list in another order.",
    413: "The body or the batch is too large.",
    415: "The body's media type is not understood.",
    421: "This host name is not served.",
    422: "A parameter or a field is not valid; `errors` names it.",
    429: "Too many requests for this key; see `Retry-After`.",
    503: "The store or the queue cannot take this now; see `Retry-After`.",
    507: "The store has no room left.",
}
#: Refusals that every route can answer with.
_EVERYWHERE = (401, 403, 421, 422, 429, 503)

_EXAMPLE = {
    "id": "vnp-402099",
    "title": "Nâng cao hiệu quả đối ngoại địa phương",
    "text": "Ngày 21/8, tại Hà Nội, Bộ Ngoại giao đã tổ chức Hội nghị Ngoại vụ toàn quốc lần thứ 18.",
    "url": "https://www.vietnamplus.vn/402099.vnp",
    "published_at": "2015-08-21T09:30:00+07:00",
}


def _string(description: str, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": description, **more}


#: An empty string is the same as nothing.
_URL = r"^(https?://[a-z0-9.-]+(/[!-~]*)?)?$"
_LANG = r"^([a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*)?$"
#: White space as Python knows it, and controls: regular expressions of JSON Schema (ECMA-262) mean others by ``\\s``.
_BLANK = r"\x00-\x20\x7f\x85\xa0" + "\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_MOMENT = [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}, {"enum": ["", None]}]
_ARTICLE: dict[str, Any] = {
    "type": "object",
    "title": "Article",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {
        "text": {"type": "string", "description": "The body.", "maxLength": MAX_TEXT, "pattern": f"[^{_BLANK}]"},
        "id": {
            "type": ["string", "integer", "null"],
            "description": "The caller's id; derived when missing.",
            "maxLength": MAX_ID,
            "pattern": f"^[^{_BLANK}]*$",
            "minimum": -MAX_EXACT,
            "maximum": MAX_EXACT,
        },
        "title": _string("The headline.", maxLength=MAX_TITLE),
        "url": _string("Where it was published; http or https.", maxLength=MAX_URL, pattern=_URL),
        "source": _string("The outlet; the URL's host when missing.", maxLength=MAX_SOURCE),
        "published_at": {"anyOf": _MOMENT, "description": "ISO 8601; without a zone it is UTC."},
        "lang": _string("BCP 47 tag; detected when missing.", maxLength=35, pattern=_LANG),
        "metadata": {"type": ["object", "null"], "description": "Anything; kept, never interpreted."},
    },
    "examples": [_EXAMPLE],
}
_REF = {"$ref": "#/components/schemas/ArticleIn"}
ARTICLE_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {"application/json": {"schema": _REF}}}}
ARTICLES_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"anyOf": [_REF, {"type": "array", "items": _REF, "minItems": 1}]}},
            "application/x-ndjson": {"schema": {"type": "string", "description": "One article a line."}},
        },
    }
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457.",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["urn:story-dedup:problem:not-found"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what would be right."},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Rejection"}},
    },
}


def problems(*statuses: int, cached: bool = False) -> dict[int | str, dict[str, Any]]:
    """Responses of a route that refuse, for FastAPI's ``responses``; ``cached`` routes can answer 304 too."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    out: dict[int | str, dict[str, Any]] = {}
    if cached:
        out[304] = {"description": "The caller's copy, named by `If-None-Match`, is current."}
    for status in sorted({*_EVERYWHERE, *statuses}):
        out[status] = {"description": _REASONS[status], "content": content}
    return out


class Documented(FastAPI):
    """An application whose document is finished: the records of ours in it, and who may do what."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made at the first call."""
        if self.openapi_schema is None:
            tree = super().openapi()
            schemas = tree.setdefault("components", {}).setdefault("schemas", {})
            schemas |= {"ArticleIn": _ARTICLE, "Problem": _PROBLEM}
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            tree["components"]["securitySchemes"] = {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key: `dk_…`."},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            }
            open_paths = ("/healthz", "/readyz")
            required = self.state.gate_required
            for path, operations in tree["paths"].items():
                for operation in operations.values():
                    if required and path not in open_paths:
                        operation["security"] = [{"bearer": []}, {"header": []}]
            self.openapi_schema = tree
        return self.openapi_schema
