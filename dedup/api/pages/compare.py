"""The page that sets two articles side by side."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dedup.api.access import Caller
from dedup.api.context import service_of
from dedup.api.pages.passages import Comparison, compare_texts
from dedup.api.pages.render import page
from dedup.api.pages.session import see
from dedup.article import MAX_ID
from dedup.errors import NotFound
from dedup.views import ArticleView, Evidence

router = APIRouter()
Id = Annotated[str, Query(max_length=MAX_ID)]


@router.get("/compare")
async def compare(request: Request, who: Annotated[Caller, Depends(see("read"))], a: Id = "", b: Id = "") -> Response:
    """Shared passages, differing words, anchors that agree and conflict, and the pair model's terms."""
    a, b = a.strip(), b.strip()
    if not a or not b:
        return page(request, "compare.html", a=a, b=b, pair=None, fault=None)
    service = service_of(request)
    try:
        left, right, evidence = await asyncio.gather(
            service.article(a, text=True), service.article(b, text=True), service.compare(a, b)
        )
    except NotFound as error:
        return page(request, "compare.html", 404, a=a, b=b, pair=None, fault=str(error))
    marked = await asyncio.to_thread(compare_texts, left.text or "", right.text or "")
    return page(request, "compare.html", a=a, b=b, fault=None, pair=_pair(left, right, evidence, marked))


def _pair(left: ArticleView, right: ArticleView, evidence: Evidence, marked: Comparison) -> dict[str, object]:
    terms = sorted(evidence.terms.items(), key=lambda item: -abs(item[1]))
    return {
        "left": left,
        "right": right,
        "evidence": evidence,
        "marked": marked,
        "terms": terms[:14],
        "largest": max((abs(value) for _, value in terms), default=0.0),
        "same_story": left.story_id is not None and left.story_id == right.story_id,
        "same_group": left.duplicate_group_id is not None and left.duplicate_group_id == right.duplicate_group_id,
    }
