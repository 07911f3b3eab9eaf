"""The canonical rule for stories whose members are records with packed features, as a store keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from dedup.cluster.canonical import CanonicalScore, pick_canonicals, rank_canonical
from dedup.outlets import UNKNOWN
from dedup.vectors import packing


class Member(Protocol):
    """What the rule asks of a member."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def source(self) -> str | None:
        """Its source, if known."""

    @property
    def features(self) -> bytes:
        """Its features, packed."""


def rank_members(members: Sequence[Member], policy: str, trust: Mapping[str, float]) -> list[CanonicalScore]:
    """Order the members of a story, the canonical one first; as :func:`~dedup.cluster.canonical.rank_canonical`.

    ``trust`` is that of each source, by lower-case name.
    """
    if not members:
        return []
    features = packing.unpack([one.features for one in members])
    return rank_canonical(features, [one.id for one in members], policy=policy, trust=_trust(members, trust))


def pick_members(stories: Sequence[Sequence[Member]], policy: str, trust: Mapping[str, float]) -> list[int]:
    """Place of the canonical member of each story among its members, of many stories at once; none is empty."""
    members = [one for story in stories for one in story]
    features = packing.unpack([one.features for one in members])
    sizes, ids = [len(story) for story in stories], [one.id for one in members]
    picked = pick_canonicals(features, sizes, ids, policy=policy, trust=_trust(members, trust))
    places, start = [], 0
    for row, size in zip(picked, sizes, strict=True):
        places.append(row - start)
        start += size
    return places


def _trust(members: Sequence[Member], trust: Mapping[str, float]) -> list[float]:
    return [trust.get((one.source or "").lower(), UNKNOWN) for one in members]
