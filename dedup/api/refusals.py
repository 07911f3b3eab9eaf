"""Every error becomes an answer: a problem document for programs, the same words as a page for people."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from dedup import errors
from dedup.api.pages.render import error_page
from dedup.api.problems import UNFORESEEN, Problem, problem_of
from dedup.views import Rejection

log = logging.getLogger("dedup.api")


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
