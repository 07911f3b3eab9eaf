"""Near-duplicates and stories in news, from one article to a hundred million.

Two granularities, never mixed up: a *duplicate group* holds one text in its copies, edits
and cuts (MinHash, LSH, verified exactly); a *story* holds every report of one event
(TF-IDF, anchors, a trained pair model).  Each story has a *canonical* article.

>>> import dedup
>>> result = dedup.find_duplicates(["one text", "one text", "another"])  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dedup.article import Article
    from dedup.client import Client
    from dedup.cluster.duplicates import Duplicates, find_duplicates
    from dedup.cluster.whole import Clustering
    from dedup.errors import ArticleError, DedupError
    from dedup.estimators import NearDuplicateClusterer, StoryClusterer
    from dedup.service import Service
    from dedup.settings import Settings
    from dedup.sketch import minhash, shingle_hash32

# Binds the room first: afterwards `dedup.cluster` stays the public function below, while
# `from dedup.cluster.pairs import ...` finds the room through sys.modules.
import_module("dedup.cluster")

__version__ = "0.1.0"

_HOME = {
    "Article": "dedup.article",
    "ArticleError": "dedup.errors",
    "Client": "dedup.client",
    "Clustering": "dedup.cluster.whole",
    "DedupError": "dedup.errors",
    "Duplicates": "dedup.cluster.duplicates",
    "NearDuplicateClusterer": "dedup.estimators",
    "Service": "dedup.service",
    "Settings": "dedup.settings",
    "StoryClusterer": "dedup.estimators",
    "find_duplicates": "dedup.cluster.duplicates",
    "minhash": "dedup.sketch",
    "shingle_hash32": "dedup.sketch",
}

__all__ = [
    "Article",
    "ArticleError",
    "Client",
    "Clustering",
    "DedupError",
    "Duplicates",
    "NearDuplicateClusterer",
    "Service",
    "Settings",
    "StoryClusterer",
    "cluster",
    "find_duplicates",
    "minhash",
    "shingle_hash32",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import dedup` is quick."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module 'dedup' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def cluster(articles: Any, **options: Any) -> Clustering:
    """Group articles into duplicate groups and stories; see :func:`dedup.cluster.whole.cluster_articles`.

    ``articles`` may also be a table with a column ``text``: Arrow, pandas, polars, Hugging Face (see
    :mod:`dedup.batch.frames`).
    """
    from dedup.batch.frames import is_frame, read_frame
    from dedup.cluster.whole import cluster_articles

    return cluster_articles(list(read_frame(articles)) if is_frame(articles) else articles, **options)
