"""Bins of said and true, and their drawing."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest

from dedup.cluster.reliability import reliability, reliability_svg, reliability_table


def test_bins_say_what_was_said_and_what_is_true() -> None:
    bins = reliability(np.array([0.02, 0.04, 0.51, 1.0]), np.array([False, False, True, True]))

    assert [b.pairs for b in bins] == [2, 1, 1]
    assert [b.said for b in bins] == pytest.approx([0.03, 0.51, 1.0])
    assert [b.true for b in bins] == [0, 1, 1]
    assert reliability_table(bins).splitlines()[2] == "| 2 | 0.030 | 0.000 |"


def test_the_drawing_puts_a_calibrated_bin_on_the_diagonal() -> None:
    bins = reliability(np.array([0.25, 0.25, 0.25, 0.25, 0.95]), np.array([True, False, False, False, False]))
    root = ElementTree.fromstring(reliability_svg({"one": bins}))
    discs = [node for node in root.iter("{http://www.w3.org/2000/svg}circle") if len(node)]
    diagonal = next(node for node in root.iter("{http://www.w3.org/2000/svg}path") if "stroke-dasharray" in node.attrib)

    (x, y), (_, wrong) = ((float(d.attrib["cx"]), float(d.attrib["cy"])) for d in discs)
    start, end = diagonal.attrib["d"][1:].split("L")
    (x0, y0), (x1, y1) = ([float(v) for v in point.split()] for point in (start, end))
    assert y == pytest.approx(y0 + (y1 - y0) * (x - x0) / (x1 - x0), abs=0.2)
    assert wrong == y0
