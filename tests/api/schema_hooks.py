"""Hooks for Schemathesis: a caller who goes on at once waits for its articles, and nobody waits for nothing."""

from __future__ import annotations

from typing import Any

import schemathesis

#: Seconds that pushes wait until their articles are visible, so that what was created can be asked for.
PUSHED = 60.0


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Set ``wait`` where it is missing or valid; whether an invalid one is refused is still checked."""
    if case.path not in ("/v1/articles", "/v1/changes"):
        return
    try:
        valid = 0 <= float((case.query or {}).get("wait", 0)) <= 60
    except (TypeError, ValueError):
        return
    if valid:
        case.query = dict(case.query or {}) | {"wait": PUSHED if case.path == "/v1/articles" else 0.01}
