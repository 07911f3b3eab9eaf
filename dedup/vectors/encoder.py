"""An optional second view of a text: an encoder of the user's own, such as a sentence-embedding model.

None is shipped and none is needed.  With one, its nearest articles become candidates too
(:mod:`dedup.cluster.nearest`), and its cosine is one more feature of the pair model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from dedup.article import Article
from dedup.errors import DedupError
from dedup.vectors.features import title_and_body


class Encoder(Protocol):
    """Texts to vectors; ``SentenceTransformer`` of sentence-transformers fits as it is."""

    def encode(self, sentences: list[str], /) -> NDArray[np.float32]:
        """Return ``float32 (n, d)``: one vector a text, of any length (it is scaled to 1)."""
        ...


def encode(encoder: Encoder, articles: Sequence[Article]) -> NDArray[np.float32]:
    """Return ``float32 (n, d)``: the encoder's vectors of titles and texts, scaled to length 1 (0 stays 0).

    Raises
    ------
    DedupError
        If the encoder does not give one finite vector an article.
    """
    texts = ["\n".join(part for part in title_and_body(article) if part) for article in articles]
    vectors = np.asarray(encoder.encode(texts), np.float32)
    if vectors.ndim != 2 or len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise DedupError(
            f"the encoder gave an array of shape {vectors.shape} for {len(texts)} texts; "
            "it must give one row of finite numbers a text"
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(norms > 0, norms, 1), np.float32)
