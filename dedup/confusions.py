"""The confusions of a clustering worth reading, as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from dedup.article import Article
from dedup.cluster.explain import explain

#: Confusions shown, and articles shown of each story.
SHOWN, LINES = 40, 8
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h2{margin-top:2.2rem;font-size:1.05rem}table{border-collapse:collapse}td,th{padding:.15rem .6rem;text-align:left;"
    "border-bottom:1px solid #ddd;vertical-align:top}.n{font-variant-numeric:tabular-nums}"
    "@media(prefers-color-scheme:dark){body{background:#161616;color:#ddd}td,th{border-color:#444}}"
)


def confusions(gold: Sequence[str], found: Sequence[Any]) -> list[tuple[int, str, list[int]]]:
    """Return the confusions, those that cost most pairs first.

    Each is (pairs, ``"joined"`` or ``"parted"``, articles): several true stories in one found story, or one true
    story over several.
    """
    out: list[tuple[int, str, list[int]]] = []
    for kind, inner, outer in (("joined", gold, found), ("parted", found, gold)):
        groups: dict[Any, list[int]] = {}
        for i, label in enumerate(outer):
            groups.setdefault(label, []).append(i)
        for members in groups.values():
            sizes: dict[Any, int] = {}
            for i in members:
                sizes[inner[i]] = sizes.get(inner[i], 0) + 1
            pairs = (len(members) ** 2 - sum(size * size for size in sizes.values())) // 2
            if pairs:
                out.append((pairs, kind, sorted(members, key=lambda i: (str(inner[i]), i))))
    return sorted(out, key=lambda item: (-item[0], item[1], item[2]))


def write_report(
    path: Path, articles: Sequence[Article], gold: Sequence[str], found: Sequence[Any], scores: Mapping[str, Any]
) -> None:
    """Write the page: scores, then each confusion with the evidence on its closest wrong pair."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>Confusions</title>",
        f"<style>{_STYLE}</style><h1>Confusions</h1>",
    ]
    rows = "".join(
        f"<tr><td>{escape(name)}<td class=n>{value:.4f}"
        if isinstance(value, float)
        else f"<tr><td>{escape(name)}<td class=n>{value}"
        for name, value in scores.items()
    )
    parts.append(f"<table>{rows}</table>")
    for pairs, kind, members in confusions(gold, found)[:SHOWN]:
        inner = gold if kind == "joined" else found
        what = "true stories found as one" if kind == "joined" else "one true story found as several"
        parts.append(f"<h2>{pairs} pairs: {what}</h2><table>")
        seen: dict[Any, int] = {}
        for i in members:
            seen[inner[i]] = seen.get(inner[i], 0) + 1
            if seen[inner[i]] <= LINES:
                one = articles[i]
                when = one.published_at.isoformat(" ", "minutes") if one.published_at else ""
                parts.append(
                    f"<tr><td>{escape(str(inner[i]))}<td class=n>{escape(when)}"
                    f"<td>{escape(one.title or one.text[:90])}<td>{escape(one.id)}"
                )
        parts.append("</table>" + _evidence(articles, members, inner))
    path.write_text("\n".join(parts), encoding="utf-8")


def _evidence(articles: Sequence[Article], members: Sequence[int], inner: Sequence[Any]) -> str:
    """The evidence on the first pair of two sides."""
    first = members[0]
    other = next(i for i in members if inner[i] != inner[first])
    evidence = explain(articles[first], articles[other], passages=False)
    agree = ", ".join(f"{anchor.kind} {anchor.value}" for anchor in evidence.agreeing) or "none"
    conflict = ", ".join(f"{a.kind} {a.value} against {b.value}" for a, b in evidence.conflicting) or "none"
    names = ", ".join(evidence.shared_names) or "none"
    return (
        f"<p>{escape(articles[first].id)} and {escape(articles[other].id)}: probability "
        f"<span class=n>{evidence.probability:.3f}</span>. Names in both: {escape(names)}. Anchors that agree: "
        f"{escape(agree)}. Anchors that conflict: {escape(conflict)}.</p>"
    )
