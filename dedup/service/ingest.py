"""From articles to admissions: everything about an article that needs no other article.

Any number of processes do this at once; what they hand over depends on the articles alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.errors import ArticleError
from dedup.settings import Settings
from dedup.sketch import band_hashes, minhash
from dedup.store.keys import UNKNOWN_LANGUAGE
from dedup.store.records import Document, pack_body
from dedup.store.scripts import Admission
from dedup.text import Texts, detect_language, token_hashes
from dedup.vectors import packing
from dedup.views import Rejection

if TYPE_CHECKING:
    from dedup.vectors.features import LineFilter

#: Characters that tell a text's language.
LANGUAGE_SAMPLE = 1000


@dataclass(frozen=True, slots=True)
class Refused:
    """A record that is no article, and why."""

    raw: Any
    error: ArticleError

    def rejection(self) -> Rejection:
        """The refusal as a receipt shows it."""
        return Rejection(self.error.origin or "", self.error.field, self.error.reason)


def validate(records: Iterable[Article | Mapping[str, Any] | Any]) -> tuple[list[Article], list[Refused]]:
    """Part articles from what is none; places are counted from 1, as ``article 3``."""
    refused: list[Refused] = []
    return list(sift(records, refused)), refused


def sift(records: Iterable[Article | Mapping[str, Any] | Any], refused: list[Refused]) -> Iterator[Article]:
    """Yield the articles one by one; what is none goes to ``refused``, as in :func:`validate`."""
    for place, raw in enumerate(records, 1):
        if isinstance(raw, Article):
            yield raw
            continue
        try:
            article = Article.from_dict(raw)
        except ArticleError as error:
            refused.append(Refused(raw, error if error.origin else error.at(f"article {place}")))
        else:
            yield article


def prepare(
    articles: Sequence[Article], settings: Settings, *, now_ms: int, lines: LineFilter | None = None
) -> dict[str, list[Admission]]:
    """Sketch, featurise and pack articles, by language, in their order.

    Parameters
    ----------
    articles:
        Any number; some hundreds at a time are best.
    settings:
        ``sketch`` and ``store.keep_text``.
    now_ms:
        Time of arrival.
    lines:
        The lines that each source repeats: features are those of the text without them.

    Returns
    -------
    dict
        Language tag (``und`` when unknown) to admissions.
    """
    from dedup.vectors.features import features_of, parse
    from dedup.vectors.spelling import spell

    if not articles:
        return {}
    known = with_language(articles)
    texts = Texts.of([article.text for article in known])
    sketch = settings.sketch
    signatures = minhash(texts, num_perm=sketch.num_perm, ngram=sketch.ngram, seed=sketch.seed, threads=1)
    bands = band_hashes(signatures, sketch.bands, sketch.rows).astype("<u4")
    digests, empty = text_digests(texts)
    keep = settings.store.keep_text
    parsed = parse(known, boilerplate=lines)
    features = packing.pack(features_of(known, parsed))
    spelled = spell(parsed) if keep else []
    admissions: dict[str, list[Admission]] = defaultdict(list)
    for row, (article, received) in enumerate(zip(known, articles, strict=True)):
        # Without texts only signatures are left to compare.
        signature = b"" if keep else signatures[row].astype("<u4").tobytes()
        admissions[article.lang or UNKNOWN_LANGUAGE].append(
            Admission(
                id=article.id,
                content=received.content_hash,
                digest=digests[row],
                bands=b"" if empty[row] else bands[row].tobytes(),
                body=pack_body(article, now_ms, features[row], signature),
                document=_document(received, spelled[row] if keep else None),
            )
        )
    return dict(admissions)


def _document(article: Article, spelled: bytes | None) -> bytes:
    """The article as received with what it spells; without its text where that is not kept."""
    raw = article.to_dict()
    if spelled is None:
        del raw["text"]
    return Document.pack(raw, spelled=spelled or b"")


def with_language(articles: Sequence[Article]) -> list[Article]:
    """The articles, each with its language where that can be told."""
    unknown = [row for row, article in enumerate(articles) if article.lang is None]
    known = list(articles)
    samples = (articles[row].text[:LANGUAGE_SAMPLE] for row in unknown)
    for row, lang in zip(unknown, detect_language(samples), strict=True):
        if lang is not None:
            known[row] = replace(articles[row], lang=lang)
    return known


def text_digests(texts: Texts) -> tuple[list[bytes], NDArray[np.bool_]]:
    """Digest of each text's tokens, and whether it has none.

    Texts of equal tokens are *identical*: they differ at most in case, spaces and punctuation.
    A text without tokens is compared by its bytes.

    Returns
    -------
    digests : list of 16 bytes
    empty : bool[n]
    """
    tokens = token_hashes(texts)
    contents = (hashes.tobytes() if len(hashes) else _bytes(texts[row]) for row, hashes in enumerate(tokens))
    digests = [blake2b(content, digest_size=16).digest() for content in contents]
    return digests, np.array([len(hashes) == 0 for hashes in tokens], np.bool_)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def warm(settings: Settings) -> None:
    """Load the compiled kernels, so that the first article does not wait for them."""
    prepare([Article(id="warm", title="Warm up", text="one two three four five six seven 8")], settings, now_ms=0)
