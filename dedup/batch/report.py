"""The report of a batch or nightly run: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from dedup.batch.checkpoint import replaced
from dedup.batch.plots import curve, histogram, sizes
from dedup.sketch.bands import candidate_probability


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the run: how long it took and over how many things."""

    name: str
    seconds: float
    items: int


@dataclass(frozen=True, slots=True)
class BigStory:
    """A story worth naming."""

    id: str
    title: str
    articles: int
    groups: int
    sources: int
    first_at: datetime | None
    last_at: datetime | None


@dataclass(frozen=True, slots=True)
class Borderline:
    """A link whose score is close to its threshold, for a person to read."""

    kind: str
    score: float
    article_id: str
    title: str
    other_id: str
    other_title: str


@dataclass(frozen=True, slots=True)
class Copying:
    """A source: how many of its articles copy another source's, and how many times its own are copied."""

    source: str
    articles: int
    copies: int
    copied: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What changed against the previous run."""

    previous: str
    added: int
    removed: int
    kept: int
    created: int
    merged: int
    split: int
    canonical: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """Everything a report shows.

    Attributes
    ----------
    group_sizes, story_sizes :
        Members to number of groups, of stories.
    jaccard :
        Histogram of the verified Jaccard of candidate pairs over 0..1.
    probability :
        Histogram of the pair model's probability of scored pairs over 0..1.
    """

    title: str
    started_at: datetime
    finished_at: datetime
    inputs: tuple[str, ...]
    articles: int
    rejected: tuple[str, ...] = ()
    rejected_count: int = 0
    superseded: int = 0
    stages: tuple[Stage, ...] = ()
    peak_memory: int | None = None
    languages: Mapping[str, int] = field(default_factory=dict)
    relations: Mapping[str, int] = field(default_factory=dict)
    group_sizes: Mapping[int, int] = field(default_factory=dict)
    story_sizes: Mapping[int, int] = field(default_factory=dict)
    jaccard: tuple[int, ...] = ()
    jaccard_threshold: float = 0.7
    probability: tuple[int, ...] = ()
    probability_threshold: float = 0.5
    bands: int = 32
    rows: int = 4
    biggest: tuple[BigStory, ...] = ()
    borderline: tuple[Borderline, ...] = ()
    copying: tuple[Copying, ...] = ()
    comparison: Comparison | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Wall time of the run."""
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def groups(self) -> int:
        """Number of duplicate groups."""
        return sum(self.group_sizes.values())

    @property
    def stories(self) -> int:
        """Number of stories."""
        return sum(self.story_sizes.values())


def render_report(report: RunReport) -> str:
    """Return the report as HTML."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(
        loader=PackageLoader("dedup.batch", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters |= {"count": _count, "duration": _duration, "moment": _moment, "memory": _memory}
    return env.get_template("report.html.j2").render(run=report, plots=_plots(report))


def write_report(report: RunReport, path: Path) -> None:
    """Write the report in one step; folders are made when missing."""
    html = render_report(report)
    with replaced(path) as draft:
        draft.write_text(html, encoding="utf-8")


def _plots(report: RunReport) -> dict[str, str]:
    out = {
        "groups": sizes(sorted(report.group_sizes.items()), label="articles in a duplicate group"),
        "stories": sizes(sorted(report.story_sizes.items()), label="articles in a story"),
        "curve": curve(
            lambda s: candidate_probability(s, report.bands, report.rows),
            label=f"Jaccard of a pair; {report.bands} bands of {report.rows} rows",
            y_label="becomes a candidate",
            mark=report.jaccard_threshold,
        ),
    }
    if any(report.jaccard):
        out["jaccard"] = histogram(
            report.jaccard, low=0, high=1, label="verified Jaccard of related pairs", mark=report.jaccard_threshold
        )
    if any(report.probability):
        out["probability"] = histogram(
            report.probability,
            low=0,
            high=1,
            label="probability that two articles report one event",
            mark=report.probability_threshold,
        )
    return out


def _count(value: int) -> str:
    return f"{value:,}"


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _moment(value: datetime | None) -> str:
    return value.strftime("%Y-%m-%d %H:%M") if value else "undated"


def _memory(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
