"""``/v1/stories``: stories with their members, filtered, sorted and paged."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from dedup.api import openapi
from dedup.api.access import need
from dedup.api.answers import answer
from dedup.api.context import Given, Lang, Limit, Moment, Policy, StoriesCursor, StoryId, known_parameters, service_of
from dedup.api.problems import Problem
from dedup.errors import InputError
from dedup.views import Page, Sort, StoryView

router = APIRouter(prefix="/v1", tags=["stories"], dependencies=[Depends(known_parameters), Depends(need("read"))])

Least = Annotated[int, Query(ge=1, le=1_000_000)]


@router.get(
    "/stories",
    response_model=Page[StoryView],
    summary="Stories by time, language, source, size and words",
    responses=openapi.problems(409, cached=True),
)
async def stories(
    request: Request,
    lang: Lang = None,
    source: Annotated[Given, Query(min_length=1, max_length=256, description="An outlet in the story.")] = None,
    since: Annotated[Moment | SkipJsonSchema[None], Query(description="Last article at or after this moment.")] = None,
    until: Annotated[Moment | SkipJsonSchema[None], Query(description="First article before this moment.")] = None,
    updated_since: Annotated[
        Moment | SkipJsonSchema[None], Query(description="Changed at or after this moment.")
    ] = None,
    min_articles: Annotated[Least, Query(description="At least this many articles.")] = 1,
    min_sources: Annotated[Least, Query(description="At least this many outlets.")] = 1,
    text: Annotated[Given, Query(min_length=1, max_length=500, description="Words in a title.")] = None,
    sort: Annotated[Sort, Query(description="Newest change, most articles, or newest story first.")] = "updated",
    cursor: StoriesCursor = None,
    limit: Limit = 50,
) -> Response:
    """One page; follow `next_cursor` until it is null."""
    try:
        page = await service_of(request).stories(
            lang=lang,
            source=source,
            since=since,
            until=until,
            updated_since=updated_since,
            min_articles=min_articles,
            min_sources=min_sources,
            text=text,
            sort=sort,
            cursor=cursor,
            limit=limit,
        )
    except InputError as error:
        raise Problem(409, "cursor", f"{error}: it belongs to a list in another order than {sort!r}") from None
    return answer(request, page)


@router.get(
    "/stories/{id}",
    response_model=StoryView,
    summary="A story, its members, its canonical and why",
    responses=openapi.problems(404, cached=True),
)
async def story(request: Request, id: StoryId, canonical_policy: Policy = None) -> Response:
    """The id of a merged story answers with the survivor and sets `redirected_from`."""
    view = await service_of(request).story(id, canonical_policy=canonical_policy)
    headers = {"content-location": f"/v1/stories/{view.id}"} if view.redirected_from else None
    return answer(request, view, headers=headers)
