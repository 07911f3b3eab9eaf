"""Made-up admissions: articles whose bands a test chooses."""

from __future__ import annotations

import struct
from hashlib import blake2b

from dedup.article import Article
from dedup.store import scripts
from dedup.store.connection import Connection
from dedup.store.records import Document, pack_body

BANDS = 8


def admission(name: str, bands: list[int], text: str | None = None) -> scripts.Admission:
    article = Article(id=name, text=text or f"text of {name}", title=f"title of {name}")
    return scripts.Admission(
        id=name,
        content=article.content_hash,
        digest=blake2b(article.text.encode(), digest_size=16).digest(),
        bands=struct.pack(f"<{len(bands)}I", *bands),
        body=pack_body(article, 1_000, b"features", b""),
        document=Document.pack(article.to_dict()),
    )


def admit(
    store: Connection, *articles: scripts.Admission, lang: str = "vi", now: int = 1_000, accepted: int | None = None
) -> list[list[int]]:
    answer: list[list[int]] = store.one(*scripts.admit(lang, articles, now_ms=now, accepted_us=accepted))
    return answer


def distinct(seed: int) -> list[int]:
    return [(seed * 2654435761 + band * 40503) % 2**32 for band in range(BANDS)]
