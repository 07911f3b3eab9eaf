"""The web pages: rendered on the server, usable without JavaScript, nothing loaded from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from dedup.api.pages import compare, match, reference, session, status, stories


def install(app: FastAPI) -> None:
    """Add the pages and their style sheet to ``app``."""
    for room in (stories, compare, match, status, session, reference):
        app.include_router(room.router, include_in_schema=False)
        app.state.routes += room.router.routes
    app.mount("/static", StaticFiles(directory=str(files("dedup.api") / "static")), name="static")
