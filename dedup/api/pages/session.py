"""Who looks at the pages: signing in with an API key where keys are required."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from dedup.api.access import SESSION_COOKIE, SESSION_SECONDS, Caller, Gate, presented_key
from dedup.api.pages.render import form, page
from dedup.api.problems import Problem

router = APIRouter()


def see(scope: str) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """Dependency of a page: a caller with ``scope``, by session or by key; others are led to the sign-in page."""

    async def check(request: Request) -> Caller:
        gate: Gate = request.app.state.gate
        caller: Caller | None
        key = presented_key(request)
        token = request.cookies.get(SESSION_COOKIE)
        if key is None and gate.required:
            caller = await gate.resume(token) if token else None
        else:
            caller = await gate.admit(key)
        if caller is None:
            target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            target = target if request.method == "GET" else "/"
            raise Problem(
                303, "sign-in", "sign in first", headers={"Location": f"/sign-in?{urlencode({'next': target})}"}
            )
        request.state.who = caller
        caller.must(scope)
        return caller

    return check


@router.get("/sign-in")
async def sign_in_page(request: Request, next: str = "/") -> Response:
    """Ask for a key."""
    return page(request, "sign_in.html", next=_local(next), fault=None)


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Open a session for a good key."""
    fields = await form(request)
    target = _local(fields.get("next", "/"))
    gate: Gate = request.app.state.gate
    try:
        token = await gate.open_session(fields.get("key", "").strip())
    except Problem as problem:
        return page(request, "sign_in.html", problem.status, next=target, fault=problem.detail)
    response = RedirectResponse(target, 303)
    secure = request.url.scheme == "https"
    response.set_cookie(SESSION_COOKIE, token, max_age=SESSION_SECONDS, httponly=True, samesite="strict", secure=secure)
    return response


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    await form(request)
    gate: Gate = request.app.state.gate
    if token := request.cookies.get(SESSION_COOKIE):
        await gate.close_session(token)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _local(target: str) -> str:
    """``target`` when it is a path of this site, else the front page: no open redirect."""
    good = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable()
    return target if good and "\\" not in target else "/"
