"""From decisions in arrays to rows: who belongs where, under which name, by which relation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dedup.batch.rows import row_batch
from dedup.cluster.relation import Relation
from dedup.identity import group_id, story_id


def preference(published: pa.Array, ids: pa.Array) -> NDArray[np.int64]:
    """Articles by preference as founder and representative: published first, then by id; undated ones last.

    It depends on the articles alone, so that no result depends on the order of the input.

    Parameters
    ----------
    published : timestamp array (n,)
        Null where unknown.
    ids : string array (n,)
        No two alike.

    Returns
    -------
    int64 array (n,)
        Article numbers, the preferred first.
    """
    if len(ids) == 0:
        return np.empty(0, np.int64)
    table = pa.table({"published": published, "id": ids})
    keys = [("published", "ascending"), ("id", "ascending")]
    found: NDArray[np.int64] = pc.sort_indices(table, sort_keys=keys).to_numpy().astype(np.int64)
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where each of ``n`` articles belongs; all are article numbers.

    Attributes
    ----------
    group, story, canonical : int64 array (n,)
        Representative of the duplicate group, founder of the story, canonical article of the story.
    relation : uint8 array (n,)
        :class:`~dedup.cluster.relation.Relation` of the article.
    score : float64 array (n,)
        Verified Jaccard (containment for an excerpt), or probability of a report; 1 for an original.
    """

    group: NDArray[np.int64]
    story: NDArray[np.int64]
    canonical: NDArray[np.int64]
    relation: NDArray[np.uint8]
    score: NDArray[np.float64]

    def rows(self, ids: pa.Array, start: int, stop: int, names: dict[int, str]) -> pa.RecordBatch:
        """Rows of articles ``start`` to ``stop``.

        Parameters
        ----------
        ids : string array (n,)
            Ids of all articles.
        names : dict
            Ids of stories that keep an older name, by founder.
        """
        groups, group_at = np.unique(self.group[start:stop], return_inverse=True)
        stories, story_at = np.unique(self.story[start:stop], return_inverse=True)
        group_names = [group_id(name) for name in ids.take(pa.array(groups)).to_pylist()]
        founders = ids.take(pa.array(stories)).to_pylist()
        story_names = [names.get(s) or story_id(name) for s, name in zip(stories.tolist(), founders, strict=True)]
        words = pa.array([relation.word for relation in Relation])
        return row_batch(
            id=ids.slice(start, stop - start),
            story_id=pa.array(story_names, pa.string()).take(pa.array(story_at)),
            duplicate_group_id=pa.array(group_names, pa.string()).take(pa.array(group_at)),
            relation=words.take(pa.array(self.relation[start:stop])),
            is_canonical=self.canonical[start:stop] == np.arange(start, stop),
            canonical_id=ids.take(pa.array(self.canonical[start:stop])),
            score=np.round(self.score[start:stop], 6),
        )


def founders(labels: NDArray[np.int64], rank: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the most preferred member of each member's cluster.

    Parameters
    ----------
    labels : int64 array (n,)
        Cluster of each article, any numbers.
    rank : int64 array (n,)
        Preference, the lowest first.
    """
    by = np.lexsort((rank, labels))
    first = np.flatnonzero(np.diff(labels[by], prepend=labels[by[:1]] - 1)) if by.size else by
    out = np.empty(labels.size, np.int64)
    out[by] = np.repeat(by[first], np.diff(np.append(first, by.size)))
    return out
