"""Server-Sent Events: in order, complete, resumed without loss or repetition."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from dedup.api.feed import Tail
from dedup.errors import StoreUnavailable
from dedup.views import Change, Page


class Feed:
    """A change feed in memory, as the tail reads it; fails when told to."""

    def __init__(self) -> None:
        self.changes_made: list[Change] = []
        self.failing = False
        self.reads = 0

    def append(self, count: int = 1) -> None:
        for _ in range(count):
            cursor = f"{len(self.changes_made) + 1}-0"
            self.changes_made.append(Change(cursor, datetime.now(UTC), "article.added", article_id=cursor))

    async def changes(self, cursor: str | None = None, *, limit: int = 100, block: float | None = None) -> Page[Change]:
        self.reads += 1
        await asyncio.sleep(0)
        until = asyncio.get_running_loop().time() + min(block or 0, 0.05)
        while True:
            if self.failing:
                raise StoreUnavailable("the store does not answer")
            start = int(cursor.partition("-")[0]) if cursor else 0
            items = tuple(self.changes_made[start : start + limit])
            if items or asyncio.get_running_loop().time() >= until:
                return Page(items, items[-1].cursor if items else cursor)
            await asyncio.sleep(0.005)


async def ids(events: AsyncIterator[bytes], enough: Callable[[list[str]], bool]) -> list[str]:
    found: list[str] = []
    async for chunk in events:
        found += [line[4:] for line in chunk.decode().split("\n") if line.startswith("id: ")]
        if enough(found):
            break
    return found


def names(first: int, last: int) -> list[str]:
    return [f"{number}-0" for number in range(first, last + 1)]


async def follow(feed: Feed, tail: Tail, cursor: str | None, last: int) -> list[str]:
    return await asyncio.wait_for(ids(tail.events(cursor), lambda found: found[-1:] == [f"{last}-0"]), 120)


@pytest.mark.parametrize("start", [0, 3, 700])
def test_a_stream_begins_where_it_is_told_and_goes_on(start: int) -> None:
    async def scene() -> list[str]:
        feed = Feed()
        feed.append(700)
        tail = Tail(feed)
        reading = asyncio.create_task(follow(feed, tail, f"{start}-0" if start else None, 1500))
        for _ in range(80):
            feed.append(10)
            await asyncio.sleep(0.001)
        found = await reading
        await tail.close()
        return found

    assert asyncio.run(scene()) == names(start + 1, 1500)


def test_two_hundred_readers_miss_nothing_and_cost_the_store_one() -> None:
    async def scene() -> tuple[list[list[str]], int]:
        feed = Feed()
        tail = Tail(feed)
        feed.append(5)
        reading = [asyncio.create_task(follow(feed, tail, None if n % 2 else "3-0", 2005)) for n in range(200)]
        await asyncio.sleep(0.1)
        before = feed.reads
        for _ in range(200):
            feed.append(10)
            await asyncio.sleep(0.001)
        found = await asyncio.gather(*reading)
        await tail.close()
        return found, feed.reads - before

    found, reads = asyncio.run(scene())
    assert all(item == names(1 if n % 2 else 4, 2005) for n, item in enumerate(found))
    assert reads < 1000


def test_a_reader_that_reconnects_misses_and_repeats_nothing() -> None:
    async def scene() -> list[str]:
        feed = Feed()
        tail = Tail(feed)

        async def write() -> None:
            for _ in range(300):
                feed.append(3)
                await asyncio.sleep(0.001)

        writing = asyncio.create_task(write())
        found: list[str] = []
        while found[-1:] != ["900-0"]:
            last = found[-1] if found else None
            part = await asyncio.wait_for(
                ids(tail.events(last), lambda part: len(part) >= 37 or part[-1:] == ["900-0"]), 120
            )
            found += part
            if len(found) > 400 and tail._reader is not None:  # the process is another one now
                await tail.close()
                tail = Tail(feed)
        await writing
        await tail.close()
        return found

    assert asyncio.run(scene()) == names(1, 900)


def test_a_store_that_fails_for_a_while_ends_nothing() -> None:
    async def scene() -> list[str]:
        feed = Feed()
        feed.append(2)
        tail = Tail(feed)
        reading = asyncio.create_task(follow(feed, tail, "2-0", 12))
        while tail._reader is None:
            await asyncio.sleep(0.001)
        feed.failing = True
        reads = feed.reads
        while feed.reads < reads + 2:
            await asyncio.sleep(0.001)
        feed.failing = False
        feed.append(10)
        found = await reading
        await tail.close()
        return found

    assert asyncio.run(scene()) == names(3, 12)


def test_closing_ends_every_stream() -> None:
    async def scene() -> list[list[str]]:
        feed = Feed()
        feed.append(3)
        tail = Tail(feed)
        lengths: dict[int, int] = {}

        def never(reader: int, found: list[str]) -> bool:
            lengths[reader] = len(found)
            return False

        reading = [asyncio.create_task(ids(tail.events(None), partial(never, n))) for n in range(20)]
        while sum(lengths.values()) < 60:
            await asyncio.sleep(0.001)
        await tail.close()
        return await asyncio.wait_for(asyncio.gather(*reading), 60)

    assert asyncio.run(scene()) == [names(1, 3)] * 20
