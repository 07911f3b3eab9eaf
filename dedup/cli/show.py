"""Answers as tables and trees for people."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dedup.views import (
    Anchor,
    ArticleView,
    Change,
    DeadLetter,
    Evidence,
    Link,
    MatchView,
    Page,
    StatusView,
    StoryView,
)

#: Relations as people read them.
RELATION = {
    "original": "first of its text",
    "identical": "identical text",
    "near_duplicate": "near-duplicate",
    "excerpt": "excerpt",
    "template": "same template, other numbers",
    "report": "own report",
}


def moment(value: datetime | None) -> str:
    """A time to the minute in UTC, or a dash."""
    return value.strftime("%Y-%m-%d %H:%M") if value else "-"


def story(view: StoryView, *, width: int = 120) -> RenderableType:
    """One story for a console of ``width`` columns: members, why the canonical, what links them."""
    parts: list[RenderableType] = []
    if view.redirected_from:
        parts.append(Text(f"{view.redirected_from} was merged into {view.id}", style="yellow"))
    head = Text(f"Story {view.id}", style="bold")
    head.append(f"  {_count(view.articles, 'article')}, {_count(view.groups, 'text')}, ", style="default")
    head.append(_count(len(view.sources), "source"), style="default")
    head.append("" if view.open else "  (closed)", style="dim")
    parts.append(head)
    if view.title:
        parts.append(Text(view.title, style="italic"))
    parts.append(_members(view, width))
    parts.append(_why_canonical(view))
    parts.extend(_links(view.links))
    return Group(*parts)


def _count(number: int, noun: str) -> str:
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number:,} {noun if number == 1 else plural}"


def _members(view: StoryView, width: int) -> Table:
    columns: list[tuple[str, list[str]]] = [
        ("", ["★" if member.is_canonical else "" for member in view.members]),
        ("article", [member.id for member in view.members]),
        ("relation", [RELATION[member.relation] for member in view.members]),
        ("score", ["-" if member.score is None else f"{member.score:.2f}" for member in view.members]),
        ("source", [member.source or "" for member in view.members]),
        ("published (UTC)", [moment(member.published_at) if member.published_at else "" for member in view.members]),
    ]
    shown = [(name, cells) for name, cells in columns if any(cells)]
    # The title takes what is left and is cut; an id is never cut, for it is there to be copied.
    taken = sum(max(len(name), *map(len, cells)) + 3 for name, cells in shown)
    left = max(20, width - taken - 3)
    shown.append(("title", [_cut(member.title or member.lead or "-", left) for member in view.members]))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, _ in shown:
        table.add_column(name, no_wrap=True, justify="right" if name == "score" else "left")
    for row in zip(*(cells for _, cells in shown), strict=True):
        table.add_row(*(Text(cell, style="bold green" if cell == "★" else "") for cell in row))
    return table


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _why_canonical(view: StoryView) -> RenderableType:
    if not view.canonical:
        return Text(f"canonical: {view.canonical_id}")
    names = list(view.canonical[0].components)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title="Why this canonical", title_justify="left")
    table.add_column("article", no_wrap=True)
    table.add_column("total", justify="right")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for score in view.canonical[:10]:
        cells = (f"{score.components.get(name, 0.0):.2f}" for name in names)
        table.add_row(Text(score.article_id), f"{score.total:.3f}", *cells)
    return table


def _links(links: Iterable[Link]) -> Iterable[RenderableType]:
    for link in list(links)[:20]:
        line = Text(f"{link.article_id} – {link.other_id}: {RELATION[link.relation]}, {link.score:.2f}")
        yield line
        yield _indent(evidence(link.evidence))


def evidence(view: Evidence) -> Text:
    """The evidence of a pair, a fact a line."""
    lines: list[str] = []
    if view.jaccard is not None:
        contained = f", containment {view.containment:.2f}" if view.containment is not None else ""
        lines.append(f"Jaccard {view.jaccard:.3f}{contained}")
    if view.probability is not None:
        cosines = ", ".join(f"{name} {value:.2f}" for name, value in view.cosines.items())
        lines.append(f"same event: {view.probability:.2f}" + (f"  (cosines: {cosines})" if cosines else ""))
    if view.shared_names:
        lines.append("shared names: " + ", ".join(view.shared_names[:8]))
    if view.agreeing:
        lines.append("agreeing anchors: " + ", ".join(map(anchor, view.agreeing[:8])))
    if view.conflicting:
        pairs = (f"{anchor(a)} against {anchor(b)}" for a, b in view.conflicting[:8])
        lines.append("conflicting anchors: " + "; ".join(pairs))
    if view.hours_apart is not None:
        lines.append(f"published {view.hours_apart:.1f} hours apart")
    return Text("\n".join(lines) or "no evidence stored")


def anchor(item: Anchor) -> str:
    """An anchor as people read it."""
    written = f" “{item.text}”" if item.text and item.text != item.value else ""
    return f"{item.kind} {item.value}{written}"


def _indent(text: Text) -> Text:
    return Text("\n".join("    " + line for line in text.plain.splitlines()), style="dim")


def stories(page: Page[StoryView]) -> RenderableType:
    """A page of stories, a line each, and how to come to the next."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, justify in (("story", "left"), ("articles", "right"), ("texts", "right"), ("sources", "right")):
        table.add_column(name, justify="right" if justify == "right" else "left")
    table.add_column("last (UTC)")
    table.add_column("canonical", overflow="fold")
    table.add_column("title", overflow="ellipsis", max_width=56, no_wrap=True)
    for view in page.items:
        counts = (str(view.articles), str(view.groups), str(len(view.sources)))
        table.add_row(view.id, *counts, moment(view.last_at), Text(view.canonical_id), Text(view.title or "-"))
    return Group(table, Text(f"more: --cursor {page.next_cursor}")) if page.next_cursor else table


def article(view: ArticleView) -> RenderableType:
    """One article: what it is and where it belongs."""
    rows = [
        ("article", view.id),
        ("title", view.title),
        ("url", view.url),
        ("source", view.source),
        ("published", moment(view.published_at)),
        ("received", moment(view.received_at)),
        ("language", view.lang),
        ("revision", str(view.revision)),
        ("state", view.state),
        ("story", view.story_id),
        ("relation", RELATION.get(view.relation or "", view.relation)),
        ("duplicate group", view.duplicate_group_id),
        ("canonical", "this one" if view.is_canonical else view.canonical_id),
        ("score", None if view.score is None else f"{view.score:.3f}"),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, value in rows:
        if value is not None:
            table.add_row(name, Text(value))
    parts: list[RenderableType] = [table, *_links(view.links)]
    if view.text:
        parts += [Text(), Text(view.text)]
    return Group(*parts)


def match(view: MatchView) -> RenderableType:
    """What a text matches."""
    parts: list[RenderableType] = []
    for item in view.duplicates:
        parts.append(Text(f"{RELATION[item.relation]} of {item.id} ({item.score:.3f})  {item.title or ''}"))
    if view.story_id:
        sure = "" if view.probability is None else f" (probability {view.probability:.2f})"
        parts.append(Text(f"belongs to story {view.story_id}{sure}"))
    if not parts:
        parts.append(Text("nothing like it is known"))
    parts.extend(_links(view.nearest[:5]))
    return Group(*parts)


def status(view: StatusView) -> RenderableType:
    """How the service stands."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("store", f"{view.store}  ({view.server}, schema {view.schema})")
    table.add_row("articles", f"{view.articles:,} in {view.groups:,} texts and {view.stories:,} stories")
    table.add_row("queue", f"{view.queue:,} articles waiting for a worker")
    for lang, number in view.pending.items():
        holder = view.lease_holder.get(lang)
        table.add_row("pending", f"{number:,} in {lang}" + (f", lease held by {holder}" if holder else ""))
    if view.oldest_pending_seconds is not None:
        table.add_row("oldest pending", f"{view.oldest_pending_seconds:.1f} s")
    table.add_row("dead letters", f"{view.dead:,}")
    table.add_row("workers", str(view.workers))
    for name, rate in view.rates.items():
        table.add_row(f"rate, {name}", f"{rate:,.1f} articles/s")
    table.add_row("memory", f"{view.memory_bytes / 2**20:,.1f} MiB")
    for warning in view.warnings:
        table.add_row("warning", Text(warning, style="yellow"))
    return table


def changes(page: Page[Change]) -> Table:
    """A page of the change feed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("cursor", "at (UTC)", "change", "article", "story"):
        table.add_column(name, overflow="fold")
    for item in page.items:
        when = item.at.strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(item.cursor, when, item.kind, Text(item.article_id or "-"), item.story_id or "-")
    return table


def dead(page: Page[DeadLetter]) -> Table:
    """A page of dead letters, a line each."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("letter", "at (UTC)", "tries", "article", "reason"):
        table.add_column(name, overflow="fold")
    for item in page.items:
        table.add_row(item.id, moment(item.at), str(item.tries), Text(item.article_id or "-"), Text(item.reason))
    return table
