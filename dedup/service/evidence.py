"""Evidence for people: the explanation of the story room in the records that answers are made of."""

from __future__ import annotations

from dedup.article import Article
from dedup.cluster.explain import AnchorText, explain
from dedup.cluster.relation import Relation
from dedup.service.verify import Judged
from dedup.views import Anchor, Evidence


def evidence_of(one: Article, two: Article, judged: Judged | None = None, *, passages: bool = True) -> Evidence:
    """Why two articles are, or are not, together.

    Parameters
    ----------
    one, two:
        The articles.
    judged:
        Their relation as texts, where it was verified.
    passages:
        Whether to look for the nearest passages.
    """
    found = explain(one, two, passages=passages)
    score = judged.score if judged is not None else None
    cut = judged is not None and judged.relation == Relation.EXCERPT
    return Evidence(
        probability=found.probability,
        jaccard=None if cut else score,
        containment=score if cut else None,
        cosines=found.cosines,
        shared_names=found.shared_names,
        agreeing=tuple(map(_anchor, found.agreeing)),
        conflicting=tuple((_anchor(left), _anchor(right)) for left, right in found.conflicting),
        hours_apart=found.hours_apart,
        terms=found.terms,
        passages=found.passages,
    )


def _anchor(anchor: AnchorText) -> Anchor:
    return Anchor(anchor.kind, anchor.value, anchor.text)  # type: ignore[arg-type]
