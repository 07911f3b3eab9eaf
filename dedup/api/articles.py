"""``/v1/articles``: articles in, and where each one belongs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request
from starlette.convertors import register_url_convertor
from starlette.responses import Response

from dedup.api import openapi
from dedup.api.access import need
from dedup.api.answers import answer, created
from dedup.api.body import read_articles
from dedup.api.context import ArticleId, ArticlePath, Policy, known_parameters, service_of, settings_of
from dedup.errors import NotFound
from dedup.views import ArticleView, DuplicateView, Rejection, Waited

register_url_convertor("article", ArticlePath())
router = APIRouter(prefix="/v1", tags=["articles"], dependencies=[Depends(known_parameters)])

#: Longest that a request may wait for its articles to become visible, in seconds.
MAX_WAIT = 60.0

State = Literal["pending", "assigned", "overtaken", "removed", "dead"]


@dataclass(frozen=True, slots=True)
class Accepted:
    """An article that was accepted: where to ask, and once its story is decided, which it is.

    While the request waited, a later version may have overtaken it (the story is then that version's), or somebody
    may have taken it down, or it may have become a dead letter.
    """

    id: str
    href: str
    state: State
    story_id: str | None = None


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """Answer to ``POST /v1/articles``: what was accepted, in order, and what was refused and why."""

    accepted: tuple[Accepted, ...]
    rejected: tuple[Rejection, ...]


@router.post(
    "/articles",
    status_code=202,
    response_model=PushAnswer,
    summary="Push one article, a list of them, or NDJSON",
    dependencies=[Depends(need("write"))],
    responses=openapi.problems(400, 413, 415, 507)
    | {200: {"model": PushAnswer, "description": "None is pending any more (only with `wait`)."}},
    openapi_extra=openapi.ARTICLES_BODY,
)
async def push(
    request: Request,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT, description="Seconds to wait until none is pending.")] = 0.0,
) -> Response:
    """Accepted articles are durable: they are in the queue when this answers.

    One bad article does not stop the others: it is listed under `rejected` with its place, field and reason.
    Pushing the same article again changes nothing; the same id with other content is a new revision.
    """
    articles, rejected = await read_articles(request, max_batch=settings_of(request).api.max_batch)
    service = service_of(request)
    receipt = await service.push(articles)
    waited = await service.wait(receipt.accepted, timeout=wait) if wait else Waited({}, pending=receipt.accepted)
    became = states(waited)
    accepted = tuple(Accepted(name, href(name), became[name], waited.get(name)) for name in receipt.accepted)
    return created(PushAnswer(accepted, (*rejected, *receipt.rejected)), 202 if waited.pending or not wait else 200)


def states(waited: Waited) -> dict[str, State]:
    """What became of each article waited for."""
    became: dict[str, State] = dict.fromkeys(waited.stories, "assigned")
    became |= dict.fromkeys(waited.overtaken, "overtaken")
    became |= dict.fromkeys(waited.removed, "removed")
    became |= dict.fromkeys(waited.dead, "dead")
    became |= dict.fromkeys(waited.pending, "pending")
    return became


@router.get(
    "/articles/{id:path}/duplicates",
    response_model=list[DuplicateView],
    summary="Articles of the same text",
    dependencies=[Depends(need("read"))],
    responses=openapi.problems(404, cached=True),
)
async def duplicates(request: Request, id: ArticleId) -> Response:
    """The other members of the article's duplicate group, each with its verified score."""
    return answer(request, await service_of(request).duplicates(id))


@router.get(
    "/articles/{id:article}",
    response_model=ArticleView,
    summary="An article and where it belongs",
    dependencies=[Depends(need("read"))],
    responses=openapi.problems(404, cached=True),
)
async def article(
    request: Request,
    id: ArticleId,
    canonical_policy: Policy = None,
    text: Annotated[bool, Query(description="Send the text too.")] = False,
) -> Response:
    """Relation, duplicate group, story, canonical, and the links with their evidence."""
    return answer(request, await service_of(request).article(id, canonical_policy=canonical_policy, text=text))


@router.delete(
    "/articles/{id:article}",
    status_code=204,
    summary="Take an article down",
    dependencies=[Depends(need("write"))],
    responses=openapi.problems(404),
)
async def delete(request: Request, id: ArticleId) -> Response:
    """Remove its text, index entries and membership; its story picks another canonical; the feed tells.

    Versions of it that were accepted before and still wait on the queue never appear, also when this answers 404
    because none has been admitted yet. Pushed again after this, the article comes back.
    """
    if not await service_of(request).delete(id):
        raise NotFound(f"no article {id!r}; if it waits on the queue, it will not appear")
    return Response(status_code=204)


def href(article_id: str) -> str:
    """Path at which to ask for an article."""
    return f"/v1/articles/{quote(article_id, safe='')}"
