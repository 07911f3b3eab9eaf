"""Errors as ``application/problem+json`` (RFC 9457), each naming the field at fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from dedup import errors
from dedup.views import Rejection, to_json

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger("dedup.api")


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


def install(app: FastAPI) -> None:
    """Let ``app`` answer every error as a problem document; pages under ``/`` show the same words as HTML."""

    async def refuse(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return _answer(request, error)

    async def translate(request: Request, error: Exception) -> Response:
        assert isinstance(error, errors.DedupError)
        problem = problem_of(error)
        if problem.status >= 500:
            log.warning("%s %s: %s", request.method, request.url.path, error)
        if problem.status == 500:
            problem = UNFORESEEN
        return _answer(request, problem)

    async def validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        faults = [_fault(item) for item in error.errors()]
        detail = "; ".join(f"{fault.field}: {fault.reason}" for fault in faults[:3])
        return _answer(request, Problem(422, "parameter", detail, errors=faults))

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        headers = dict(error.headers or {})
        if error.status_code == 405:
            headers["Allow"] = ", ".join(_methods(app, request))
            return _answer(request, Problem(405, "method", f"this resource takes {headers['Allow']}", headers=headers))
        kind = "not-found" if error.status_code == 404 else "http"
        detail = "nothing is here; see /docs for what is" if error.status_code == 404 else str(error.detail)
        return _answer(request, Problem(error.status_code, kind, detail, headers=headers))

    app.add_exception_handler(Problem, refuse)
    app.add_exception_handler(errors.DedupError, translate)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(HTTPException, http)


def _answer(request: Request, problem: Problem) -> Response:
    path = request.url.path
    if not path.startswith("/v1/") and "text/html" in request.headers.get("accept", ""):
        from dedup.api.pages.render import error_page

        return error_page(request, problem)
    return problem.response(path)


def _fault(item: Mapping[str, Any]) -> Rejection:
    place, *path = (str(part) for part in item["loc"])
    return Rejection(place, ".".join(path) or None, str(item["msg"]))


def _methods(app: FastAPI, request: Request) -> list[str]:
    """Methods that some route takes at this path; RFC 9110, section 10.2.1, wants them all."""
    found: set[str] = set()
    for route in app.state.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return sorted(found)
