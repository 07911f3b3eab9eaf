"""Errors as ``application/problem+json`` (RFC 9457), each naming the field at fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from dedup import errors
from dedup.views import Rejection, to_json

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """A refusal on its way to the caller.

    Parameters
    ----------
    status:
        HTTP status code.
    kind:
        Short stable name, the end of the problem's ``type``, such as ``"not-found"``.
    detail:
        One sentence for a person: what is wrong and what would be right.
    errors:
        The fields at fault, one record each.
    headers:
        Further headers, such as ``Retry-After``.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Rejection] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})

    def document(self, instance: str | None = None) -> dict[str, Any]:
        """Return the members of RFC 9457, section 3.1, and ``errors`` when fields are at fault."""
        out: dict[str, Any] = {
            "type": f"urn:story-dedup:problem:{self.kind}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if instance:
            out["instance"] = instance
        if self.errors:
            out["errors"] = to_json(self.errors)
        return out

    def response(self, instance: str | None = None) -> Response:
        """Return the answer."""
        body = orjson.dumps(self.document(instance))
        return Response(body, self.status, headers=self.headers, media_type=MEDIA_TYPE)


#: The errors of the rooms below, as refusals: status and kind.  The first that fits is taken.
_STATUS: tuple[tuple[type[errors.DedupError], int, str], ...] = (
    (errors.ArticleError, 422, "article"),
    (errors.InputError, 422, "input"),
    (errors.NotFound, 404, "not-found"),
    (errors.StoreFull, 507, "store-full"),
    (errors.Backpressure, 503, "queue-full"),
    (errors.StoreUnavailable, 503, "store-unavailable"),
    (errors.StoreRefused, 503, "store-refused"),
)
#: Seconds after which a refusal that passes by itself is worth another try.
_RETRY_AFTER = "5"


#: What a caller is told of a fault of ours: nothing that helps an attacker.
UNFORESEEN = Problem(500, "internal", "an unforeseen fault; the log has the details")


def problem_of(error: errors.DedupError) -> Problem:
    """Translate an error of the rooms below."""
    fitting = ((status, name) for kind, status, name in _STATUS if isinstance(error, kind))
    status, name = next(fitting, (500, "internal"))
    fields: tuple[Rejection, ...] = ()
    if isinstance(error, errors.ArticleError):
        fields = (Rejection(error.origin or "body", error.field, error.reason),)
    headers = {"Retry-After": _RETRY_AFTER} if status == 503 else None
    return Problem(status, name, str(error), errors=fields, headers=headers)
