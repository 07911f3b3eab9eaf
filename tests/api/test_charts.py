"""Charts: every value has its mark, every text is escaped, every picture says what it shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from dedup.api.pages import charts

NOON = datetime(2015, 8, 21, 12, tzinfo=UTC)


def parse(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def test_a_sparkline_has_a_bar_for_each_part_and_its_highest_is_full() -> None:
    tree = parse(charts.sparkline((0, 2, 4)))

    heights = [float(bar.attrib["height"]) for bar in tree.iter("rect")]
    assert len(heights) == 3
    assert heights[2] == 28.0
    assert heights[0] < heights[1] < heights[2]
    assert tree.attrib["aria-label"] == "6 arrivals over the story's life"
    assert charts.sparkline(()) == ""


def test_a_timeline_has_a_row_for_each_outlet_and_a_dot_for_each_report() -> None:
    reports = [
        ("b.vn", NOON + timedelta(hours=3), "second", False),
        ("a.vn", NOON, '<script>"first"</script>', True),
        ("b.vn", NOON + timedelta(hours=9), "third", False),
    ]
    tree = parse(charts.timeline(reports))

    dots = list(tree.iter("circle"))
    assert len(dots) == 3
    places = [float(dot.attrib["cx"]) for dot in dots]
    assert places == sorted(places)
    assert [dot.attrib["class"] for dot in dots] == ["dot canonical", "dot", "dot"]
    assert dots[0][0].text is not None
    assert dots[0][0].text.startswith('<script>"first"</script>')
    assert [text.text for text in tree.iter("text") if text.attrib["class"] == "name"] == ["a.vn", "b.vn"]
    assert parse(charts.timeline(reports[:1])) is not None


def test_a_heat_map_shades_by_score_and_leaves_blank_what_is_unknown() -> None:
    tree = parse(charts.heatmap(["a", "b", "c"], {(1, 0): 0.9, (2, 0): 0.1}))

    cells = [cell for cell in tree.iter("rect") if "cell" in cell.attrib["class"]]
    assert len(cells) == 3
    assert float(cells[0].attrib["fill-opacity"]) > float(cells[1].attrib["fill-opacity"])
    assert "unknown" in cells[2].attrib["class"]


def test_a_term_for_stands_right_and_one_against_left() -> None:
    right, left = (next(parse(charts.balance(value, 2.0)).iter("rect")) for value in (1.0, -1.0))

    assert right.attrib["class"] == "for"
    assert float(right.attrib["x"]) == 80.0
    assert left.attrib["class"] == "against"
    assert float(left.attrib["x"]) + float(left.attrib["width"]) == 80.0
