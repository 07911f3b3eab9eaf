"""The canonical article of a story, from the records the store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dedup.cluster.canonical import rank_canonical
from dedup.outlets import UNKNOWN
from dedup.settings import CanonicalPolicy
from dedup.store.records import Record
from dedup.vectors import Features
from dedup.views import CanonicalScore


def rank_records(
    records: Sequence[Record], policy: CanonicalPolicy, trust: Mapping[str, float]
) -> list[CanonicalScore]:
    """Members by how well each can stand for their story, the best first, each with its components."""
    if not records:
        return []
    features = Features.unpack([one.features for one in records])
    sources = [trust.get((one.source or "").lower(), UNKNOWN) for one in records]
    ranked = rank_canonical(features, [one.id for one in records], policy=policy, trust=sources)
    return [CanonicalScore(records[one.index].id, one.total, one.components) for one in ranked]


def pick(records: Sequence[Record], policy: CanonicalPolicy, trust: Mapping[str, float]) -> int:
    """Number of the member that stands for its story."""
    best = rank_records(records, policy, trust)[0].article_id
    return next(one.number for one in records if one.id == best)
