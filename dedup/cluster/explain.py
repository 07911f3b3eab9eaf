"""Why two articles are, or are not, one story: evidence that a person can read."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from dedup.article import Article
from dedup.cluster.pair_features import NAMES, prepare
from dedup.cluster.pair_kernels import same_anchor
from dedup.cluster.pairs import PairModel, pair_rows
from dedup.text import Texts, Tokens, tokenize
from dedup.text.shapes import CAPITAL, DIGITS, MIXED, NEWLINE, SENTENCE_START, SPACES
from dedup.vectors import Features, Idf, featurize
from dedup.vectors import anchors as a
from dedup.vectors.features import title_and_body
from dedup.vectors.kernels import LEAD_TOKENS
from dedup.vectors.lexicon import lexicon
from dedup.views import Anchor

#: Most names, anchors and passages shown.
SHOWN_NAMES, SHOWN_ANCHORS, SHOWN_PASSAGES = 12, 12, 3
_COSINES = ("body", "title", "lead", "names")
_MAX_ANCHORS = 96
_COLUMNS = ("hash", "start", "end", "flags", "separator", "value")


@dataclass(frozen=True, slots=True)
class PairEvidence:
    """Evidence on a pair of articles.

    Attributes
    ----------
    probability:
        That they report one event, by the pair model.
    cosines:
        TF-IDF cosine of each field.
    shared_names:
        Proper names in both, longest first.
    agreeing, conflicting:
        Anchors in both; and pairs of which one contradicts the other (other main day, one head with two ordinals).
    hours_apart:
        Between the publications, ``None`` if either is unknown.
    terms:
        What each pair feature added to the log-odds, the intercept as ``base``; they sum to the model's log-odds.
    passages:
        Nearest passages: from the first article, from the second, likeness 0 to 1.
    """

    probability: float
    cosines: dict[str, float]
    shared_names: tuple[str, ...] = ()
    agreeing: tuple[Anchor, ...] = ()
    conflicting: tuple[tuple[Anchor, Anchor], ...] = ()
    hours_apart: float | None = None
    terms: dict[str, float] = field(default_factory=dict)
    passages: tuple[tuple[str, str, float], ...] = ()


def explain(
    one: Article, two: Article, *, model: PairModel | None = None, idf: Idf | None = None, passages: bool = True
) -> PairEvidence:
    """Explain a pair of articles.

    Parameters
    ----------
    one, two:
        The articles; the order only decides which is named first.
    model, idf:
        The packaged ones when missing.
    passages:
        Whether to look for the nearest passages.
    """
    return explain_pairs([one, two], [(0, 1)], model=model, idf=idf, passages=passages)[0]


def explain_pairs(
    articles: Sequence[Article], pairs: Sequence[tuple[int, int]], *, features: Features | None = None,
    model: PairModel | None = None, idf: Idf | None = None, passages: bool = True,
) -> list[PairEvidence]:  # fmt: skip
    """Explain many pairs of a few articles: each article is read once.

    Parameters
    ----------
    articles:
        The articles.
    pairs:
        Places in ``articles``.
    features:
        One row an article, where they are at hand.
    model, idf, passages:
        As for :func:`explain`.
    """
    if not pairs:
        return []
    model, idf = model or PairModel.default(), idf or Idf.prior()
    prepared = prepare(featurize(articles) if features is None else features, idf)
    left, right = np.array(pairs, np.int64).T
    rows = pair_rows(prepared, np.ascontiguousarray(left), np.ascontiguousarray(right)).astype(np.float64)
    readings = _read(articles)
    weights = dict(zip(prepared.term_hash.tolist(), prepared.weight.tolist(), strict=True)) if passages else {}
    found = []
    columns = (rows * model.coef).tolist(), (rows[:, [NAMES.index(name) for name in _COSINES]] ** 2).tolist()
    for (i, j), added, cosines in zip(pairs, *columns, strict=True):
        one, two = articles[i], articles[j]
        terms = {name: value for name, value in zip(NAMES, added, strict=True) if value}
        terms["base"] = model.intercept
        hours = None
        if one.published_at and two.published_at:
            hours = abs((one.published_at - two.published_at).total_seconds()) / 3600
        agreeing, conflicting = _match_anchors(readings[i], readings[j])
        found.append(
            PairEvidence(
                float(1 / (1 + np.exp(-sum(terms.values())))),
                dict(zip(_COSINES, cosines, strict=True)),
                _shared_names(readings[i].names & readings[j].names),
                agreeing[:SHOWN_ANCHORS], conflicting[:SHOWN_ANCHORS], hours, terms,
                _nearest(readings[i], readings[j], weights) if passages else (),
            )
        )  # fmt: skip
    return found


def _read(articles: Sequence[Article]) -> list[_Reading]:
    """Read articles for people; tokens of all are found at once."""
    pairs = [title_and_body(article) for article in articles]
    # Title and body as one text of two lines keeps every token in one column.
    texts = Texts.of([f"{title}\n{body}" if title else body for title, body in pairs])
    tokens = tokenize(texts)
    return [_Reading(article, texts, tokens, i, titled=bool(pairs[i][0])) for i, article in enumerate(articles)]


class _Reading:
    """Text ``i`` of a column, read for people: names, anchors, sentences.  ``titled``: its first line is the title."""

    def __init__(self, article: Article, texts: Texts, tokens: Tokens, i: int, *, titled: bool) -> None:
        first, last = int(tokens.offsets[i]), int(tokens.offsets[i + 1])
        self._tokens = {name: getattr(tokens, name)[first:last] for name in _COLUMNS}
        self._bytes = texts.data[texts.offsets[i] : texts.offsets[i + 1]]
        self._raw = self._bytes.tobytes()
        self._starts, self._ends = self._tokens["start"].tolist(), self._tokens["end"].tolist()
        self.names = self._names()
        title_tokens = bisect_left(self._starts, self._raw.index(b"\n")) if titled else 0
        self.anchors = self._anchors(article, title_tokens)

    def span(self, first: int, last: int) -> str:
        """Text of tokens ``first`` to ``last``, both included."""
        first, last = max(0, first), min(len(self._starts) - 1, last)
        return " ".join(self._raw[self._starts[first] : self._ends[last]].decode("utf-8", "replace").split())

    def _names(self) -> set[str]:
        flags = self._tokens["flags"]
        capital = np.flatnonzero((flags & CAPITAL != 0) & (flags & (DIGITS | MIXED) == 0))
        spaced = (self._tokens["separator"][capital] == SPACES).tolist()
        begins = (flags[capital] & SENTENCE_START != 0).tolist()
        places = capital.tolist()
        names: set[str] = set()
        k = 0
        while k < len(places):
            first, begun = places[k], begins[k]
            while k + 1 < len(places) and places[k + 1] == places[k] + 1 and spaced[k + 1]:
                k += 1
            last = places[k]
            k += 1
            if last > first or not begun:
                names.add(self.span(first, last))
            if last - first >= 2:
                # "Ông Đặng Văn Tường", "TP Hà Nội": the name without what stands before it.
                names.add(self.span(first + 1, last))
        return names

    def _anchors(self, article: Article, title_tokens: int) -> dict[int, tuple[int, int]]:
        """Weight and first token of each anchor, by key."""
        t, n = self._tokens, len(self._starts)
        keys, weights = np.empty(_MAX_ANCHORS, np.uint32), np.empty(_MAX_ANCHORS, np.int64)
        places = np.empty(_MAX_ANCHORS, np.int64)
        words, classes = lexicon()
        published = a.UNDATED if article.published_at is None else int(article.published_at.timestamp())
        count = 0
        for first, last, title in ((0, title_tokens, True), (title_tokens, n, False)):
            count = a.find_anchors(
                self._bytes, 0, len(self._raw), t["hash"], t["start"], t["end"], t["flags"], t["separator"], t["value"],
                first, last, title, LEAD_TOKENS, published, words, classes, keys, weights, places, count,
            )  # fmt: skip
        found = zip(keys[:count].tolist(), weights[:count].tolist(), places[:count].tolist(), strict=True)
        return {key: (weight, place) for key, weight, place in found}

    def shown(self, key: int) -> Anchor:
        """An anchor of this text as people read it."""
        kind, place = key >> a.KIND_SHIFT, self.anchors[key][1]
        if kind == a.DATE:
            year, month, day = key >> 9 & 127, key >> 5 & 15, key & 31
            value = f"{1970 + year}-{month:02}-{day:02}" if year else f"--{month:02}-{day:02}"
        elif kind == a.ORDINAL:
            value = str(key >> 16 & 1023)
        else:
            value = self.span(place, place + 1)
        return Anchor(a.KINDS[kind], value, self.span(place - 3, place + 2))

    def sentences(self) -> list[tuple[str, Counter[int]]]:
        """Sentences with the counts of their words' hashes."""
        t = self._tokens
        starts = np.flatnonzero((t["flags"] & SENTENCE_START != 0) | (t["separator"] == NEWLINE))
        bounds = sorted({0, *starts.tolist(), len(self._starts)})
        return [(self.span(b, e - 1), Counter(t["hash"][b:e].tolist())) for b, e in pairwise(bounds) if e - b >= 4]


def _shared_names(names: set[str]) -> tuple[str, ...]:
    """Longest first; a name inside a longer one is left out."""
    kept: list[str] = []
    for name in sorted(names, key=lambda n: (-len(n.split()), n)):
        if not any(f" {name} " in f" {longer} " for longer in kept):
            kept.append(name)
    return tuple(kept[:SHOWN_NAMES])


def _match_anchors(left: _Reading, right: _Reading) -> tuple[tuple[Anchor, ...], tuple[tuple[Anchor, Anchor], ...]]:
    agreeing, matched = [], set()
    for key, (weight, _) in left.anchors.items():
        other = key if key in right.anchors else _like(key, right)
        if other is not None:
            agreeing.append((weight + right.anchors[other][0], left.shown(key)))
            matched |= {key, other}
    agreeing.sort(key=lambda item: (-item[0], item[1].kind, item[1].value))
    conflicting = []
    for kind in (a.DATE, a.ORDINAL, a.SCORE):
        ones, twos = (_heaviest(side, kind) for side in (left, right))
        if not ones or not twos:
            continue
        if kind == a.ORDINAL:
            pairs = [(x, y) for x in ones for y in twos if x & 0xFFFF == y & 0xFFFF]
            pairs = pairs or ([] if any(k in matched for k in (*ones, *twos)) else [(ones[0], twos[0])])
        else:
            pairs = [] if any(k in matched for k in (*ones, *twos)) else [(ones[0], twos[0])]
        against = [(x, y) for x, y in pairs if x not in matched and y not in matched]
        conflicting += [(left.shown(x), right.shown(y)) for x, y in against]
    # One ordinal goes with several nouns: it is said once, in its heaviest place.
    agreed = {(shown.kind, shown.value): shown for _, shown in reversed(agreeing)}
    opposed = {(x.kind, x.value): (x, y) for x, y in reversed(conflicting)}
    return tuple(reversed(agreed.values())), tuple(reversed(opposed.values()))


def _like(key: int, side: _Reading) -> int | None:
    """An anchor of the other text that names the same thing otherwise: a date without a year, an ordinal's other noun.

    Only these two can: see :func:`~dedup.cluster.pair_kernels.same_anchor`.
    """
    kind = key >> a.KIND_SHIFT
    if kind not in (a.DATE, a.ORDINAL):
        return None
    others = (other for other in side.anchors if other >> a.KIND_SHIFT == kind)
    return next((other for other in others if same_anchor(np.uint32(key), np.uint32(other))), None)


def _heaviest(side: _Reading, kind: int) -> list[int]:
    keys = [key for key in side.anchors if key >> a.KIND_SHIFT == kind]
    return sorted(keys, key=lambda key: (-side.anchors[key][0], key))


def _nearest(left: _Reading, right: _Reading, weights: dict[int, float]) -> tuple[tuple[str, str, float], ...]:
    ones, twos = left.sentences(), right.sentences()
    if not ones or not twos:
        return ()
    cosine = np.zeros((len(ones), len(twos)))
    norms = [[_norm(bag, weights) for _, bag in side] for side in (ones, twos)]
    for i, (_, x) in enumerate(ones):
        for j, (_, y) in enumerate(twos):
            shared = x.keys() & y.keys()
            dot = sum(x[h] * y[h] * weights.get(h, 1.0) ** 2 for h in shared)
            cosine[i, j] = dot / max(1e-9, norms[0][i] * norms[1][j])
    found: list[tuple[str, str, float]] = []
    while len(found) < SHOWN_PASSAGES:
        i, j = divmod(int(cosine.argmax()), cosine.shape[1])
        if cosine[i, j] < 0.15:
            break
        found.append((ones[i][0], twos[j][0], round(float(cosine[i, j]), 4)))
        cosine[i, :] = cosine[:, j] = 0
    return tuple(found)


def _norm(bag: Counter[int], weights: dict[int, float]) -> float:
    return float(np.sqrt(sum((count * weights.get(h, 1.0)) ** 2 for h, count in bag.items())))
