"""The canonical article of a story, from the records the store keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dedup.cluster.canonical import pick_canonicals, rank_canonical
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
    ranked = rank_canonical(features, [one.id for one in records], policy=policy, trust=_trust(records, trust))
    return [CanonicalScore(records[one.index].id, one.total, one.components) for one in ranked]


def pick(stories: Sequence[Sequence[Record]], policy: CanonicalPolicy, trust: Mapping[str, float]) -> list[int]:
    """Numbers of the members that stand for their stories, of many stories at once."""
    records = [one for members in stories for one in members]
    features = Features.unpack([one.features for one in records])
    sizes, ids = [len(members) for members in stories], [one.id for one in records]
    picked = pick_canonicals(features, sizes, ids, policy=policy, trust=_trust(records, trust))
    return [records[row].number for row in picked]


def _trust(records: Sequence[Record], trust: Mapping[str, float]) -> list[float]:
    return [trust.get((one.source or "").lower(), UNKNOWN) for one in records]
