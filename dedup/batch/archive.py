"""Export of a store to Parquet, and restore into an empty one.

``articles.parquet`` can be read by anything, ``dedup cluster`` too; ``links``, ``groups``, ``stories`` and ``changes``
say what was decided.  ``records.parquet`` holds what only this program reads (features, LSH bands), so that a restored
store answers every query as the original did.  ``state.json`` holds the rest, and is written last.
"""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dedup import __version__
from dedup.batch.checkpoint import replaced, write_json
from dedup.batch.parts import Parts
from dedup.errors import InputError, StoreRefused
from dedup.identity import group_id, story_id
from dedup.store import feed, fill, keys, reading
from dedup.store.connection import Connection
from dedup.store.records import MERGED, Document, Record, moment
from dedup.store.snapshot import State, all_leases, read_state

if TYPE_CHECKING:
    from dedup.batch.local import Progress

FORMAT = 1
_ROWS = 2000
_BLOBS = (keys.IDF, keys.BOILERPLATE, "nightly")
_STATES = ("stands", "merged", "removed")

_MS = pa.timestamp("ms", "UTC")
_ARTICLES = pa.schema(
    {
        "id": pa.string(), "title": pa.string(), "text": pa.string(), "url": pa.string(), "source": pa.string(),
        "published_at": pa.string(), "lang": pa.string(), "metadata": pa.string(), "number": pa.uint32(),
    }
)  # fmt: skip
_RECORDS = pa.schema(
    {
        "id": pa.string(), "number": pa.uint32(), "revision": pa.uint32(), "retired": pa.bool_(), "kept": pa.bool_(),
        "language": pa.string(), "received_at": _MS, "content": pa.binary(), "digest": pa.binary(),
        "bands": pa.binary(), "length": pa.uint32(), "facts": pa.binary(), "features": pa.binary(),
        "signature": pa.binary(),
    }
)  # fmt: skip
#: What an article came with, as it came.
_TOLD = _ARTICLES.names[:7]
_SPILLED = pa.unify_schemas([_ARTICLES, _RECORDS])
_LINKS = pa.schema(
    {
        "article_id": pa.string(), "other_id": pa.string(), "relation": pa.string(), "score": pa.float64(),
        "probability": pa.float64(), "story_id": pa.string(), "duplicate_group_id": pa.string(), "number": pa.uint32(),
        "group": pa.uint32(), "story": pa.uint32(), "other": pa.uint32(),
    }
)  # fmt: skip
_GROUPS = pa.schema(
    {
        "duplicate_group_id": pa.string(), "representative_id": pa.string(), "article_ids": pa.list_(pa.string()),
        "number": pa.uint32(), "members": pa.list_(pa.uint32()), "listed": pa.bool_(),
    }
)  # fmt: skip
_STORIES = pa.schema(
    {
        "story_id": pa.string(), "state": pa.string(), "canonical_id": pa.string(), "merged_into": pa.string(),
        "article_ids": pa.list_(pa.string()), "articles": pa.uint32(), "groups": pa.uint32(), "first_at": _MS,
        "last_at": _MS, "updated_at": _MS, "history": pa.list_(pa.string()), "number": pa.uint32(),
        "canonical": pa.uint32(), "founder": pa.uint32(), "members": pa.list_(pa.uint32()),
        "by_updated": pa.float64(), "by_size": pa.float64(),
    }
)  # fmt: skip
_CHANGES = pa.schema(
    {
        "cursor": pa.string(), "at": _MS, "kind": pa.string(), "article_id": pa.string(), "story_id": pa.string(),
        "detail": pa.string(),
    }
)  # fmt: skip


def export_store(connection: Connection, folder: Path, *, progress: Progress | None = None) -> dict[str, int]:
    """Write a store to a folder, as it is at one moment, while articles come in.

    Parameters
    ----------
    connection : Connection
        The store.
    folder : Path
        Empty, or not there yet.
    progress : Progress, optional
        Told of progress.

    Returns
    -------
    dict
        Numbers of articles, groups, stories, links and changes.

    Raises
    ------
    InputError
        If the folder holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty; export to a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    parts = Parts(folder / ".articles")
    bar = _Bar(progress)
    try:
        # Most articles before the leases are taken: reading them takes long, and they never change.
        first = int(connection.one("GET", keys.SEQUENCE) or 0)
        names = _spill(connection, parts, 1, first, bar)
        with ExitStack() as stack:
            leases = stack.enter_context(all_leases(connection))
            state = read_state(connection, leases, blobs=_BLOBS)
            names |= _spill(connection, parts, first + 1, state.last, bar)
        _write(folder / "records.parquet", _RECORDS, _articles(parts, state))
        kept = (row for row in _articles(parts, state) if row["kept"])
        counts = {
            "articles": _write(folder / "articles.parquet", _ARTICLES, kept),
            "groups": _write(folder / "groups.parquet", _GROUPS, _groups(state, names)),
            "stories": _write(folder / "stories.parquet", _STORIES, _stories(state, names)),
            "links": _write(folder / "links.parquet", _LINKS, _links(state, names)),
            "changes": _write(folder / "changes.parquet", _CHANGES, _changes(connection, state)),
        }
    finally:
        shutil.rmtree(parts.folder, ignore_errors=True)
    write_json(folder / "state.json", _rest(connection, state))
    return counts


def restore_store(
    connection: Connection, folder: Path, *, segment_ms: int, progress: Progress | None = None
) -> dict[str, int]:
    """Fill an empty store from an export.

    ``segment_ms`` is ``store.segment_ms`` of the settings that it is used with.

    Returns
    -------
    dict
        As :func:`export_store`.

    Raises
    ------
    InputError
        If the folder holds no whole export, or one of another format.
    StoreRefused
        If the store is not empty, or has other settings than the one exported.
    """
    try:
        rest = orjson.loads((folder / "state.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        raise InputError(f"{folder}: no whole export (state.json is missing or damaged)") from None
    if rest.get("format") != FORMAT:
        raise InputError(f"{folder}: an export of format {rest.get('format')}; this version reads {FORMAT}")
    mine = orjson.loads(connection.one("GET", keys.SCHEMA_KEY))
    theirs = rest["schema"] | {"layout": mine["layout"]}  # an export is of no layout: so one comes from the other
    if mine != theirs:
        other = ", ".join(f"{k} {theirs.get(k)!r} there, {v!r} here" for k, v in mine.items() if theirs.get(k) != v)
        raise StoreRefused(f"the export was made with other settings: {other}")
    if connection.one("EXISTS", keys.SEQUENCE, keys.FEED):
        raise StoreRefused("the store is not empty; restore into a new one")
    bar = _Bar(progress)
    kept = (row for page in bar.rows("articles", folder / "articles.parquet") for row in page)
    fill.articles(
        connection,
        bar.rows("records", folder / "records.parquet"),
        kept,
        waiting=fill.waiting(rest),
        bands=mine["bands"],
        span_ms=segment_ms,
    )
    counts = {
        "articles": pq.read_metadata(folder / "articles.parquet").num_rows,
        "groups": fill.groups(connection, bar.rows("groups", folder / "groups.parquet")),
        "stories": fill.stories(connection, bar.rows("stories", folder / "stories.parquet")),
        "links": fill.links(connection, bar.rows("links", folder / "links.parquet")),
        "changes": fill.changes(connection, bar.rows("changes", folder / "changes.parquet")),
    }
    fill.rest(connection, rest)
    return counts


@dataclass(frozen=True, slots=True)
class _Bar:
    progress: Progress | None

    def over(self, name: str, total: int) -> Any:
        task = self.progress.add_task(name, total=total) if self.progress else None
        return lambda count: self.progress.advance(task, count) if self.progress else None

    def rows(self, name: str, path: Path) -> Iterator[list[dict[str, Any]]]:
        """Rows of a table, some at a time."""
        table = pq.ParquetFile(path)
        advance = self.over(name, table.metadata.num_rows)
        for batch in table.iter_batches(batch_size=_ROWS):
            yield batch.to_pylist()
            advance(batch.num_rows)


def _write(path: Path, schema: pa.Schema, rows: Iterable[dict[str, Any]]) -> int:
    count = 0
    waiting: list[dict[str, Any]] = []
    with replaced(path) as draft, pq.ParquetWriter(draft, schema, compression="zstd") as writer:
        for row in rows:
            waiting.append(row)
            if len(waiting) == _ROWS:
                writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
                waiting = []
            count += 1
        writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema=schema))
    return count


def _spill(connection: Connection, parts: Parts, first: int, last: int, bar: _Bar) -> dict[int, str]:
    """Copy records and documents to disk; return the ids by number."""
    names: dict[int, str] = {}
    advance = bar.over("articles", max(0, last - first + 1))
    part = parts.count
    for start in range(first, last + 1, _ROWS):
        wanted = range(start, min(last + 1, start + _ROWS))
        records = connection.run(reading.records(wanted))
        documents = connection.run(reading.documents(records))
        rows = [_article(records[n], documents.get(n)) for n in sorted(records)]
        parts.write(part, pa.RecordBatch.from_pylist(rows, schema=_SPILLED))
        names |= {n: one.id for n, one in records.items()}
        part += 1
        advance(len(wanted))
    return names


def _article(record: Record, kept: Document | None) -> dict[str, Any]:
    document = kept.raw() if kept else None
    row: dict[str, Any] = {name: document.get(name) for name in _TOLD} if document else {}
    row["metadata"] = orjson.dumps(document["metadata"]).decode() if document and document.get("metadata") else None
    facts = (record.published_ms, record.title, record.url, record.source)
    return row | {
        "id": record.id,
        "number": record.number,
        "revision": record.revision,
        "retired": record.retired,
        "kept": document is not None,
        "language": record.lang,
        "received_at": moment(record.received_ms),
        "content": record.content,
        "digest": record.digest,
        "bands": record.bands,
        "length": record.length,
        "facts": orjson.dumps(facts),
        "features": record.features,
        "signature": record.signature,
    }


def _articles(parts: Parts, state: State) -> Iterator[dict[str, Any]]:
    """Articles as they belong to the state: since they were copied, some have gone."""
    waiting, leaving = state.waiting, state.leaving
    for batch in parts.batches():
        for row in batch.to_pylist():
            number = row["number"]
            stands = number in state.places or number in waiting
            if not stands and number not in state.stories:
                continue
            row["retired"] = not stands or number in leaving
            if row["retired"]:
                row |= dict.fromkeys(("title", "text", "url", "source", "published_at", "lang", "metadata"))
                row |= {"kept": False, "bands": b""}
                if not stands:
                    row |= {"facts": orjson.dumps((None,) * 4), "length": 0, "features": b"", "signature": b""}
            yield row


def _groups(state: State, names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for number in sorted({place.group for place in state.places.values()}):
        members = state.group_members.get(number, [number])
        yield {
            "duplicate_group_id": group_id(names[number]),
            "representative_id": names[number],
            "article_ids": [names[n] for n in members],
            "number": number,
            "members": members,
            "listed": number in state.group_members,
        }


def _stories(state: State, names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for number, story in sorted(state.stories.items()):
        listed = state.story_members.get(number, [])
        members = listed or ([story.canonical] if story.articles else [])
        merged = story.state == MERGED
        yield {
            "story_id": story_id(names[number]),
            "state": _STATES[story.state],
            "canonical_id": None if merged else names.get(story.canonical),
            "merged_into": story_id(names[story.canonical]) if merged else None,
            "article_ids": [names[n] for n in members],
            "articles": story.articles,
            "groups": story.groups,
            "first_at": moment(story.first_ms),
            "last_at": moment(story.last_ms),
            "updated_at": moment(story.updated_ms),
            "history": state.histories.get(number, []),
            "number": number,
            "canonical": story.canonical,
            "founder": story.founder,
            "members": listed,
            "by_updated": state.updated.get(number),
            "by_size": state.sizes.get(number),
        }


def _links(state: State, names: Mapping[int, str]) -> Iterator[dict[str, Any]]:
    for number, place in sorted(state.places.items()):
        yield {
            "article_id": names[number],
            "other_id": names.get(place.other),
            "relation": place.relation,
            "score": place.score,
            "probability": place.probability,
            "story_id": story_id(names[place.story]),
            "duplicate_group_id": group_id(names[place.group]),
            "number": number,
            "group": place.group,
            "story": place.story,
            "other": place.other,
        }


def _changes(connection: Connection, state: State) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    while state.feed_end is not None:
        page = connection.run(feed.read(cursor, limit=_ROWS))
        for change in page.items:
            yield {
                "cursor": change.cursor,
                "at": change.at,
                "kind": change.kind,
                "article_id": change.article_id,
                "story_id": change.story_id,
                "detail": orjson.dumps(dict(change.detail)).decode(),
            }
            if change.cursor == state.feed_end:
                return
        if not page.items:
            return
        cursor = page.next_cursor


def _rest(connection: Connection, state: State) -> dict[str, Any]:
    languages = {
        lang: {
            "position": one.position,
            "fence": one.fence,
            "live": one.live,
            "pending": [_text(item) for item in one.pending],
        }
        for lang, one in state.languages.items()
    }
    return {
        "format": FORMAT,
        "version": __version__,
        "exported_at": datetime.now(UTC).isoformat(),
        "schema": orjson.loads(connection.one("GET", keys.SCHEMA_KEY)),
        "sequence": state.last,
        "counts": {name.decode(): int(value) for name, value in state.counts.items()},
        "totals": {name.decode(): int(value) for name, value in state.totals.items()},
        "languages": languages,
        "dead": [[name, score, _text(data)] for name, score, data in state.dead],
        "blobs": {name: _text(data) for name, data in state.blobs.items()},
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
