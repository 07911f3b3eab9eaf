"""The report stands alone, shows what it was given, and lets no title break the page."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dedup.batch.plots import curve, histogram, sizes
from dedup.batch.report import (
    BigStory,
    Borderline,
    Comparison,
    Copying,
    RunReport,
    Stage,
    render_report,
    write_report,
)

START = datetime(2024, 5, 1, 3, 30, tzinfo=UTC)


def report(**changes: object) -> RunReport:
    facts: dict[str, object] = {
        "title": "Clustering",
        "started_at": START,
        "finished_at": START + timedelta(seconds=90),
        "inputs": ("news.jsonl",),
        "articles": 1234,
        "group_sizes": {1: 900, 2: 100, 134: 1},
        "story_sizes": {1: 500, 30: 2},
    }
    return RunReport(**(facts | changes))


def test_an_almost_empty_run_has_a_report() -> None:
    page = render_report(report(articles=0, group_sizes={}, story_sizes={}, finished_at=START))
    assert "Clustering" in page


def test_it_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_report(report(), tmp_path / "new" / "r.html")
    page = (tmp_path / "new" / "r.html").read_text()
    assert not re.search(r"""(src|href)=|url\(|@import|<script""", page)
    assert "1,234" in page
    assert "1 min 30 s" in page


def test_every_section_appears_when_it_has_something_to_say() -> None:
    page = render_report(
        report(
            stages=(Stage("sketch", 2.0, 1000),),
            jaccard=(1, 0, 5),
            probability=(1, 2),
            biggest=(BigStory("s1", "<b>Fire</b>", 9, 3, 2, START, None),),
            borderline=(Borderline("near_duplicate", 0.701, "a", "A", "b", "B"),),
            copying=(Copying("example.org", 5, 4, 1),),
            comparison=Comparison("yesterday", 1, 2, 3, 4, 5, 6, 7, ("s1 took s2",)),
            rejected=("x.jsonl:3: text: missing",),
        )
    )
    assert "&lt;b&gt;Fire&lt;/b&gt;" in page
    assert "<b>Fire" not in page
    for words in ("Links to review", "Who copies", "Against the last run", "s1 took s2", "x.jsonl:3", "undated", "500"):
        assert words in page


def test_plots_are_well_formed() -> None:
    for svg in (
        histogram([0, 3, 1000], low=0, high=1, label="a < b", mark=0.7),
        histogram([], low=0, high=1, label="none"),
        sizes([(1, 5), (6000, 1)], label="articles"),
        sizes([], label="none"),
        curve(lambda s: 1 - (1 - s**4) ** 32, label="s", y_label="p", mark=0.7),
    ):
        ET.fromstring(svg)
