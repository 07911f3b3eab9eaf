"""The page that tells how the service stands, with the dead letters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import RedirectResponse, Response

from dedup.api.access import Caller
from dedup.api.context import service_of
from dedup.api.pages.render import form, link, page
from dedup.api.pages.session import see

router = APIRouter()
_PAGE = 20


@router.get("/status")
async def status(
    request: Request,
    who: Annotated[Caller, Depends(see("read"))],
    cursor: Annotated[str, Query(max_length=512)] = "",
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Queue, rates, workers, memory, warnings; dead letters for those who may see them."""
    service = service_of(request)
    standing = await service.status()
    letters = await service.dead_letters(cursor=cursor or None, limit=_PAGE) if who.may("admin") else None
    more = link("/status", cursor=letters.next_cursor) if letters and letters.next_cursor else None
    return page(request, "status.html", standing=standing, letters=letters, more=more, done=done)


@router.post("/status/dead-letters")
async def dead_letters(request: Request, who: Annotated[Caller, Depends(see("admin"))]) -> Response:
    """Retry or throw away one dead letter, or all."""
    fields = await form(request)
    service = service_of(request)
    ids = None if fields.get("id", "") == "*" else [fields.get("id", "")]
    if fields.get("action") == "purge":
        count = await service.purge_dead(ids)
        return RedirectResponse(link("/status", done=f"purged-{count}") + "#dead", 303)
    count = await service.retry_dead(ids)
    return RedirectResponse(link("/status", done=f"retried-{count}") + "#dead", 303)
