"""The page that describes the HTTP API, from the OpenAPI document; it needs no script."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from dedup.api.pages.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, as the page shows it."""

    method: str
    path: str
    summary: str
    text: str
    parameters: tuple[tuple[str, str, str], ...]
    bodies: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Every route: parameters, bodies, answers."""
    document = request.app.openapi()
    return page(request, "reference.html", operations=list(operations(document)), about=document["info"]["description"])


def operations(document: dict[str, Any]) -> Iterator[Operation]:
    """Yield the operations of an OpenAPI document in its order."""
    for path, methods in document["paths"].items():
        for method, item in methods.items():
            parameters = tuple(
                (parameter["name"], parameter["in"], parameter.get("description", ""))
                for parameter in item.get("parameters", ())
            )
            answers = tuple((status, answer["description"]) for status, answer in item["responses"].items())
            bodies = tuple(item.get("requestBody", {}).get("content", {}))
            text = item.get("description", "")
            yield Operation(method.upper(), path, item["summary"], text, parameters, bodies, answers)
