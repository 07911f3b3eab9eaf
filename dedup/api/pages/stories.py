"""The front page (stories) and the page of one story."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from dedup.api.access import Caller
from dedup.api.context import parse_moment, service_of
from dedup.api.pages.render import link, page
from dedup.api.pages.session import see
from dedup.errors import ArticleError, InputError, NotFound
from dedup.settings import CanonicalPolicy
from dedup.views import Member, Sort, StoryView

router = APIRouter()

_PAGE = 25
#: Texts of a story that the similarity chart compares two by two.
_COMPARED = 12
_POLICIES = get_args(CanonicalPolicy)
Text = Annotated[str, Query(max_length=512)]
Reader = Annotated[Caller, Depends(see("read"))]


@dataclass(frozen=True, slots=True)
class Version:
    """The articles of a story that hold one text: a duplicate group."""

    id: str
    first: Member
    members: tuple[Member, ...]


@router.get("/")
async def front(
    request: Request,
    who: Reader,
    text: Text = "",
    source: Text = "",
    lang: Text = "",
    since: Text = "",
    until: Text = "",
    least: Text = "",
    outlets: Text = "",
    sort: Text = "updated",
    cursor: Text = "",
) -> Response:
    """Stories, newest change first, with search and filters; an empty field filters nothing."""
    filters = {"text": text.strip(), "source": source.strip(), "lang": lang.strip(), "since": since, "until": until}
    filters |= {"least": least.strip(), "outlets": outlets.strip(), "sort": sort}
    fault: str | None = None
    older: str | None = None
    found: tuple[StoryView, ...] = ()
    leads: dict[str, str] = {}
    service = service_of(request)
    try:
        answer = await service.stories(
            lang=filters["lang"] or None, source=filters["source"] or None, text=filters["text"] or None,
            since=_day(since, "from"), until=_day(until, "to"), min_articles=_count(least, "articles"),
            min_sources=_count(outlets, "outlets"), sort=_sort(sort), cursor=cursor or None, limit=_PAGE,
        )  # fmt: skip
        found = answer.items
        texts = await asyncio.gather(*(_lead(request, item) for item in found))
        leads = {item.id: text for item, text in zip(found, texts, strict=True)}
        older = link("/", **filters, cursor=answer.next_cursor) if answer.next_cursor else None
    except (InputError, ArticleError) as error:
        fault = str(error)
    filtered = any(value for name, value in filters.items() if name != "sort")
    status = 422 if fault else 200
    return page(
        request, "stories.html", status, stories=found, leads=leads, filters=filters, older=older, fault=fault,
        filtered=filtered, first=not cursor,
    )  # fmt: skip


@router.get("/stories/{id}")
async def story(request: Request, who: Reader, id: str, policy: Text = "") -> Response:
    """One story: the canonical and why, its texts, its reports over time, how like they are, its history."""
    chosen: Any = policy if policy in _POLICIES else None
    view = await service_of(request).story(id, canonical_policy=chosen)
    versions = _versions(view)
    names, scores = await _similarities(request, versions)
    reports = [
        (item.source or "no outlet", item.published_at, item.title or item.id, item.is_canonical)
        for item in view.members
        if item.published_at
    ]
    canonical = next((item for item in view.members if item.id == view.canonical_id), None)
    return page(
        request,
        "story.html",
        story=view,
        versions=versions,
        canonical=canonical,
        components=_components(view),
        by_id={item.id: item for item in view.members},
        policies=_POLICIES,
        policy=chosen or "",
        reports=reports,
        names=names,
        scores=scores,
    )


@router.get("/articles/{id:path}")
async def article(request: Request, who: Reader, id: str) -> Response:
    """One article: its text, and its place in its story."""
    return page(request, "article.html", article=await service_of(request).article(id, text=True))


async def _lead(request: Request, story: StoryView) -> str:
    """The beginning of the article that stands for a story."""
    try:
        article = await service_of(request).article(story.canonical_id, text=True)
    except NotFound:  # taken down between the list and here
        return ""
    return " ".join((article.text or "")[:500].split())


def _versions(story: StoryView) -> list[Version]:
    groups: dict[str, list[Member]] = {}
    for member in story.members:
        groups.setdefault(member.duplicate_group_id, []).append(member)
    found = [
        Version(key, next((item for item in members if item.is_canonical), members[0]), tuple(members))
        for key, members in groups.items()
    ]
    return sorted(found, key=lambda item: not item.first.is_canonical)


async def _similarities(request: Request, versions: list[Version]) -> tuple[list[str], dict[tuple[int, int], float]]:
    """Probability of each two texts of a story, of the first so many."""
    shown = [item.first.id for item in versions[:_COMPARED]]
    pairs = [(i, j) for i in range(len(shown)) for j in range(i)]
    service = service_of(request)
    answers = await asyncio.gather(*(service.compare(shown[i], shown[j]) for i, j in pairs), return_exceptions=True)
    scores = {}
    for pair, answer in zip(pairs, answers, strict=True):
        if not isinstance(answer, BaseException) and answer.probability is not None:
            scores[pair] = answer.probability
    return shown, scores


def _components(story: StoryView) -> list[str]:
    """Names of the canonical rule's components, in the order of the first member's."""
    return list(dict.fromkeys(name for score in story.canonical for name in score.components))


def _day(value: str, name: str) -> datetime | None:
    try:
        return parse_moment(value.strip() or None)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from None


def _count(value: str, name: str) -> int:
    value = value.strip()
    if not value:
        return 1
    if not value.isdecimal() or not 1 <= int(value) <= 1_000_000:
        raise InputError(f"{name}: {value[:20]!r} is not a number from 1 on")
    return int(value)


def _sort(value: str) -> Any:
    return value if value in get_args(Sort) else "updated"
