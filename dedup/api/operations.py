"""Health, metrics, status and dead letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from dedup.api import openapi
from dedup.api.access import need
from dedup.api.answers import answer, created
from dedup.api.context import DeadCursor, LetterId, Limit, known_parameters, service_of
from dedup.api.metrics import CONTENT_TYPE, service_text
from dedup.api.problems import Problem
from dedup.errors import DedupError, NotFound
from dedup.store import memory, meters
from dedup.views import DeadLetter, Page, StatusView

router = APIRouter(dependencies=[Depends(known_parameters)])


@dataclass(frozen=True, slots=True)
class Health:
    """Whether this process is alive, or ready to serve."""

    status: Literal["alive", "ready"]


@dataclass(frozen=True, slots=True)
class Retried:
    """How many dead letters went back to the queue, or were thrown away."""

    count: int


@router.get(
    "/healthz",
    tags=["operations"],
    response_model=Health,
    summary="Is the process alive?",
    responses=openapi.problems(),
)
async def healthz(request: Request) -> Response:
    """Answers as long as the process runs, whatever the store does."""
    return created(Health("alive"))


@router.get(
    "/readyz", tags=["operations"], response_model=Health, summary="Can it serve?", responses=openapi.problems()
)
async def readyz(request: Request) -> Response:
    """Asks the store; 503 when it does not answer or must not be used."""
    if request.app.state.stopping:
        raise Problem(503, "stopping", "this process is shutting down")
    if not request.app.state.warm:
        raise Problem(503, "warming", "the kernels are being loaded", headers={"Retry-After": "2"})
    try:
        await service_of(request).connection.execute([("PING",)])
    except DedupError as error:
        raise Problem(503, "not-ready", str(error), headers={"Retry-After": "2"}) from error
    return created(Health("ready"))


@router.get(
    "/metrics",
    tags=["operations"],
    response_class=Response,
    summary="Prometheus metrics",
    dependencies=[Depends(need("read"))],
    responses=openapi.problems() | {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    """Requests served here, and how the whole service stands."""
    service = service_of(request)
    status, totals = await service.status(), await service.connection.run(meters.read())
    kinds = await request.app.state.memory.read(lambda: service.connection.run(memory.by_kind()))
    body = request.app.state.metrics.text() + service_text(status, totals, kinds)
    return Response(body, headers={"content-type": CONTENT_TYPE, "cache-control": "no-store"})


@router.get(
    "/v1/status",
    tags=["operations"],
    response_model=StatusView,
    summary="How the service stands",
    dependencies=[Depends(need("read"))],
    responses=openapi.problems(cached=True),
)
async def status(request: Request) -> Response:
    """Queue, pending articles, rates, lease holders, workers, memory, warnings."""
    return answer(request, await service_of(request).status())


@router.get(
    "/v1/dead-letters",
    tags=["operations"],
    response_model=Page[DeadLetter],
    summary="Messages that could not be processed",
    dependencies=[Depends(need("admin"))],
    responses=openapi.problems(cached=True),
)
async def dead_letters(request: Request, cursor: DeadCursor = None, limit: Limit = 50) -> Response:
    """The newest first, each with its reason, its tries and the article."""
    return answer(request, await service_of(request).dead_letters(cursor=cursor, limit=limit))


@router.post(
    "/v1/dead-letters/{id}/retry",
    tags=["operations"],
    response_model=Retried,
    summary="Send a dead letter to the queue again",
    dependencies=[Depends(need("admin"))],
    responses=openapi.problems(404),
)
async def retry(request: Request, id: LetterId) -> Response:
    """Its tries start again at zero."""
    return created(Retried(_some(await service_of(request).retry_dead([id]), id)))


@router.delete(
    "/v1/dead-letters/{id}",
    tags=["operations"],
    response_model=Retried,
    summary="Throw a dead letter away",
    dependencies=[Depends(need("admin"))],
    responses=openapi.problems(404),
)
async def purge(request: Request, id: LetterId) -> Response:
    """The message is gone for good."""
    return created(Retried(_some(await service_of(request).purge_dead([id]), id)))


def _some(count: int, letter: str) -> int:
    if not count:
        raise NotFound(f"no dead letter {letter!r}")
    return count
