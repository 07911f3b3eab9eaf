"""The ASGI application: ``uvicorn --factory dedup.api.app:create_app``, or ``python -m dedup.api``."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from types import FrameType
from typing import TYPE_CHECKING

from fastapi import FastAPI

from dedup.api import articles, feed, match, openapi, operations, pages, refusals, stories
from dedup.api.access import Gate
from dedup.api.metrics import HttpMetrics, MemoryMeter
from dedup.api.middleware import Rim
from dedup.article import Article
from dedup.errors import DedupError, SettingsError
from dedup.settings import ApiSettings, Settings

if TYPE_CHECKING:
    from dedup.service.aio import AsyncService

log = logging.getLogger("dedup.api")

_STOP = (signal.SIGINT, signal.SIGTERM)
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def create_app(settings: Settings | None = None, *, service: AsyncService | None = None) -> FastAPI:
    """Build the application.

    Parameters
    ----------
    settings:
        ``Settings.load()`` when missing: the file of ``DEDUP_CONFIG`` and the environment.
    service:
        The service to ask, which the caller closes; opened and closed with the application when missing.

    Raises
    ------
    SettingsError
        When API keys are switched off although the address is not loopback.
    """
    settings = settings or Settings.load()
    required = keys_required(settings.api)
    metrics = HttpMetrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        opened = service
        if opened is None:
            from dedup.service.aio import AsyncService

            opened = await AsyncService.open(settings=settings)
        app.state.service = opened
        app.state.gate = Gate(opened.connection, required=required, rate_per_minute=settings.api.rate_per_minute)
        app.state.feed = feed.Tail(opened)
        warming = asyncio.create_task(_warm(app, opened))
        gc.collect()
        gc.freeze()  # what is loaded by now stays: a full collection need not walk it while requests wait
        try:
            with _when_told_to_stop(partial(_stop, app)):
                yield
        finally:
            _stop(app)
            warming.cancel()
            await app.state.feed.close()
            if service is None:
                await opened.close()

    app = openapi.Documented(
        title="Dedup",
        summary="Near-duplicates and stories of news articles.",
        description=_DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.settings = settings
    app.state.stopping = False
    app.state.warm = False
    app.state.metrics = metrics
    app.state.memory = MemoryMeter()
    app.state.gate_required = required
    app.state.routes = []
    for room in (articles, stories, match, feed, operations):
        app.include_router(room.router)
        app.state.routes += room.router.routes
    pages.install(app)
    refusals.install(app)
    hosts = None if required else (*_LOOPBACK, settings.api.host)
    app.add_middleware(Rim, max_body=settings.api.max_body, hosts=hosts, metrics=metrics)
    return app


def _stop(app: FastAPI) -> None:
    app.state.stopping = True
    app.state.feed.end()


@contextmanager
def _when_told_to_stop(then: Callable[[], None]) -> Iterator[None]:
    """Call ``then`` as soon as a signal tells the process to stop.

    The server waits for open answers before it ends the lifespan, and event streams are open for ever.
    """
    if threading.current_thread() is not threading.main_thread():  # where no signal arrives, as in tests
        yield
        return
    loop = asyncio.get_running_loop()
    before = {int(number): handler for number in _STOP if callable(handler := signal.getsignal(number))}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(then)
        before[number](number, frame)

    for number in before:
        signal.signal(number, told)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _warm(app: FastAPI, service: AsyncService) -> None:
    """Load the compiled kernels before the first ``match`` needs them; ``/readyz`` waits for it, nothing else does."""
    from dedup.service import ingest

    try:
        await asyncio.to_thread(ingest.warm, app.state.settings)
        await service.match(Article(text="What a first question finds out costs nobody any time."))
    except DedupError as error:
        log.warning("the kernels are not warm: %s", error)
    app.state.warm = True


def keys_required(api: ApiSettings) -> bool:
    """Whether requests need an API key: as soon as others than this machine can reach the port."""
    loopback = api.host == "localhost" or _is_loopback(api.host)
    if api.require_key is None:
        return not loopback
    if not api.require_key and not loopback:
        raise SettingsError(
            f"setting api.require_key: false, but api.host {api.host!r} is not loopback; others could write"
        )
    return api.require_key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _version() -> str:
    try:
        return version("story-dedup")
    except PackageNotFoundError:
        return "0"


_DESCRIPTION = """\
Articles go in; each one comes out with its duplicate group (the same text) and its story (the same event in other
words), and every story with the article that should stand for it.

Errors are `application/problem+json` (RFC 9457). Lists are paged by cursor. Answers to GET carry an `ETag`.
"""
