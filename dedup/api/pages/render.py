"""Templates and what they share: escaping, dates, numbers, forms."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from dedup.api.access import Caller
from dedup.api.pages import charts
from dedup.api.problems import Problem

CSRF_COOKIE = "dedup_csrf"
CSRF_FIELD = "csrf"

#: Controls that make text run in another order than it is read; a headline has no need of them.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]")

RELATIONS = {
    "original": "original",
    "identical": "identical",
    "near_duplicate": "near-duplicate",
    "excerpt": "excerpt",
    "template": "template",
    "report": "report",
}


def page(request: Request, name: str, status: int = 200, **context: Any) -> Response:
    """Render the template ``name``."""
    token = request.cookies.get(CSRF_COOKIE) or secrets.token_urlsafe(16)
    who: Caller | None = getattr(request.state, "who", None)
    context |= {"path": request.url.path, "csrf": token, "who": who, "keyed": request.app.state.gate_required}
    html = _environment().get_template(name).render(context)
    response = HTMLResponse(html, status, headers={"cache-control": "private, no-cache"})
    if CSRF_COOKIE not in request.cookies:
        response.set_cookie(CSRF_COOKIE, token, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return response


def error_page(request: Request, problem: Problem) -> Response:
    """Show a refusal to a person."""
    response = page(request, "error.html", problem.status, problem=problem.document())
    response.headers.update(problem.headers)
    return response


async def form(request: Request) -> dict[str, str]:
    """Read a form that came from a page of ours.

    Raises
    ------
    Problem
        403 when the form does not carry the token of the browser's cookie (double submit), 415 for other media.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Problem(415, "media-type", "a form is sent as application/x-www-form-urlencoded")
    body = (await request.body()).decode("utf-8", "replace")
    fields = dict(parse_qsl(body, keep_blank_values=True, max_num_fields=50))
    cookie = request.cookies.get(CSRF_COOKIE, "")
    given = fields.pop(CSRF_FIELD, "")
    if not cookie or not hmac.compare_digest(cookie.encode(), given.encode()):
        raise Problem(403, "form", "this form is stale; go back, reload the page and send it again")
    return fields


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("dedup.api", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    environment.filters |= {
        "lead": lead,
        "moment": moment,
        "day": day,
        "span": span,
        "number": number,
        "percent": percent,
        "plural": plural,
        "relation": lambda value: RELATIONS.get(value, value),
        "megabytes": lambda value: f"{value / 1e6:,.1f} MB",
        "segment": lambda value: quote(str(value), safe=""),
        "words": lambda value: str(value).replace("_", " ").replace(".", " "),
    }
    environment.globals |= {"charts": charts, "link": link}
    return environment


def _harmless(value: Any) -> Any:
    """Take from every text shown what would reorder it; markup of ours passes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _BIDI.sub("", value)
    return value


def link(path: str, **query: Any) -> str:
    """Build a URL; parameters that are ``None`` or empty are left out."""
    kept = [(name, str(value)) for name, value in query.items() if value not in (None, "")]
    return f"{path}?{urlencode(kept)}" if kept else path


def lead(text: str, length: int = 240) -> str:
    """The beginning of a text, cut between two words."""
    if len(text) < length:
        return text
    return text[: length - 1].rsplit(" ", 1)[0].rstrip(" ,;:.–-") + "…"


def moment(value: datetime | None) -> Markup:
    """A time to the minute, in UTC."""
    if value is None:
        return Markup('<span class="none">undated</span>')
    shown = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(shown.isoformat(), f"{shown.day} {shown:%b %Y, %H:%M} UTC")


def day(value: datetime | None) -> Markup:
    """A day, in UTC."""
    if value is None:
        return Markup('<span class="none">undated</span>')
    shown = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(shown.isoformat(), f"{shown.day} {shown:%b %Y}")


def span(seconds: float | None) -> str:
    """A length of time in its largest unit: ``"3 h"``."""
    if seconds is None:
        return "–"
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if abs(seconds) >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds * 1000:.0f} ms"


def number(value: float) -> str:
    """A number with thousands separated."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def percent(value: float | None) -> str:
    """A share of one; ``"–"`` when unknown."""
    if value is None:
        return "–"
    return ">99%" if 0.995 <= value < 1 else "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A count with its noun: ``"2 stories"``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
