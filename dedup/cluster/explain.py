"""Why two articles are, or are not, one story: evidence that a person can read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from dedup.article import Article
from dedup.cluster.pair_features import NAMES, prepare
from dedup.cluster.pairs import PairModel, pair_rows
from dedup.text import CAPITAL, DIGITS, MIXED, NEWLINE, SENTENCE_START, SPACES, Texts, tokenize
from dedup.vectors import Idf, featurize
from dedup.vectors import anchors as a
from dedup.vectors.features import title_and_body
from dedup.vectors.kernels import LEAD_TOKENS
from dedup.vectors.lexicon import lexicon

#: Most names, anchors and passages shown.
SHOWN_NAMES, SHOWN_ANCHORS, SHOWN_PASSAGES = 12, 12, 3
_COSINES = ("body", "title", "lead", "names")
_MAX_ANCHORS = 96


@dataclass(frozen=True, slots=True)
class AnchorText:
    """An anchor as it stands in a text: ``kind`` (of ``vectors.anchors.KINDS``), ``value``, and the words around."""

    kind: str
    value: str
    text: str


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
    agreeing: tuple[AnchorText, ...] = ()
    conflicting: tuple[tuple[AnchorText, AnchorText], ...] = ()
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
    model, idf = model or PairModel.default(), idf or Idf.prior()
    features = featurize([one, two])
    prepared = prepare(features, idf)
    row = pair_rows(prepared, np.array([0]), np.array([1]))[0].astype(np.float64)
    terms = {name: float(value) for name, value in zip(NAMES, row * model.coef, strict=True) if value}
    terms["base"] = model.intercept
    hours = None
    if one.published_at and two.published_at:
        hours = abs((one.published_at - two.published_at).total_seconds()) / 3600
    left, right = _Reading(one), _Reading(two)
    agreeing, conflicting = _match_anchors(left.anchors, right.anchors)
    weights = dict(zip(prepared.term_hash.tolist(), prepared.weight.tolist(), strict=True))
    return PairEvidence(
        float(1 / (1 + np.exp(-sum(terms.values())))),
        {name: float(row[NAMES.index(name)] ** 2) for name in _COSINES},
        _shared_names(left.names & right.names),
        agreeing[:SHOWN_ANCHORS], conflicting[:SHOWN_ANCHORS], hours, terms,
        _nearest(left, right, weights) if passages else (),
    )  # fmt: skip


class _Reading:
    """One article, read for people: names, anchors, sentences."""

    def __init__(self, article: Article) -> None:
        title, body = title_and_body(article)
        # Title and body as one text of two lines keeps every token in one column.
        self.texts = Texts.of([f"{title}\n{body}" if title else body])
        self.tokens = tokenize(self.texts)
        title_tokens = int(tokenize(Texts.of([title])).offsets[-1])
        self.raw = self.texts.data.tobytes()
        self.names = self._names()
        self.anchors = self._anchors(article, title_tokens)

    def span(self, first: int, last: int) -> str:
        """Text of tokens ``first`` to ``last``, both included."""
        t = self.tokens
        first, last = max(0, first), min(len(t.start) - 1, last)
        return " ".join(self.raw[int(t.start[first]) : int(t.end[last])].decode("utf-8", "replace").split())

    def _names(self) -> set[str]:
        t = self.tokens
        capital = (t.flags & CAPITAL != 0) & (t.flags & (DIGITS | MIXED) == 0)
        names: set[str] = set()
        first = 0
        while first < len(capital):
            if not capital[first]:
                first += 1
                continue
            last = first
            while last + 1 < len(capital) and capital[last + 1] and t.separator[last + 1] == SPACES:
                last += 1
            if last > first or not t.flags[first] & SENTENCE_START:
                names.add(self.span(first, last))
            if last - first >= 2:
                # "Ông Đặng Văn Tường", "TP Hà Nội": the name without what stands before it.
                names.add(self.span(first + 1, last))
            first = last + 1
        return names

    def _anchors(self, article: Article, title_tokens: int) -> dict[int, tuple[int, AnchorText]]:
        """Anchors by key, with their weights."""
        t, n = self.tokens, len(self.tokens.start)
        keys, weights = np.empty(_MAX_ANCHORS, np.uint32), np.empty(_MAX_ANCHORS, np.int64)
        places = np.empty(_MAX_ANCHORS, np.int64)
        words, classes = lexicon()
        published = a.UNDATED if article.published_at is None else int(article.published_at.timestamp())
        count = 0
        for first, last, title in ((0, title_tokens, True), (title_tokens, n, False)):
            count = a.find_anchors(
                self.texts.data, 0, len(self.raw), t.hash, t.start, t.end, t.flags, t.separator, t.value,
                first, last, title, LEAD_TOKENS, published, words, classes, keys, weights, places, count,
            )  # fmt: skip
        out = {}
        for key, weight, place in zip(keys[:count].tolist(), weights.tolist(), places.tolist(), strict=False):
            out[key] = (weight, self._anchor_text(key, place))
        return out

    def _anchor_text(self, key: int, place: int) -> AnchorText:
        kind = key >> a.KIND_SHIFT
        around = self.span(place - 3, place + 2)
        if kind == a.DATE:
            year, month, day = key >> 9 & 127, key >> 5 & 15, key & 31
            value = f"{1970 + year}-{month:02}-{day:02}" if year else f"--{month:02}-{day:02}"
        elif kind == a.ORDINAL:
            value = str(key >> 16 & 1023)
        elif kind == a.SCORE:
            value = self.span(place, place + 1)
        else:
            value = self.span(place, place + 1)
        return AnchorText(a.KINDS[kind], value, around)

    def sentences(self) -> list[tuple[str, Counter[int]]]:
        """Sentences with the counts of their words' hashes."""
        t = self.tokens
        starts = np.flatnonzero((t.flags & SENTENCE_START != 0) | (t.separator == NEWLINE))
        bounds = sorted({0, *starts.tolist(), len(t.start)})
        return [(self.span(b, e - 1), Counter(t.hash[b:e].tolist())) for b, e in pairwise(bounds) if e - b >= 4]


def _shared_names(names: set[str]) -> tuple[str, ...]:
    """Longest first; a name inside a longer one is left out."""
    kept: list[str] = []
    for name in sorted(names, key=lambda n: (-len(n.split()), n)):
        if not any(f" {name} " in f" {longer} " for longer in kept):
            kept.append(name)
    return tuple(kept[:SHOWN_NAMES])


def _match_anchors(
    left: dict[int, tuple[int, AnchorText]], right: dict[int, tuple[int, AnchorText]]
) -> tuple[tuple[AnchorText, ...], tuple[tuple[AnchorText, AnchorText], ...]]:
    from dedup.cluster.pair_features import same_anchor

    agreeing, matched = [], set()
    for key, (weight, shown) in left.items():
        for other in right:
            if same_anchor(np.uint32(key), np.uint32(other)):
                agreeing.append((weight + right[other][0], shown))
                matched |= {key, other}
                break
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
        conflicting += [(left[x][1], right[y][1]) for x, y in pairs if x not in matched and y not in matched]
    # One ordinal goes with several nouns: it is said once, in its heaviest place.
    agreed = {(shown.kind, shown.value): shown for _, shown in reversed(agreeing)}
    against = {(x.kind, x.value): (x, y) for x, y in reversed(conflicting)}
    return tuple(reversed(agreed.values())), tuple(reversed(against.values()))


def _heaviest(anchors: dict[int, tuple[int, AnchorText]], kind: int) -> list[int]:
    keys = [key for key in anchors if key >> a.KIND_SHIFT == kind]
    return sorted(keys, key=lambda key: (-anchors[key][0], key))


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
