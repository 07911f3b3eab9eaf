"""What a message must be before Celery's own machinery sees it.

Celery trusts its messages: a body of an unexpected shape ends the worker that reads it, a time
limit in the headers kills the process that obeys it, and an ETA keeps a message in memory for as
long as it says.  Anybody who reaches the broker can write all three.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any

from dedup import tracing
from dedup.service import broker

#: Deepest nesting of a message; a worker process reads it with a stack of Python's usual 1,000 levels, half in use.
DEEPEST = 400
LONGEST_ID = 256


def fault(message: Any, tasks: Container[str]) -> str | None:
    """Why a message is no call of one of ``tasks``, or ``None``.

    The headers of a good message are cut down to those that a worker may obey.
    """
    headers = message.headers
    if not isinstance(headers, dict) or "task" not in headers:
        return "not a Celery message of protocol 2: no task in its headers"
    task, name = headers["task"], headers.get("id")
    if not isinstance(task, str) or task not in tasks:
        return f"no task of that name: {str(task)[:100]!r}"
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_ID:
        return f"a task id is a string of at most {LONGEST_ID} characters"
    if headers.get("eta") is not None:
        return "an ETA or a countdown is not taken: send the message when it is due"
    expires = headers.get("expires") if task != broker.INGEST else None
    if expires is not None and not _is_moment(expires):
        return f"expires is no time: {str(expires)[:100]!r}"
    reason = _body_fault(message)
    if reason is None:
        message.headers = {"lang": "py", "task": task, "id": name, "root_id": name, "parent_id": None, "group": None}
        message.headers |= {"expires": expires, "eta": None, "retries": 0, "timelimit": [None, None]}
        message.headers |= {"argsrepr": "", "kwargsrepr": "", "ignore_result": True}
        message.headers |= tracing.carrier(headers) | broker.accepted(headers)
    return reason


def _body_fault(message: Any) -> str | None:
    try:
        payload = message.payload
    except Exception as error:  # each serialiser has errors of its own
        return f"not a message that can be read: {type(error).__name__}: {error}"
    if not isinstance(payload, list) or len(payload) != 3:
        return "not a Celery message of protocol 2: its body is not [args, kwargs, embed]"
    arguments, named, embed = payload
    if not isinstance(arguments, list) or not isinstance(named, dict) or not isinstance(embed, dict | None):
        return "not a Celery message of protocol 2: its body is not [args, kwargs, embed]"
    if "self" in named:
        return "there is no argument self"
    if embed and any(embed.values()):
        return f"callbacks, chains and chords are not taken: {', '.join(str(key)[:40] for key in embed)}"
    if _deeper(payload, DEEPEST):
        return f"nested more than {DEEPEST} levels deep"
    return None


def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _deeper(value: Any, limit: int) -> bool:
    """Whether containers are nested more than ``limit`` levels deep; breadth first, so that depth costs no stack."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent)
            if isinstance(child, list | dict)
        ]
        if not level:
            return False
    return True
