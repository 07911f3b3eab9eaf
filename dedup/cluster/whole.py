"""Duplicate groups and stories of articles in memory: the public function ``dedup.cluster``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.cluster.canonical import CanonicalScore, rank_canonical
from dedup.cluster.duplicates import find_duplicates
from dedup.cluster.explain import PairEvidence, explain
from dedup.cluster.pairs import PairModel
from dedup.cluster.relation import Relation, RelationRule
from dedup.cluster.stories import cluster_stories
from dedup.cluster.templates import mark_templates
from dedup.errors import ArticleError
from dedup.identity import group_id, story_id
from dedup.outlets import UNKNOWN, load_outlets
from dedup.settings import Settings
from dedup.text.boilerplate import Boilerplate
from dedup.vectors import Encoder, Features, Idf, encode, featurize
from dedup.vectors.features import LineFilter


@dataclass(frozen=True, slots=True)
class StoryLink:
    """A link inside a story: two articles, and the probability that they report one event."""

    article_id: str
    other_id: str
    probability: float


@dataclass(frozen=True)
class Clustering:
    """Duplicate groups and stories of ``n`` articles, in the order in which they were given.

    Attributes
    ----------
    articles:
        The articles.
    labels:
        ``int64[n]``: story of each article, numbered by first appearance.
    group_labels:
        ``int64[n]``: duplicate group of each article, numbered by first appearance.
    founder, representative, canonical:
        ``int64[n]``: founder of the story, representative of the group and canonical article of the story, as rows.
    relations:
        ``uint8[n]``: :class:`~dedup.cluster.relation.Relation` of each article.
    scores:
        ``float64[n]``: verified Jaccard (containment of an excerpt), or probability of a report; 1 for an original.
    links:
        The strongest link of each report to another article of its story.
    """

    articles: tuple[Article, ...]
    labels: NDArray[np.int64]
    group_labels: NDArray[np.int64]
    founder: NDArray[np.int64]
    representative: NDArray[np.int64]
    canonical: NDArray[np.int64]
    relations: NDArray[np.uint8]
    scores: NDArray[np.float64]
    links: tuple[StoryLink, ...]
    rankings: Mapping[int, tuple[CanonicalScore, ...]]

    def __len__(self) -> int:
        return len(self.articles)

    def __repr__(self) -> str:
        return f"Clustering({len(self)} articles, {len(self.duplicate_groups)} texts, {len(self.stories)} stories)"

    @cached_property
    def ids(self) -> list[str]:
        """Article ids."""
        return [article.id for article in self.articles]

    @cached_property
    def stories(self) -> dict[str, list[str]]:
        """Article ids of each story, by story id."""
        return self._by_id([story_id(self.ids[i]) for i in self.founder])

    @cached_property
    def duplicate_groups(self) -> dict[str, list[str]]:
        """Article ids of each duplicate group, by group id."""
        return self._by_id([group_id(self.ids[i]) for i in self.representative])

    def explain(self, one: str, two: str) -> PairEvidence:
        """Say why two articles, named by their ids, are or are not together."""
        return explain(self.articles[self.ids.index(one)], self.articles[self.ids.index(two)])

    def to_arrow(self) -> Any:
        """Return a :class:`pyarrow.Table` with one row an article.

        Columns ``id, story_id, duplicate_group_id, relation, is_canonical, canonical_id, score``.
        """
        import pyarrow as pa

        return pa.table(
            {
                "id": self.ids,
                "story_id": [story_id(self.ids[i]) for i in self.founder],
                "duplicate_group_id": [group_id(self.ids[i]) for i in self.representative],
                "relation": [Relation(int(r)).word for r in self.relations],
                "is_canonical": self.canonical == np.arange(len(self)),
                "canonical_id": [self.ids[i] for i in self.canonical],
                "score": self.scores,
            }
        )

    def _by_id(self, names: list[str]) -> dict[str, list[str]]:
        out: dict[str, list[str]] = {}
        for name, article in zip(names, self.ids, strict=True):
            out.setdefault(name, []).append(article)
        return out


def cluster_articles(
    articles: Sequence[Article | Mapping[str, Any] | str], *, settings: Settings | None = None,
    threshold: float | None = None, policy: str | None = None, model: PairModel | None = None, idf: Idf | None = None,
    trust: Mapping[str, float] | None = None, boilerplate: LineFilter | Literal["learn"] | None = None,
    encoder: Encoder | None = None, threads: int | None = None,
) -> Clustering:  # fmt: skip
    """Group articles into duplicate groups and stories, and pick the canonical article of each story.

    Parameters
    ----------
    articles:
        Articles, mappings with their fields, or plain texts.
    settings:
        ``sketch`` and ``story`` sections are used; the defaults when missing.
    threshold:
        Probability needed to put groups into one story, in place of ``settings.story.threshold``.
    policy:
        Canonical policy, in place of ``settings.story.canonical``.
    model, idf:
        The packaged pair model; the packaged prior blended with these articles.
    trust:
        Trust in each source by name, 0 to 1; the packaged list when missing.
    boilerplate:
        The lines that each source repeats, left out of the features; ``"learn"`` learns them from these articles
        first, each duplicate group counted once.
    encoder:
        Texts to vectors: the nearest articles by it are candidates too, and its cosine is a feature of the pair model,
        of no weight in the packaged one (``python -m dedup.cluster.train --encoder`` learns it).
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    Clustering
        The partition, names, relations and canonical picks do not depend on the order of the articles.

    Raises
    ------
    ArticleError
        If an article is not valid, or two share an id.

    Examples
    --------
    >>> import dedup
    >>> len(dedup.cluster(["Fire in Hue kills two people.", "A cat show opens in Lyon on Sunday."]).stories)
    2
    """
    settings = settings or Settings()
    items = tuple(_article(item) for item in articles)
    seen: set[str] = set()
    for item in items:
        if item.id in seen:
            raise ArticleError(f"{item.id!r} is the id of two articles; give each its own", field="id")
        seen.add(item.id)
    by_preference = sorted(range(len(items)), key=lambda i: _preference(items[i]))
    order = np.array(by_preference, np.int64)
    sketch, story = settings.sketch, settings.story
    duplicates = find_duplicates(
        [item.text for item in items], threshold=sketch.threshold, ngram=sketch.ngram, num_perm=sketch.num_perm,
        seed=sketch.seed, order=order, threads=threads,
        rule=RelationRule(threshold=sketch.threshold, containment=sketch.containment),
    )  # fmt: skip
    anchor = duplicates.representatives[duplicates.labels] if len(items) else np.empty(0, np.int64)
    leaders = order[anchor[order] == order]
    if boilerplate == "learn":
        boilerplate = Boilerplate.of((items[i].source, items[i].text) for i in leaders)
    features = featurize(items, boilerplate=boilerplate, threads=threads)
    found = cluster_stories(
        features.take(leaders), idf=idf, model=model, threshold=threshold or story.threshold,
        window=story.window_days * 86_400, most=story.candidates, threads=threads,
        vectors=None if encoder is None else encode(encoder, [items[i] for i in leaders]),
    )  # fmt: skip
    # Leaders are in order of preference, so the lowest row of a story is its founder.
    first = np.full(len(leaders), len(leaders), np.int64)
    np.minimum.at(first, found.labels, np.arange(len(leaders)))
    founder_of = np.empty(len(items), np.int64)
    founder_of[leaders] = leaders[first[found.labels]]
    founder = founder_of[anchor]
    relations, scores = duplicates.relations.copy(), duplicates.scores.astype(np.float64)
    reports = leaders[founder[leaders] != leaders]
    relations[reports] = Relation.REPORT
    belongs = np.ones(len(items))
    belongs[leaders] = found.score
    scores[reports] = belongs[reports]
    pairs = duplicates.pairs
    template = pairs.relation == Relation.TEMPLATE
    mark_templates(
        pairs.left[template], pairs.right[template], pairs.jaccard[template],
        rank=np.argsort(order), relations=relations, scores=scores,
    )  # fmt: skip
    trust = load_outlets(settings.outlets) if trust is None else trust
    trusted = [trust.get((item.source or "").lower(), UNKNOWN) for item in items]
    canonical, rankings = _canonicals(items, features, founder, policy or story.canonical, trusted)
    links = tuple(
        StoryLink(items[leaders[a]].id, items[leaders[b]].id, float(p))
        for a, b, p in zip(found.left, found.right, found.probability, strict=True)
    )
    return Clustering(
        items, _numbered(founder), _numbered(anchor), founder, anchor, canonical, relations, scores, links, rankings
    )


def _article(item: Article | Mapping[str, Any] | str) -> Article:
    if isinstance(item, Article):
        return item
    return Article(text=item) if isinstance(item, str) else Article.from_dict(item)


def _preference(article: Article) -> tuple[bool, float, str]:
    moment = article.published_at
    return moment is None, moment.timestamp() if moment else 0.0, article.id


def _numbered(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(rows, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)


def _canonicals(
    items: tuple[Article, ...], features: Features, founder: NDArray[np.int64], policy: str, trust: list[float]
) -> tuple[NDArray[np.int64], dict[int, tuple[CanonicalScore, ...]]]:
    canonical = founder.copy()
    rankings: dict[int, tuple[CanonicalScore, ...]] = {}
    by_story = np.argsort(founder, kind="stable")
    for members in np.split(by_story, np.flatnonzero(np.diff(founder[by_story])) + 1):
        if len(members) > 1:
            ranked = rank_canonical(
                features.take(members), [items[i].id for i in members], policy=policy, trust=[trust[i] for i in members]
            )
            canonical[members] = members[ranked[0].index]
            rankings[int(founder[members[0]])] = tuple(
                CanonicalScore(int(members[r.index]), r.total, r.components) for r in ranked
            )
    return canonical, rankings
