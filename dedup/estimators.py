"""scikit-learn estimators over the same rooms: they fit into a ``Pipeline`` and a grid search."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClusterMixin

from dedup.article import Article


class NearDuplicateClusterer(ClusterMixin, BaseEstimator):
    """Cluster texts that are the same text.

    Parameters
    ----------
    threshold : float, default 0.7
        Verified Jaccard of word shingles.
    ngram, num_perm, seed : int
        As :func:`dedup.minhash`.
    threads : int, optional
        ``None`` is every core.

    Attributes
    ----------
    labels_ : int64 array (n,)
        Group of each text.
    duplicates_ : dedup.Duplicates
        All that was found.
    """

    def __init__(
        self, threshold: float = 0.7, *, ngram: int = 5, num_perm: int = 128, seed: int = 1, threads: int | None = None
    ) -> None:
        self.threshold = threshold
        self.ngram = ngram
        self.num_perm = num_perm
        self.seed = seed
        self.threads = threads

    def fit(self, X: Any, y: None = None) -> NearDuplicateClusterer:
        """Cluster texts (a sequence of ``str`` or an Arrow string array)."""
        from dedup.cluster.duplicates import find_duplicates

        self.duplicates_ = find_duplicates(
            X, threshold=self.threshold, ngram=self.ngram, num_perm=self.num_perm, seed=self.seed, threads=self.threads
        )
        self.labels_: NDArray[np.int64] = self.duplicates_.labels
        return self


class StoryClusterer(ClusterMixin, BaseEstimator):
    """Cluster articles that report the same event.

    Parameters
    ----------
    threshold : float, default 0.5
        Probability needed to put groups of articles into one story.
    window_days : float, default 7
        Days between two publications beyond which they are not compared.
    threads : int, optional
        ``None`` is every core.

    Attributes
    ----------
    labels_ : int64 array (n,)
        Story of each article.
    clustering_ : dedup.Clustering
        All that was found.
    """

    def __init__(self, threshold: float = 0.5, *, window_days: float = 7.0, threads: int | None = None) -> None:
        self.threshold = threshold
        self.window_days = window_days
        self.threads = threads

    def fit(self, X: Any, y: None = None) -> StoryClusterer:
        """Cluster articles: :class:`~dedup.Article`, mappings with their fields, or plain texts."""
        from dedup.cluster.whole import cluster_articles
        from dedup.settings import Settings

        # Texts alone may repeat; a running number keeps their ids apart.
        items = [Article(id=f"t{i}", text=x) if isinstance(x, str) else x for i, x in enumerate(X)]
        settings = Settings.load(environ={}, overrides={"story.window_days": self.window_days})
        self.clustering_ = cluster_articles(items, settings=settings, threshold=self.threshold, threads=self.threads)
        self.labels_: NDArray[np.int64] = self.clustering_.labels
        return self
