"""``/v1/changes``: the change feed, by pages or as Server-Sent Events that resume."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncIterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from dedup.api import openapi
from dedup.api.access import need
from dedup.api.answers import answer, encode
from dedup.api.context import ChangesCursor, LastEventId, Limit, known_parameters, service_of
from dedup.errors import DedupError
from dedup.views import Change, Page

if TYPE_CHECKING:
    from dedup.service.aio import AsyncService

log = logging.getLogger("dedup.api")
router = APIRouter(prefix="/v1", tags=["changes"], dependencies=[Depends(known_parameters), Depends(need("read"))])

EVENT_STREAM = "text/event-stream"
_PAGE = 500
_KEPT = 10_000
_HEARTBEAT_SECONDS = 15.0


@router.get(
    "/changes",
    response_model=Page[Change],
    summary="What changed, in order, from a cursor on",
    responses=openapi.problems(cached=True)
    | {
        200: {
            "content": {EVENT_STREAM: {"schema": {"type": "string"}}},
            "description": "A page, or a stream of events.",
        }
    },
)
async def changes(
    request: Request,
    cursor: ChangesCursor = None,
    limit: Limit = 100,
    wait: Annotated[float, Query(ge=0, le=60, description="Seconds to wait for a change when there is none.")] = 0.0,
    last_event_id: LastEventId = None,
) -> Response:
    """Without a cursor, from the first change on.

    With `Accept: text/event-stream` the answer never ends: each event's `id` is the cursor after it, so that a
    client that reconnects with `Last-Event-ID` misses nothing and sees nothing twice.
    """
    service = service_of(request)
    if EVENT_STREAM not in request.headers.get("accept", ""):
        page = await service.changes(cursor, limit=limit, block=wait or None)
        return answer(request, page)
    start = last_event_id or cursor
    await service.changes(start, limit=1)  # a cursor that is none is refused before the stream begins
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    tail: Tail = request.app.state.feed
    return StreamingResponse(tail.events(start), media_type=EVENT_STREAM, headers=headers)


class Tail:
    """One reader of the feed's end for all subscribers of this process.

    The newest events are kept ready to send; a subscriber who is further behind reads the store by itself until it
    has caught up.  So 200 subscribers cost the store one reader.
    """

    def __init__(self, service: AsyncService) -> None:
        self._service = service
        self._frames: deque[tuple[str, bytes]] = deque(maxlen=_KEPT)
        self._serial: dict[str, int] = {}
        self._next = 0
        self._before: str | None = None  # cursor just before the kept frames
        self._end: str | None = None  # cursor of the newest of them
        self._moved = asyncio.Event()  # set, and replaced, when frames come or the tail closes
        self._reader: asyncio.Task[None] | None = None
        self._closed = False

    async def events(self, cursor: str | None) -> AsyncIterator[bytes]:
        """Yield the frames after ``cursor`` (HTML Living Standard, section 9.2), for ever."""
        yield b"retry: 2000\n\n"
        while not self._closed:
            seen = self._next
            position = self._position(cursor)
            if position is None:
                try:
                    page = await self._service.changes(cursor, limit=_PAGE)
                except DedupError as error:
                    log.warning("an event stream ends: %s", error)
                    return  # its reader comes back with the cursor it has
                ready = [(change.cursor, _frame(change)) for change in page.items]
            else:
                first = self._next - len(self._frames)
                ready = list(islice(self._frames, position - first, None))
            if ready:
                cursor = ready[-1][0]
                yield b"".join(frame for _, frame in ready)
                continue
            self._watch(cursor)
            if not await self._move(seen):
                yield b": still here\n\n"

    def end(self) -> None:
        """End all streams, so that a shutdown need not wait for their readers."""
        self._closed = True
        self._wake()

    async def close(self) -> None:
        """End all streams, and the reading."""
        self.end()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    def _position(self, cursor: str | None) -> int | None:
        """Serial of the first kept frame after ``cursor``, when that is known here."""
        if self._reader is not None and cursor == self._before:
            return self._next - len(self._frames)
        serial = self._serial.get(cursor) if cursor is not None else None
        return None if serial is None else serial + 1

    def _watch(self, cursor: str | None) -> None:
        """Start the reader at ``cursor`` unless one runs."""
        if self._reader is None or self._reader.done():
            self._frames.clear()
            self._serial.clear()
            self._before = self._end = cursor
            self._reader = asyncio.create_task(self._read())

    async def _move(self, seen: int) -> bool:
        """Wait until frames came after the serial ``seen``; ``False`` after a heartbeat's time without any."""
        if self._next == seen and not self._closed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), _HEARTBEAT_SECONDS)
        return self._next != seen or self._closed

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def _read(self) -> None:
        pause = 0.1
        while not self._closed:
            try:
                page: Page[Change] = await self._service.changes(self._end, limit=_PAGE, block=5.0)
                pause = 0.1
            except DedupError as error:
                log.warning("the change feed cannot be read: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            self._keep(page.items)

    def _keep(self, items: tuple[Change, ...]) -> None:
        for change in items:
            if len(self._frames) == _KEPT:
                self._before = self._frames[0][0]
                del self._serial[self._before]
            self._frames.append((change.cursor, _frame(change)))
            self._serial[change.cursor] = self._next
            self._next += 1
        if items:
            self._end = items[-1].cursor
            self._wake()


def _frame(change: Change) -> bytes:
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (change.cursor.encode(), change.kind.encode(), encode(change))
