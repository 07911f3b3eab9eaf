"""Charts as inline SVG: coloured by the style sheet, so that they follow light and dark; each has a text for screen readers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from markupsafe import Markup, escape

_SPARK_WIDTH, _SPARK_HEIGHT = 120, 28


def sparkline(moments: Sequence[datetime], *, bins: int = 24) -> Markup:
    """Arrivals over the life of a story, as bars.

    Parameters
    ----------
    moments:
        When each article arrived, in any order.
    bins:
        Bars; each spans the same time.
    """
    if not moments:
        return Markup("")
    first, last = min(moments), max(moments)
    width = max((last - first).total_seconds(), 1.0)
    counts = [0] * bins
    for moment in moments:
        counts[min(bins - 1, int((moment - first).total_seconds() / width * bins))] += 1
    top = max(counts)
    step = _SPARK_WIDTH / bins
    bars = []
    for index, count in enumerate(counts):
        height = 3 + (_SPARK_HEIGHT - 3) * count / top if count else 1
        bars.append(
            f'<rect x="{index * step + 0.5:.1f}" y="{_SPARK_HEIGHT - height:.1f}" width="{step - 1:.1f}" '
            f'height="{height:.1f}" class="{"bar" if count else "empty"}"/>'
        )
    label = f"{len(moments)} arrivals from {_stamp(first)} to {_stamp(last)}"
    return _svg(_SPARK_WIDTH, _SPARK_HEIGHT, "spark", label, "".join(bars))


def bar(value: float, *, width: int = 96) -> Markup:
    """A share of one as a bar; the number beside it is what is read aloud."""
    filled = max(0.0, min(1.0, value)) * width
    body = f'<rect class="track" width="{width}" height="8" rx="1"/><rect class="bar" width="{filled:.1f}" height="8" rx="1"/>'
    return _svg(width, 8, "meter", None, body)


def balance(value: float, largest: float, *, width: int = 160) -> Markup:
    """A term of a sum: to the right of the middle when it speaks for, to the left when against."""
    middle = width / 2
    length = min(1.0, abs(value) / largest) * (middle - 1) if largest else 0.0
    left = middle if value >= 0 else middle - length
    kind = "for" if value >= 0 else "against"
    body = (
        f'<rect class="{kind}" x="{left:.1f}" y="1" width="{length:.1f}" height="8"/>'
        f'<line class="axis" x1="{middle}" x2="{middle}" y1="0" y2="10"/>'
    )
    return _svg(width, 10, "balance", None, body)


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
    if last - first < timedelta(minutes=1):
        first, last = first - timedelta(minutes=30), last + timedelta(minutes=30)
    left, right, row, top = 180, 700, 30, 14
    height = top + row * len(outlets) + 26
    seconds = (last - first).total_seconds()

    def x(moment: datetime) -> float:
        return left + (right - left) * (moment - first).total_seconds() / seconds

    parts = []
    for tick in range(5):
        moment = first + (last - first) * tick / 4
        at = x(moment)
        anchor = ("start", "middle", "middle", "middle", "end")[tick]
        parts.append(f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="4" y2="{height - 24}"/>')
        label = _tick(moment, last - first)
        parts.append(f'<text class="tick" x="{at:.1f}" y="{height - 8}" text-anchor="{anchor}">{label}</text>')
    for index, (outlet, dots) in enumerate(outlets.items()):
        y = top + row * index + row / 2
        parts.append(f'<text class="name" x="{left - 18}" y="{y + 4:.1f}" text-anchor="end">{escape(_short(outlet, 24))}</text>')
        parts.append(f'<line class="lane" x1="{x(dots[0][0]):.1f}" x2="{x(dots[-1][0]):.1f}" y1="{y}" y2="{y}"/>')
        for moment, title, canonical in dots:
            kind, size = ("dot canonical", 6.5) if canonical else ("dot", 4.5)
            tip = escape(f"{_short(title, 90)} – {_stamp(moment)}")
            parts.append(f'<circle class="{kind}" cx="{x(moment):.1f}" cy="{y}" r="{size}"><title>{tip}</title></circle>')
    label = f"{len(reports)} reports by {len(outlets)} outlets from {_stamp(first)} to {_stamp(last)}"
    return _svg(720, height, "timeline", label, "".join(parts))


def heatmap(names: Sequence[str], scores: Mapping[tuple[int, int], float]) -> Markup:
    """Similarity of the members of a story, two by two, as a triangle of shades.

    Parameters
    ----------
    names:
        Label of each member, in order.
    scores:
        Score of each pair ``(i, j)``, ``i > j``, in 0..1; missing pairs stay blank.
    """
    count = len(names)
    cell = 40 if count <= 8 else 28 if count <= 16 else 20
    left, top = 96, 8
    size = left + cell * count + 8
    parts = []
    for row in range(1, count):
        y = top + cell * (row - 1)
        parts.append(f'<text class="name" x="{left - 10}" y="{y + cell / 2 + 4}" text-anchor="end">{escape(_short(names[row], 11))}</text>')
        for column in range(row):
            x = left + cell * column
            score = scores.get((row, column))
            if score is None:
                parts.append(f'<rect class="cell unknown" x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="2"/>')
                continue
            tip = escape(f"{names[row]} and {names[column]}: {score:.0%}")
            shade = f'fill-opacity="{0.06 + 0.94 * max(0.0, min(1.0, score)):.2f}"'
            parts.append(f'<rect class="cell" x="{x}" y="{y}" width="{cell - 2}" height="{cell - 2}" rx="2" {shade}><title>{tip}</title></rect>')
            if cell >= 28:
                tone = "figure strong" if score > 0.55 else "figure"
                parts.append(f'<text class="{tone}" x="{x + cell / 2 - 1}" y="{y + cell / 2 + 3}" text-anchor="middle">{score * 100:.0f}</text>')
    y = top + cell * (count - 1) + 14
    for column in range(count - 1):
        parts.append(f'<text class="name" x="{left + cell * column + cell / 2 - 1}" y="{y}" text-anchor="middle">{escape(_short(names[column], max(3, cell // 7)))}</text>')
    return _svg(size, y + 10, "heatmap", f"Similarity of {count} texts, two by two", "".join(parts))


def _svg(width: float, height: float, kind: str, label: str | None, body: str) -> Markup:
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    return Markup(f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" {role}>{body}</svg>')


def _stamp(moment: datetime) -> str:
    shown = moment.astimezone(UTC)
    return f"{shown.day} {shown:%b %Y %H:%M}"


def _tick(moment: datetime, width: timedelta) -> str:
    shown = moment.astimezone(UTC)
    return f"{shown:%H:%M}" if width < timedelta(hours=20) else f"{shown.day} {shown:%b %H:%M}" if width < timedelta(days=6) else f"{shown.day} {shown:%b}"


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
