"""``/v1/match`` and ``/v1/compare``: questions about texts, which store nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dedup.api import openapi
from dedup.api.access import need
from dedup.api.answers import answer, created
from dedup.api.body import read_article
from dedup.api.context import known_parameters, service_of
from dedup.article import MAX_ID
from dedup.views import Evidence, MatchView

router = APIRouter(prefix="/v1", tags=["match"], dependencies=[Depends(known_parameters), Depends(need("read"))])


@router.post(
    "/match",
    response_model=MatchView,
    summary="Have we got this article?",
    responses=openapi.problems(400, 413, 415),
    openapi_extra=openapi.ARTICLE_BODY,
)
async def match(request: Request) -> Response:
    """Articles of the same text, the story it would join, and how probably; nothing is stored."""
    return created(await service_of(request).match(await read_article(request)))


@router.get(
    "/compare",
    response_model=Evidence,
    summary="Why two articles are, or are not, linked",
    responses=openapi.problems(404, cached=True),
)
async def compare(
    request: Request,
    a: Annotated[str, Query(min_length=1, max_length=MAX_ID, description="Id of one article.", examples=["000"])],
    b: Annotated[str, Query(min_length=1, max_length=MAX_ID, description="Id of the other.", examples=["004"])],
) -> Response:
    """Scores, shared names, agreeing and conflicting anchors, shared passages, the pair model's terms."""
    return answer(request, await service_of(request).compare(a, b))
