"""Features: what story decisions know of each article, as columns.

Batch and stream see the same pruned features; the store keeps them packed (see :mod:`dedup.vectors.packing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.text import Texts, Tokens, detect_language, tokenize
from dedup.text.parallel import ordered_map, thread_count
from dedup.vectors.anchors import UNDATED
from dedup.vectors.kernels import ANCHORS, BIGRAMS, WORDS, featurize_column
from dedup.vectors.lexicon import lexicon
from dedup.vectors.prior import language_code, load_prior

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Articles featurized at a time by one thread.
CHUNK = 1024
#: A first line of at most this many words is taken as the title of an article that has none.
TITLE_WORDS = 30
#: Bits of :attr:`Features.marks`.
HAS_TITLE, HAS_URL, ENDS_WELL, HAS_SOURCE = 1, 2, 4, 8
_CLOSING = ".!?…\"”’')]。！？"


class Readable(Protocol):
    """What :func:`parse` reads of an article."""

    @property
    def title(self) -> str | None:
        """Its title, if it has one."""

    @property
    def text(self) -> str:
        """Its body."""

    @property
    def source(self) -> str | None:
        """Its source, if known: some lines are repeated in all that comes from there."""

    @property
    def published_at(self) -> datetime | None:
        """When it was published, if known."""


class LineFilter(Protocol):
    """What :func:`featurize` needs of learned boilerplate (:class:`dedup.text.boilerplate.Boilerplate`)."""

    def strip(self, source: str | None, text: str) -> str:
        """Return the text without the lines its source repeats."""
        ...


@dataclass(frozen=True, slots=True)
class Features:
    """Features of ``n`` articles, with ``m`` terms and ``a`` anchors in all, as a struct of arrays.

    Attributes
    ----------
    term_offsets:
        ``int64[n + 1]``: terms of article ``i`` are ``term_offsets[i]:term_offsets[i + 1]``, by rising hash.
    term_hash, term_bits, term_idf:
        ``uint32[m]`` n-gram hashes; ``uint8[m]`` flags and frequency class; ``uint8[m]`` prior IDF in sixteenths.
    anchor_offsets, anchor_key, anchor_weight:
        ``int64[n + 1]``, ``uint32[a]`` keys in rising order, ``uint8[a]`` weights (see :mod:`dedup.vectors.anchors`).
    published:
        ``int64[n]``: seconds since 1970 UTC, :data:`UNDATED` if unknown.
    source:
        ``uint32[n]``: hash of the source, 0 if unknown.
    length:
        ``uint32[n]``: tokens of title and body.
    lang:
        ``uint16[n]``: the two letters of the language code, 0 if unknown.
    known:
        ``uint8[n]``: share of plain word pairs that the prior knows, in 255ths (255 if there are none).
    marks:
        ``uint8[n]``: bits :data:`HAS_TITLE`, :data:`HAS_URL`, :data:`ENDS_WELL`, :data:`HAS_SOURCE`.
    """

    term_offsets: NDArray[np.int64]
    term_hash: NDArray[np.uint32]
    term_bits: NDArray[np.uint8]
    term_idf: NDArray[np.uint8]
    anchor_offsets: NDArray[np.int64]
    anchor_key: NDArray[np.uint32]
    anchor_weight: NDArray[np.uint8]
    published: NDArray[np.int64]
    source: NDArray[np.uint32]
    length: NDArray[np.uint32]
    lang: NDArray[np.uint16]
    known: NDArray[np.uint8]
    marks: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.published)

    @property
    def languages(self) -> list[str | None]:
        """ISO 639-1 code of each article's language."""
        names = {
            int(code): chr(int(code) >> 8) + chr(int(code) & 255) if code else None for code in np.unique(self.lang)
        }
        return [names[int(code)] for code in self.lang]

    def take(self, indices: NDArray[np.integer] | Sequence[int]) -> Features:
        """Return the features of the articles at ``indices``, in that order (copies)."""
        rows = np.asarray(indices, np.int64)
        terms, term_offsets = _ragged_take(self.term_offsets, rows)
        anchors, anchor_offsets = _ragged_take(self.anchor_offsets, rows)
        return Features(
            term_offsets, self.term_hash[terms], self.term_bits[terms], self.term_idf[terms],
            anchor_offsets, self.anchor_key[anchors], self.anchor_weight[anchors],
            self.published[rows], self.source[rows], self.length[rows], self.lang[rows],
            self.known[rows], self.marks[rows],
        )  # fmt: skip

    @classmethod
    def concat(cls, parts: Iterable[Features]) -> Features:
        """Join features one after the other (copies)."""
        parts = list(parts)
        if not parts:
            return cls.empty()
        columns = {}
        for field in fields(cls):
            arrays = [getattr(part, field.name) for part in parts]
            if field.name.endswith("offsets"):
                shifts = np.cumsum([0] + [int(array[-1]) for array in arrays])
                tails = [array[1:] + shift for array, shift in zip(arrays, shifts, strict=False)]
                columns[field.name] = np.concatenate([np.zeros(1, np.int64), *tails])
            else:
                columns[field.name] = np.concatenate(arrays)
        return cls(**columns)

    @classmethod
    def empty(cls) -> Features:
        """Return the features of no article."""
        zero = np.zeros(1, np.int64)
        u32, u8 = np.empty(0, np.uint32), np.empty(0, np.uint8)
        return cls(zero, u32, u8, u8, zero, u32, u8, np.empty(0, np.int64), u32, u32, np.empty(0, np.uint16), u8, u8)


@dataclass(frozen=True, slots=True)
class Parsed:
    """Articles as columns of titles and bodies, with their tokens.

    Attributes
    ----------
    pairs:
        Title (or ``""``) and body of each.
    titles, bodies, head, body:
        The same as columns, and the tokens of titles and of bodies.
    published:
        ``int64[n]``: seconds since 1970 UTC, :data:`UNDATED` if unknown.
    """

    pairs: Sequence[tuple[str, str]]
    titles: Texts
    bodies: Texts
    head: Tokens
    body: Tokens
    published: NDArray[np.int64]


def parse(articles: Sequence[Readable], *, boilerplate: LineFilter | None = None) -> Parsed:
    """Part articles in titles and bodies and tokenise both; parameters as for :func:`featurize`."""
    pairs = [title_and_body(article) for article in articles]
    if boilerplate is not None:
        pairs = [(t, boilerplate.strip(a.source, b)) for (t, b), a in zip(pairs, articles, strict=True)]
    titles, bodies = Texts.of([title for title, _ in pairs]), Texts.of([body for _, body in pairs])
    published = np.array([_seconds(a.published_at) for a in articles], np.int64)
    return Parsed(pairs, titles, bodies, tokenize(titles), tokenize(bodies), published)


def featurize(
    articles: Sequence[Article], *, boilerplate: LineFilter | None = None, threads: int | None = 1
) -> Features:
    """Compute the features of articles.

    Parameters
    ----------
    articles:
        Articles; a missing language is detected, a missing title is the first line if that is short.
    boilerplate:
        Learned repeated lines, stripped from the bodies first.
    threads:
        Threads to use; ``None`` is every core.  The result does not depend on it.

    Returns
    -------
    Features
        One row an article, in the same order.
    """
    chunks: Iterator[Sequence[Article]] = (articles[i : i + CHUNK] for i in range(0, len(articles), CHUNK))
    parts = ordered_map(
        lambda chunk: features_of(chunk, parse(chunk, boilerplate=boilerplate)), chunks, threads=thread_count(threads)
    )
    return Features.concat(parts)


def source_hash(source: str | None) -> int:
    """32-bit hash of a source's name, 0 for none."""
    if not source:
        return 0
    digest = blake2b(source.casefold().removeprefix("www.").encode("utf-8", "surrogatepass"), digest_size=4)
    return int.from_bytes(digest.digest(), "little") or 1


def title_and_body(article: Readable) -> tuple[str, str]:
    """Return the title and the body; the first line, if short, is the title of an article without one."""
    if article.title:
        return article.title, article.text
    head, _, rest = article.text.strip().partition("\n")
    if rest.strip() and len(head.split()) <= TITLE_WORDS:
        return head, rest
    return "", article.text


def features_of(articles: Sequence[Article], parsed: Parsed) -> Features:
    """Compute the features of some hundreds of articles, those of ``parsed``, in one thread; see :func:`featurize`."""
    titles, bodies, head, body = parsed.titles, parsed.bodies, parsed.head, parsed.body
    published = parsed.published
    unknown = [i for i, article in enumerate(articles) if not article.lang]
    detected = dict(zip(unknown, detect_language([articles[i].text for i in unknown]), strict=True))
    languages = [article.lang or detected[i] for i, article in enumerate(articles)]
    n = len(articles)
    prior = load_prior()
    words, classes = lexicon()
    term_offsets, anchor_offsets = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
    term_hash = np.empty(n * (WORDS + BIGRAMS), np.uint32)
    term_bits, term_idf = (np.empty(len(term_hash), np.uint8) for _ in range(2))
    anchor_key, anchor_weight = np.empty(n * ANCHORS, np.uint32), np.empty(n * ANCHORS, np.uint8)
    known = np.zeros((n, 3), np.int64)
    featurize_column(
        titles.data, titles.offsets, head.offsets,
        head.hash, head.start, head.end, head.flags, head.separator, head.value,
        bodies.data, bodies.offsets, body.offsets,
        body.hash, body.start, body.end, body.flags, body.separator, body.value,
        published, np.array([language_code(language) for language in languages], np.int64),
        prior.keys, prior.idf, prior.begin, prior.mask, prior.bigrams, words, classes,
        term_offsets, term_hash, term_bits, term_idf, anchor_offsets, anchor_key, anchor_weight, known,
    )  # fmt: skip
    m, a = int(term_offsets[-1]), int(anchor_offsets[-1])
    share = np.where(known[:, 0] > 0, known[:, 1] * 255 // np.maximum(1, known[:, 0]), 255)
    return Features(
        term_offsets, term_hash[:m].copy(), term_bits[:m].copy(), term_idf[:m].copy(),
        anchor_offsets, anchor_key[:a].copy(), anchor_weight[:a].copy(), published,
        np.array([source_hash(article.source) for article in articles], np.uint32),
        (head.counts + body.counts).astype(np.uint32),
        np.array([_language_bytes(language) for language in languages], np.uint16),
        share.astype(np.uint8),
        np.array([_marks(article, pair) for article, pair in zip(articles, parsed.pairs, strict=True)], np.uint8),
    )  # fmt: skip


def _seconds(moment: datetime | None) -> int:
    return UNDATED if moment is None else int(moment.timestamp())


def _language_bytes(language: str | None) -> int:
    if not language or len(language) < 2 or not language[:2].isascii():
        return 0
    return ord(language[0]) << 8 | ord(language[1])


def _marks(article: Article, pair: tuple[str, str]) -> int:
    ends_well = pair[1].rstrip(" \n\t/")[-1:] in _CLOSING
    return (
        (HAS_TITLE if pair[0] else 0) | (HAS_URL if article.url else 0)
        | (ENDS_WELL if ends_well else 0) | (HAS_SOURCE if article.source else 0)
    )  # fmt: skip


def _ragged_take(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Positions of the values of ``rows``, and their new offsets."""
    sizes = offsets[rows + 1] - offsets[rows]
    new = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(sizes, out=new[1:])
    return np.repeat(offsets[rows] - new[:-1], sizes) + np.arange(new[-1]), new
