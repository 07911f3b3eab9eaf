"""Terms and anchors: what story decisions know of an article (TF-IDF fields, dates, ordinals, amounts)."""

from __future__ import annotations

from dedup.vectors.encoder import Encoder, encode
from dedup.vectors.features import Features, featurize, source_hash
from dedup.vectors.idf import Idf, count_terms

__all__ = ["Encoder", "Features", "Idf", "count_terms", "encode", "featurize", "source_hash"]
