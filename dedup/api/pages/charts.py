"""Charts as inline SVG, coloured by the style sheet so that they follow light and dark.

A chart that says something has a text for screen readers; one that repeats a number beside it is hidden from them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

_SPARK_WIDTH, _SPARK_HEIGHT = 120, 28


def sparkline(counts: Sequence[int]) -> Markup:
    """Arrivals over the life of a story, one bar for each of its equal parts; nothing for no parts."""
    if not counts:
        return Markup("")
    step = _SPARK_WIDTH / len(counts)
    bars = []
    for index, count in enumerate(counts):
        height = 3 + (_SPARK_HEIGHT - 3) * count / max(counts) if count else 1
        kind = "bar" if count else "empty"
        bars.append(_rect(kind, index * step + 0.5, _SPARK_HEIGHT - height, step - 1, height))
    return _svg("spark", _SPARK_WIDTH, _SPARK_HEIGHT, bars, f"{sum(counts)} arrivals over the story's life")


def bar(value: float, *, width: int = 96) -> Markup:
    """A share of one as a bar; the number beside it is what is read aloud."""
    filled = max(0.0, min(1.0, value)) * width
    return _svg("meter", width, 8, [_rect("track", 0, 0, width, 8), _rect("bar", 0, 0, filled, 8)])


def balance(value: float, largest: float, *, width: int = 160) -> Markup:
    """A term of a sum: to the right of the middle when it speaks for, to the left when against."""
    middle = width / 2
    length = min(1.0, abs(value) / largest) * (middle - 1) if largest else 0.0
    kind, left = ("for", middle) if value >= 0 else ("against", middle - length)
    return _svg("balance", width, 10, [_rect(kind, left, 1, length, 8), _line("axis", middle, 0, middle, 10)])


def timeline(reports: Sequence[tuple[str, datetime, str, bool]]) -> Markup:
    """Reports by outlet over time: one row an outlet, one dot an article.

    Parameters
    ----------
    reports:
        Outlet, time, title and whether it is the canonical, of each dated article.
    """
    if not reports:
        return Markup("")
    outlets: dict[str, list[tuple[datetime, str, bool]]] = {}
    for outlet, moment, title, canonical in sorted(reports, key=lambda item: item[1]):
        outlets.setdefault(outlet, []).append((moment, title, canonical))
    first, last = min(item[1] for item in reports), max(item[1] for item in reports)
    label = f"{len(reports)} reports by {len(outlets)} outlets from {_stamp(first)} to {_stamp(last)}"
    if last - first < timedelta(minutes=1):
        first, last = first - timedelta(minutes=30), last + timedelta(minutes=30)
    left, right, row, top = 180.0, 700.0, 30, 14
    floor = top + row * len(outlets)
    scale = (right - left) / (last - first).total_seconds()
    parts = []
    for tick, anchor in enumerate(("start", "middle", "middle", "middle", "end")):
        moment = first + (last - first) * tick / 4
        at = left + (moment - first).total_seconds() * scale
        parts += [
            _line("grid", at, 4, at, floor + 2),
            _text("tick", at, floor + 18, _tick(moment, last - first), anchor),
        ]
    for index, (outlet, dots) in enumerate(outlets.items()):
        y = top + row * index + row / 2
        places = [left + (moment - first).total_seconds() * scale for moment, _, _ in dots]
        parts.append(_text("name", left - 18, y + 4, _short(outlet, 24), "end"))
        parts.append(_line("lane", places[0], y, places[-1], y))
        for x, (moment, title, canonical) in zip(places, dots, strict=True):
            kind, size = ("dot canonical", 6.5) if canonical else ("dot", 4.5)
            tip = _tip(f"{_short(title, 90)}, {_stamp(moment)}")
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{size}">{tip}</circle>')
    return _svg("timeline", 720, floor + 26, parts, label)


def heatmap(names: Sequence[str], scores: Mapping[tuple[int, int], float]) -> Markup:
    """Similarity of the members of a story, two by two, as a triangle of shades.

    Parameters
    ----------
    names:
        Label of each member, in order; their numbers count from 1.
    scores:
        Score of each pair ``(i, j)``, ``i > j``, in 0..1; missing pairs stay blank.
    """
    count = len(names)
    cell = 40 if count <= 8 else 28 if count <= 16 else 20
    left, top = 96, 8
    parts = []
    for row in range(1, count):
        y = top + cell * (row - 1)
        parts.append(_text("name", left - 10, y + cell / 2 + 4, f"{_short(names[row], 10)}  {row + 1}", "end"))
        for column in range(row):
            x = left + cell * column
            score = scores.get((row, column))
            if score is None:
                parts.append(_rect("cell unknown", x, y, cell - 2, cell - 2))
                continue
            tip = _tip(f"{names[row]} and {names[column]}: {score:.0%}")
            shade = 0.06 + 0.94 * max(0.0, min(1.0, score))
            parts.append(_rect("cell", x, y, cell - 2, cell - 2, tip, opacity=shade))
            if cell >= 28:
                tone = "figure strong" if score > 0.55 else "figure"
                parts.append(_text(tone, x + cell / 2 - 1, y + cell / 2 + 3, f"{score * 100:.0f}", "middle"))
    floor = top + cell * (count - 1) + 14
    for column in range(count - 1):
        parts.append(_text("name", left + cell * column + cell / 2 - 1, floor, str(column + 1), "middle"))
    return _svg("heatmap", left + cell * count + 8, floor + 10, parts, f"Similarity of {count} texts, two by two")


def _svg(kind: str, width: float, height: float, parts: Sequence[str], label: str | None = None) -> Markup:
    """An image of its own with a label, or decoration without one."""
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return Markup(f'<svg class="{kind}" {size} {role}>{"".join(parts)}</svg>')


def _rect(kind: str, x: float, y: float, width: float, height: float, inner: str = "", *, opacity: float = 1) -> str:
    shade = f' fill-opacity="{opacity:.2f}"' if opacity < 1 else ""
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"'
    return f'<rect class="{kind}" {place} rx="1"{shade}>{inner}</rect>'


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(kind: str, x: float, y: float, text: str, anchor: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _tip(text: str) -> str:
    return f"<title>{escape(text)}</title>"


def _stamp(moment: datetime) -> str:
    shown = moment.astimezone(UTC)
    return f"{shown.day} {shown:%b %Y %H:%M}"


def _tick(moment: datetime, width: timedelta) -> str:
    shown = moment.astimezone(UTC)
    if width < timedelta(hours=20):
        return f"{shown:%H:%M}"
    return f"{shown.day} {shown:%b %H:%M}" if width < timedelta(days=6) else f"{shown.day} {shown:%b %Y}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
