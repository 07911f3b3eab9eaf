"""Terms and anchors: what story decisions know of an article (TF-IDF fields, dates, ordinals, amounts)."""

from __future__ import annotations

from dedup.vectors.features import Features, featurize, source_hash
from dedup.vectors.idf import Idf, count_terms

__all__ = ["Features", "Idf", "count_terms", "featurize", "source_hash"]
