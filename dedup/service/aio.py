"""The façade for asyncio: the same questions, the same answers, on an asynchronous connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from dedup.article import Article
from dedup.service import listing
from dedup.service.facade import Progress, Service
from dedup.service.listing import Filters, Which
from dedup.service.waiting import Wait, pause
from dedup.settings import CanonicalPolicy, Settings
from dedup.store import deadletters, feed
from dedup.store.connection import AsyncConnection
from dedup.views import (
    ArticleView,
    Change,
    DeadLetter,
    DuplicateView,
    Evidence,
    MatchView,
    Page,
    Receipt,
    Sort,
    StatusView,
    StoryView,
    Waited,
)


class AsyncService:
    """:class:`dedup.service.Service` for asyncio; use :meth:`open`.

    Questions that only read the store run on the event loop; what computes or talks to the
    queue runs in a thread.

    Attributes
    ----------
    redis:
        The asynchronous Redis client, for what the web keeps beside the index (keys, rate limits).
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.settings = service.settings
        self.reader = service.reader
        embedded = service.connection.embedded
        self.connection = AsyncConnection(
            service.connection.url,
            cluster=service.settings.store.cluster,
            ensure=embedded.ensure if embedded is not None else None,
        )
        self.redis: Any = self.connection.client

    @classmethod
    async def open(cls, url: str | None = None, *, settings: Settings | None = None) -> AsyncService:
        """Open the service on a store; see :meth:`dedup.service.Service.open`."""
        return cls(await asyncio.to_thread(Service.open, url, settings=settings))

    async def close(self) -> None:
        """Close the connections."""
        await self.connection.aclose()
        await asyncio.to_thread(self.service.close)

    async def __aenter__(self) -> AsyncService:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def push(self, articles: Iterable[Article | Mapping[str, Any]], *, wait: bool | float = False) -> Receipt:
        """Put articles on the queue; see :meth:`dedup.service.Service.push`."""
        return await asyncio.to_thread(self.service.push, list(articles), wait=wait)

    async def wait(self, ids: Iterable[str], timeout: float = 600.0, progress: Progress | None = None) -> Waited:
        """Wait until articles have their story, or it is known why they will not; see :meth:`Service.wait`."""
        deadline = time.monotonic() + timeout
        wait = Wait.of(ids, self.service.pushed)
        seen = time.monotonic()
        while True:
            late = time.monotonic() > deadline
            new = await self.connection.run(wait.look(thorough=late))
            if progress is not None and new:
                progress(new)
            if not wait.pending or late:
                return wait.result()
            now = time.monotonic()
            seen = now if new else seen
            await asyncio.sleep(min(pause(now - seen), max(0.0, deadline - now)))

    async def article(
        self, article_id: str, *, canonical_policy: CanonicalPolicy | None = None, text: bool = False
    ) -> ArticleView:
        """One article and where it belongs."""
        return await self.connection.run(self.reader.article(article_id, canonical_policy=canonical_policy, text=text))

    async def duplicates(self, article_id: str) -> tuple[DuplicateView, ...]:
        """The other articles of the same text."""
        return await self.connection.run(self.reader.duplicates(article_id))

    async def story(self, story_id: str, *, canonical_policy: CanonicalPolicy | None = None) -> StoryView:
        """One story; an id that was merged answers with the survivor."""
        return await self.connection.run(self.reader.story(story_id, canonical_policy=canonical_policy))

    async def stories(
        self, *, sort: Sort = "updated", cursor: str | None = None, limit: int = 50, **which: Unpack[Which]
    ) -> Page[StoryView]:
        """A page of stories; ``which`` are the filters of :class:`~dedup.service.listing.Filters`, all optional."""
        plan = listing.stories(self.reader, Filters(**which), sort=sort, cursor=cursor, limit=limit)
        return await self.connection.run(plan)

    async def compare(self, a: str, b: str) -> Evidence:
        """Why two articles are, or are not, together."""
        return await asyncio.to_thread(self.service.compare, a, b)

    async def match(self, article: Article | Mapping[str, Any]) -> MatchView:
        """Have we got this?  Nothing is stored."""
        return await asyncio.to_thread(self.service.match, article)

    async def delete(self, article_id: str) -> bool:
        """Take an article down; return whether there was one."""
        return await asyncio.to_thread(self.service.delete, article_id)

    async def changes(self, cursor: str | None = None, limit: int = 100, block: float | None = None) -> Page[Change]:
        """Events after ``cursor``, oldest first; wait up to ``block`` seconds for the first."""
        deadline = time.monotonic() + (block or 0.0)
        while True:
            page = await self.connection.run(feed.read(cursor, limit=limit))
            if page.items or time.monotonic() >= deadline:
                return page
            await asyncio.sleep(0.05)

    async def dead_letters(self, cursor: str | None = None, limit: int = 50) -> Page[DeadLetter]:
        """Dead letters, the newest first."""
        return await self.connection.run(deadletters.read(cursor, limit=limit))

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """One dead letter."""
        return await self.connection.run(deadletters.get(letter_id))

    async def retry_dead(self, ids: Iterable[str] | None = None) -> int:
        """Put dead letters (all without ``ids``) back onto the queue."""
        return await asyncio.to_thread(self.service.retry_dead, ids)

    async def purge_dead(self, ids: Iterable[str] | None = None) -> int:
        """Forget dead letters (all without ``ids``)."""
        return await asyncio.to_thread(self.service.purge_dead, ids)

    async def status(self) -> StatusView:
        """How the service stands."""
        return await asyncio.to_thread(self.service.status)
