"""What happens to every request: an id, a body limit, security headers, a log line, a count.

Plain ASGI, so that a streamed answer stays a stream and the hot path stays short.
"""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dedup.api.metrics import HttpMetrics
from dedup.api.problems import UNFORESEEN, Problem
from dedup.tracing import span

log = logging.getLogger("dedup.access")

#: Pages load nothing from elsewhere, run no inline script, and are never framed.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class Rim:
    """The outermost layer.

    Parameters
    ----------
    app:
        The application inside.
    max_body:
        Largest body in bytes; a longer one is refused with 413 while it streams, whatever it declared.
    hosts:
        Host names served, or ``None`` for all.  Without API keys only loopback names are served, so that a web
        page elsewhere cannot reach this one by DNS rebinding.
    metrics:
        Where requests are counted.
    """

    def __init__(self, app: ASGIApp, *, max_body: int, hosts: Sequence[str] | None, metrics: HttpMetrics) -> None:
        self.app, self.max_body, self.hosts, self.metrics = app, max_body, hosts, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 500
        begun = False

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                begun = True
                status = message["status"]
                out = MutableHeaders(scope=message)
                out["x-request-id"] = request_id
                for name, value in _HEADERS:
                    out[name] = value
                html = out.get("content-type", "").startswith("text/html")
                out["content-security-policy"] = PAGE_POLICY if html else "default-src 'none'; frame-ancestors 'none'"
            await send(message)

        try:
            refusal = self._refusal(scope, headers)
            if refusal is not None:
                await refusal.response(scope["path"])(scope, receive, sending)
            else:
                with span(f"{scope['method']} {scope['path']}", carrier=headers):
                    await self.app(scope, self._limited(receive), sending)
        except Problem as problem:
            if begun:
                raise
            await problem.response(scope["path"])(scope, receive, sending)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if begun:
                raise
            await UNFORESEEN.response(scope["path"])(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path_format", None) or "(none)"
            self.metrics.observe(scope["method"], route, status, seconds)
            if log.isEnabledFor(logging.INFO):
                who = scope["state"].get("who")
                facts = {"request_id": request_id, "method": scope["method"], "path": scope["path"], "status": status}
                facts |= {"ms": round(seconds * 1000, 2), "key": getattr(who, "key_id", None)}
                log.info("%s %s %s", scope["method"], scope["path"], status, extra={"facts": facts})

    def _refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.max_body:
            return self._too_large()
        if self.hosts is None:
            return None
        host = _name(headers.get("host", ""))
        if host not in self.hosts:
            detail = f"host {host[:100]!r} is not served without API keys; set api.require_key to serve other names"
            return Problem(421, "host", detail)
        if scope["method"] not in _SAFE and _foreign(headers, host):
            return Problem(403, "cross-site", "a page of another site may not send this request")
        return None

    def _limited(self, receive: Receive) -> Receive:
        seen = 0

        async def receiving() -> Message:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > self.max_body:
                    raise self._too_large()
            return message

        return receiving

    def _too_large(self) -> Problem:
        limit = f"at most {self.max_body:,} bytes are accepted; send fewer articles at a time"
        return Problem(413, "body", limit, headers={"Connection": "close"})


def _name(host: str) -> str:
    """Host without its port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]


def _foreign(headers: Headers, host: str) -> bool:
    """Whether a browser says that another site's page sends this; programs say nothing of the kind."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("none", "same-origin")
    origin = headers.get("origin")
    return origin is not None and _name(origin.partition("://")[2]) != host
