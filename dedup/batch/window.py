"""The live window of a store, copied to parts on disk for the batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from dedup.article import Article
from dedup.batch.columns import ARTICLE, article_columns
from dedup.batch.parts import Parts
from dedup.store import keys, reading
from dedup.store.connection import Connection, Plan
from dedup.store.records import Record, moment

_PART = 4096
#: Records asked for at first where an article was taken down.
_PROBE = 64


def window_start(last: int, since_ms: int) -> Plan[int]:
    """Number of the first article received since a time: numbers rise with time, so that it is searched for."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        # Records of articles that were taken down are gone: the next that stands tells.
        found: Mapping[int, Record] = {}
        start, size = middle, _PROBE
        while not found and start < high:
            found = yield from reading.records(range(start, min(high, start + size)))
            start, size = start + size, 2 * size
        first = min(found, default=high)
        if first < high and found[first].received_ms < since_ms:
            low = first + 1
        else:
            high = middle
    return low


def gather(connection: Connection, parts: Parts, first: int, last: int, *, texts: bool) -> dict[str, int]:
    """Copy the articles ``first`` to ``last`` that stand and have their place, with their features.

    A part that is there already is kept.  ``texts``: with their texts; else these are empty.
    """
    for part, start in enumerate(range(first, last + 1, _PART)):
        if parts.has(part):
            continue
        wanted = range(start, min(last + 1, start + _PART))
        places = connection.run(reading.memberships(wanted))
        records = connection.run(reading.records(places))
        standing = [records[n] for n in sorted(records) if not records[n].retired]
        documents = connection.run(reading.documents([one.number for one in standing])) if texts else {}
        if texts:
            standing = [one for one in standing if one.number in documents]
            columns = article_columns([Article.from_dict(documents[one.number].raw()) for one in standing])
        else:
            columns = _without_texts(standing)
        columns = columns.append_column("features", pa.array([one.features for one in standing], pa.binary()))
        detected = [None if one.lang == keys.UNKNOWN_LANGUAGE else one.lang for one in standing]
        columns = columns.append_column("detected", pa.array(detected, pa.string()))
        columns = columns.append_column("number", pa.array([one.number for one in standing], pa.int64()))
        parts.write(part, columns)
    return {"items": len(parts)}


def _without_texts(records: Sequence[Record]) -> pa.RecordBatch:
    rows = [
        {
            "id": one.id,
            "title": one.title,
            "text": "",
            "url": one.url,
            "source": one.source,
            "published_at": None if one.published_ms is None else moment(one.published_ms),
        }
        for one in records
    ]
    return pa.RecordBatch.from_pylist(rows, schema=ARTICLE)
