"""The pair model: how probable it is that two articles report the same event.

A logistic regression over :data:`~dedup.cluster.pair_features.PAIR_FEATURES`, trained by scikit-learn
(``python -m dedup.cluster.train``) and kept as JSON, so that every judgement is a sum that can be read aloud.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dedup.cluster.pair_features import NAMES, K, Prepared, Weights, prepare
from dedup.cluster.pair_kernels import compare_pairs, logit_pairs
from dedup.errors import DedupError
from dedup.text.parallel import ordered_map, thread_count
from dedup.vectors import Features, Idf

VERSION = 1
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class PairModel:
    """Weights of the logistic regression, and of the second decision: to link or not to link.

    Attributes
    ----------
    coef : tuple of float, length K
        Weight of each pair feature, in log-odds per unit.
    intercept : float
    link_at : float
        Joint log-odds of two groups of articles (:mod:`dedup.cluster.linkage`) at which linking them is as good as not.
    link_scale : float
        Slope that turns joint log-odds above ``link_at`` into the log-odds that the link is right.
    version : str
        Name of the trained weights.
    """

    coef: tuple[float, ...]
    intercept: float
    link_at: float = 0.0
    link_scale: float = 1.0
    version: str = "untrained"

    @classmethod
    def default(cls) -> PairModel:
        """Return the packaged model."""
        return _packaged()

    @classmethod
    def from_json(cls, text: str) -> PairModel:
        """Read a model.

        Raises
        ------
        DedupError
            If it was trained for other features.
        """
        raw: dict[str, Any] = json.loads(text)
        if raw.get("format") != VERSION or tuple(raw["coef"]) != NAMES:
            raise DedupError("the pair model was trained for other features; run python -m dedup.cluster.train")
        return cls(
            tuple(float(v) for v in raw["coef"].values()), float(raw["intercept"]),
            float(raw["link_at"]), float(raw["link_scale"]), str(raw["version"]),
        )  # fmt: skip

    def to_json(self) -> str:
        """Write the model, one weight a line."""
        coef = {name: round(value, 5) for name, value in zip(NAMES, self.coef, strict=True)}
        raw = {"format": VERSION, "version": self.version, "intercept": round(self.intercept, 5), "coef": coef}
        return json.dumps(raw | {"link_at": round(self.link_at, 4), "link_scale": round(self.link_scale, 4)}, indent=1)

    def weights(self, n: int) -> Weights:
        """Return the weights as kernels take them, for ``n`` articles."""
        return stack_models([self], np.zeros(n, np.uint8))

    def link_logit(self, threshold: float) -> float:
        """Joint log-odds at which a link is right with probability ``threshold``."""
        return self.link_at + float(np.log(threshold / (1 - threshold))) / self.link_scale

    def link_probability(self, joint_logit: float) -> float:
        """Probability that a link of those joint log-odds is right."""
        return float(1 / (1 + np.exp(-self.link_scale * (joint_logit - self.link_at))))

    def belonging(self, labels: NDArray[np.int64], strength: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probability that each article is in its story by right, ``float32[n]``; 1 for one that is alone.

        ``labels``, ``strength``: as :func:`dedup.cluster.linkage.average_linkage` gives them.
        """
        probability = 1 / (1 + np.exp(-self.link_scale * (strength - self.link_at)))
        probability[np.bincount(labels)[labels] == 1] = 1
        return np.asarray(probability, dtype=np.float32)

    def features(
        self, features: Features, left: NDArray[np.int64], right: NDArray[np.int64], idf: Idf | None = None
    ) -> NDArray[np.float32]:
        """Return ``float32 (m, K)``: the pair features of ``left[k], right[k]``."""
        return pair_rows(prepare(features, idf or Idf.prior()), left, right)

    def probability(
        self, features: Features, left: NDArray[np.int64], right: NDArray[np.int64], idf: Idf | None = None
    ) -> NDArray[np.float32]:
        """Return ``float32 (m,)``: the calibrated probability that each pair reports one event."""
        logits = pair_logits(prepare(features, idf or Idf.prior()), self.weights(len(features)), left, right)
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


def stack_models(models: Sequence[PairModel], model_of: NDArray[np.uint8]) -> Weights:
    """Put several models into one set of weights; ``model_of[i]`` judges article ``i``."""
    coef = np.array([model.coef for model in models], np.float32)
    return Weights(coef, np.array([model.intercept for model in models], np.float32), model_of.astype(np.uint8))


def pair_rows(prepared: Prepared, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return ``float32 (m, K)`` pair features."""
    out = np.empty((len(left), K), np.float32)
    compare_pairs(prepared, left, right, out)
    return out


def pair_logits(
    prepared: Prepared, weights: Weights, left: NDArray[np.int64], right: NDArray[np.int64], *, threads: int | None = 1
) -> NDArray[np.float32]:
    """Return ``float32 (m,)`` log-odds; the result does not depend on ``threads``."""
    out = np.empty(len(left), np.float32)

    def chunk(span: tuple[int, int]) -> None:
        a, b = span
        logit_pairs(prepared, weights, left[a:b], right[a:b], out[a:b])

    spans = pairwise([*range(0, len(left), _CHUNK), len(left)])
    for _ in ordered_map(chunk, spans, threads=thread_count(threads)):
        pass
    return out


@cache
def _packaged() -> PairModel:
    return PairModel.from_json((files("dedup") / "data" / "pair_model.json").read_text(encoding="utf-8"))
