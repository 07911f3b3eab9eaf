"""The canonical article of every story of a corpus."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from dedup.batch.corpus import Corpus
from dedup.settings import Settings


def pick_canonicals(corpus: Corpus, story: NDArray[np.int64], settings: Settings) -> NDArray[np.int64]:
    """Return the canonical article of each article's story: int64 array (n,)."""
    return story.copy()
