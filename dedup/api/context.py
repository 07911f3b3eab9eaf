"""What every route needs at hand: the service, the settings, and the shapes of common parameters."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Header, Path, Query, Request
from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema
from starlette.convertors import StringConvertor

from dedup.api.problems import Problem
from dedup.article import MAX_ID
from dedup.settings import CanonicalPolicy, Settings
from dedup.views import Rejection

if TYPE_CHECKING:
    from dedup.service.aio import AsyncService


class ArticlePath(StringConvertor):
    """An article's id in a path: slashes are part of it, the name of what hangs below an article is not."""

    regex = "(?:(?!/duplicates$).)+"


def service_of(request: Request) -> AsyncService:
    """Return the service that answers."""
    service: AsyncService = request.app.state.service
    return service


def settings_of(request: Request) -> Settings:
    """Return the settings of this process."""
    settings: Settings = request.app.state.settings
    return settings


async def known_parameters(request: Request) -> None:
    """Refuse a query parameter that the route does not have, so that a misspelt filter is not lost in silence."""
    route = request.scope["route"]
    known = getattr(route, "known_parameters", None)
    if known is None:
        known = route.known_parameters = frozenset(_names(route.dependant))
    for name in request.query_params:
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            fault = Rejection("query", name[:80], "unknown parameter")
            raise Problem(422, "parameter", f"{name[:80]!r} is no parameter here; known are: {listed}", errors=[fault])


def _names(dependant: Any) -> list[str]:
    names = [item.alias for item in dependant.query_params]
    return names + [name for inner in dependant.dependencies for name in _names(inner)]


def parse_moment(value: object) -> datetime | None:
    """Read ISO 8601: a date, or a date and time; without a zone it is UTC."""
    if value is None or isinstance(value, datetime):
        return value
    text = str(value)
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC)
        if len(text) < 16 or text[10] not in "Tt ":
            raise ValueError
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected a date or time in ISO 8601, such as 2015-08-21T09:30:00+07:00") from None


_MOMENT_SCHEMA = {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "string", "format": "date"}]}
Moment = Annotated[datetime, BeforeValidator(parse_moment), WithJsonSchema(_MOMENT_SCHEMA)]
#: A text parameter that may be left out, but is not sent as null: a query cannot say null.
Given = str | SkipJsonSchema[None]
_ID_MEANING = "The article's id, percent-encoded; it may hold slashes, but not end in /duplicates."
ArticleId = Annotated[str, Path(max_length=MAX_ID, description=_ID_MEANING, examples=["004"])]
StoryId = Annotated[str, Path(max_length=MAX_ID, description="The story's id; ids of merged stories resolve for ever.")]
LetterId = Annotated[str, Path(max_length=MAX_ID, description="The dead letter's id, as the list says it.")]
Policy = Annotated[
    CanonicalPolicy | None, Query(description="Rank the canonical by this policy instead of the story's own.")
]
_CURSOR = "`next_cursor` of the page before, unchanged."
_StoriesPlace = Annotated[str, Field(pattern=r"^[012]\.[0-9]{1,18}\.[0-9]{1,12}$")]
_FeedPlace = Annotated[str, Field(pattern=r"^(0|[0-9]{1,18}-[0-9]{1,18})$")]
_DeadPlace = Annotated[str, Field(pattern=r"^[0-9]{1,9}$")]
_Lang = Annotated[str, Field(pattern="^[a-z]{2,3}$")]
StoriesCursor = Annotated[_StoriesPlace | SkipJsonSchema[None], Query(description=_CURSOR)]
ChangesCursor = Annotated[_FeedPlace | SkipJsonSchema[None], Query(description="`cursor` of the last change seen.")]
LastEventId = Annotated[_FeedPlace | SkipJsonSchema[None], Header(description="Where a stream resumes.")]
DeadCursor = Annotated[_DeadPlace | SkipJsonSchema[None], Query(description=_CURSOR)]
Lang = Annotated[_Lang | SkipJsonSchema[None], Query(description="Language, such as vi.")]
Limit = Annotated[int, Query(ge=1, le=500, description="Most items on the page.")]
