"""Small plots as inline SVG: they need no script, no font file, and print as sharp as text."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

WIDTH, HEIGHT = 560, 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 14, 40


def histogram(
    counts: Sequence[int],
    *,
    low: float,
    high: float,
    label: str,
    mark: float | None = None,
    mark_label: str = "threshold",
) -> str:
    """Bars of equal width over ``low .. high``; the height is logarithmic, so that rare values stay visible.

    Parameters
    ----------
    counts : sequence of int
        Count of each bar.
    low, high : float
        Ends of the horizontal axis.
    label : str
        What the horizontal axis shows.
    mark : float, optional
        Where to draw a vertical line, such as the threshold.
    """
    top = max(1, *counts) if counts else 1
    scale = _log_scale(top)
    plot = _Plot(label, "count (log)")
    plot.x_ticks([(low + (high - low) * i / 5, i / 5) for i in range(6)])
    plot.y_ticks(_powers(top), scale)
    bar = 1 / max(1, len(counts))
    for i, count in enumerate(counts):
        if count:
            middle = low + (high - low) * (i + 0.5) * bar
            plot.bar(i * bar, bar, scale(count), f"{middle:.3g}: {count:,}")
    if mark is not None and low <= mark <= high:
        plot.vertical((mark - low) / (high - low), f"{mark_label} {mark:g}")
    return plot.svg()


def sizes(counts: Sequence[tuple[int, int]], *, label: str) -> str:
    """How many groups have how many members, both axes logarithmic (base 2 bins).

    Parameters
    ----------
    counts : sequence of (size, groups)
        Sizes at least 1.
    label : str
        What the horizontal axis shows.
    """
    bins: dict[int, int] = {}
    for size, count in counts:
        power = size.bit_length() - 1
        bins[power] = bins.get(power, 0) + count
    last = max(bins, default=0)
    top = max(1, *bins.values()) if bins else 1
    scale = _log_scale(top)
    plot = _Plot(label, "count (log)")
    plot.y_ticks(_powers(top), scale)
    step = 1 / (last + 1)
    for power in range(last + 1):
        first, final = 1 << power, (2 << power) - 1
        name = str(first) if first == final else f"{first}-{final}"
        plot.x_tick((power + 0.5) * step, name if last < 10 else str(first))
        if power in bins:
            plot.bar((power + 0.1) * step, 0.8 * step, scale(bins[power]), f"{name}: {bins[power]:,}")
    return plot.svg()


def curve(
    function: Callable[[float], float], *, label: str, y_label: str, mark: float | None = None, points: int = 120
) -> str:
    """Draw a function of 0..1 into 0..1, such as the S-curve of a choice of LSH bands."""
    plot = _Plot(label, y_label)
    plot.x_ticks([(i / 5, i / 5) for i in range(6)])
    plot.y_ticks([0, 0.25, 0.5, 0.75, 1], lambda value: value)
    plot.line([(i / points, function(i / points)) for i in range(points + 1)])
    if mark is not None:
        plot.vertical(mark, f"threshold {mark:g}: found {100 * function(mark):.2f}%", low=True)
    return plot.svg()


def _log_scale(top: int) -> Callable[[float], float]:
    return lambda value: math.log10(1 + value) / math.log10(1 + top)


def _powers(top: int) -> list[float]:
    return [10**power for power in range(len(str(top)))]


class _Plot:
    """Axes and marks; positions are shares of the plotting area, 0..1, y upwards."""

    def __init__(self, x_label: str, y_label: str) -> None:
        self._parts = [
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(x_label)}">',
            f'<line class="axis" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(0)}"/>',
            f'<text class="name" x="{_x(0.5)}" y="{HEIGHT - 6}" text-anchor="middle">{escape(x_label)}</text>',
            f'<text class="name" transform="translate(12 {_y(0.5)}) rotate(-90)" text-anchor="middle">'
            f"{escape(y_label)}</text>",
        ]

    def x_tick(self, x: float, text: str) -> None:
        self._parts.append(f'<text x="{_x(x)}" y="{_y(0) + 14}" text-anchor="middle">{escape(text)}</text>')

    def x_ticks(self, ticks: Sequence[tuple[float, float]]) -> None:
        for value, x in ticks:
            self.x_tick(x, f"{value:.3g}")

    def y_ticks(self, values: Sequence[float], scale: Callable[[float], float]) -> None:
        for value in values:
            y = _y(scale(value))
            self._parts.append(f'<line class="grid" x1="{_x(0)}" y1="{y}" x2="{_x(1)}" y2="{y}"/>')
            self._parts.append(f'<text x="{_x(0) - 6}" y="{y + 4}" text-anchor="end">{value:,g}</text>')

    def bar(self, x: float, width: float, height: float, tip: str) -> None:
        pixels = max(1.0, width * (WIDTH - _LEFT - _RIGHT) - 1)
        tall = round(height * (HEIGHT - _TOP - _BOTTOM), 1)
        self._parts.append(
            f'<rect x="{_x(x)}" y="{round(_y(0) - tall, 1)}" width="{pixels:.1f}" height="{tall}">'
            f"<title>{escape(tip)}</title></rect>"
        )

    def line(self, points: Sequence[tuple[float, float]]) -> None:
        path = " ".join(f"{_x(x)},{_y(y)}" for x, y in points)
        self._parts.append(f'<polyline points="{path}"/>')

    def vertical(self, x: float, text: str, *, low: bool = False) -> None:
        anchor, shift = ("end", -4) if x > 0.5 else ("start", 4)
        self._parts.append(f'<line class="mark" x1="{_x(x)}" y1="{_y(0)}" x2="{_x(x)}" y2="{_TOP}"/>')
        y = _y(0.12) if low else _TOP + 10
        self._parts.append(
            f'<text class="mark" x="{_x(x) + shift}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        )

    def svg(self) -> str:
        return "".join([*self._parts, "</svg>"])


def _x(share: float) -> float:
    return round(_LEFT + share * (WIDTH - _LEFT - _RIGHT), 1)


def _y(share: float) -> float:
    return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)
