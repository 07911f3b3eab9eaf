"""The page that answers "have we got this?"."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from dedup.api.access import Caller
from dedup.api.context import service_of
from dedup.api.pages.render import form, page
from dedup.api.pages.session import see
from dedup.article import Article
from dedup.errors import ArticleError, NotFound
from dedup.views import ArticleView

router = APIRouter()
Reader = Annotated[Caller, Depends(see("read"))]


@router.get("/match")
async def ask(request: Request, who: Reader) -> Response:
    """Show the empty form."""
    return page(request, "match.html", title="", text="", answer=None, fault=None, story=None, others={})


@router.post("/match")
async def match(request: Request, who: Reader) -> Response:
    """Match what was pasted; nothing is stored."""
    fields = await form(request)
    title, text = fields.get("title", ""), fields.get("text", "")
    try:
        article = Article(title=title or None, text=text)
    except ArticleError as error:
        return page(
            request, "match.html", 422, title=title, text=text, answer=None, fault=str(error), story=None, others={}
        )
    service = service_of(request)
    answer = await service.match(article)
    story = await service.story(answer.story_id) if answer.story_id else None
    ids = dict.fromkeys([link.other_id for link in answer.nearest])
    found = await asyncio.gather(*(_article(request, item) for item in ids))
    others = {item.id: item for item in found if item is not None}
    return page(request, "match.html", title=title, text=text, answer=answer, fault=None, story=story, others=others)


async def _article(request: Request, article_id: str) -> ArticleView | None:
    try:
        return await service_of(request).article(article_id)
    except NotFound:
        return None
