"""Said and true: how often pairs of each probability report one event, as a table and as a drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10
_SIZE, _LEFT, _TOP, _BOTTOM, _LEGEND = 320, 56, 16, 48, 150
_COLOURS = ("#1b6ca8", "#c2571a", "#3a7d44", "#7a4b9d", "#8a6d1f")


@dataclass(frozen=True, slots=True)
class Bin:
    """Pairs whose probability lies in one tenth: how many, the mean said, the share that is true."""

    pairs: int
    said: float
    true: float


def reliability(probability: NDArray[np.floating], truth: NDArray[np.bool_], *, bins: int = BINS) -> list[Bin]:
    """Return the bins of equal width that hold a pair, lowest first (DeGroot and Fienberg, 1983)."""
    which = np.minimum((probability * bins).astype(np.int64), bins - 1)
    members = (which == k for k in range(bins))
    return [Bin(int(m.sum()), float(probability[m].mean()), float(truth[m].mean())) for m in members if m.any()]


def reliability_table(bins: list[Bin]) -> str:
    """Lay bins out as a Markdown table."""
    rows = [f"| {b.pairs:,} | {b.said:.3f} | {b.true:.3f} |" for b in bins]
    return "\n".join(["| pairs | mean said | true |", "| ---: | ---: | ---: |", *rows])


def reliability_svg(sets: Mapping[str, list[Bin]]) -> str:
    """Draw the bins of each set: said to the right, true upwards, a disc's area by the logarithm of its pairs."""
    width, height = _LEFT + _SIZE + _LEGEND, _TOP + _SIZE + _BOTTOM

    def at(said: float, true: float) -> tuple[float, float]:
        return round(_LEFT + said * _SIZE, 1), round(_TOP + (1 - true) * _SIZE, 1)

    (x0, y0), (x1, y1) = at(0, 0), at(1, 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11" fill="#333">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for k in range(6):
        (x, _), (_, y) = at(k / 5, 0), at(0, k / 5)
        parts.append(f'<path d="M{x} {y0}V{y1}M{x0} {y}H{x1}" stroke="#ddd"/>')
        parts.append(f'<text x="{x}" y="{y0 + 16}" text-anchor="middle">{k / 5:.1f}</text>')
        parts.append(f'<text x="{x0 - 8}" y="{y + 4}" text-anchor="end">{k / 5:.1f}</text>')
    parts.append(f'<path d="M{x0} {y0}L{x1} {y1}" stroke="#888" stroke-dasharray="4 4"/>')
    parts.append(f'<text x="{(x0 + x1) / 2}" y="{height - 12}" text-anchor="middle">probability said</text>')
    middle = (y0 + y1) / 2
    parts.append(f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">share that is true</text>')
    for k, (name, bins) in enumerate(sets.items()):
        colour = _COLOURS[k % len(_COLOURS)]
        points = [at(b.said, b.true) for b in bins]
        path = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for b, (x, y) in zip(bins, points, strict=True):
            radius = 1.5 + 2 * float(np.sqrt(np.log10(b.pairs)))
            parts.append(
                f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.75">'
                f"<title>{name}: {b.pairs:,} pairs, said {b.said:.3f}, true {b.true:.3f}</title></circle>"
            )
        parts.append(f'<circle cx="{x1 + 16}" cy="{_TOP + 12 + 20 * k}" r="5" fill="{colour}"/>')
        total = sum(b.pairs for b in bins)
        parts.append(f'<text x="{x1 + 28}" y="{_TOP + 16 + 20 * k}">{name}, {total:,} pairs</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
