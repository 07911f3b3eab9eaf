"""Memory of the store by kind of key, and of datasketch's Redis storage beside it.

    python -m benchmarks.memory --articles 100000 --reference 20000

``MEMORY USAGE`` of every key, added up by kind; ``INFO memory`` for the whole.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import redis

from benchmarks import results, running
from benchmarks.reference_pipeline import run as reference
from benchmarks.running import Row
from dedup.service.ingest import validate
from dedup.store.memory import kind_of

#: How the tables name the kinds.
NAMES = {"index": "LSH index", "records": "records: facts and features", "changes": "change feed", "other": "the rest"}


def usage(store: redis.Redis, kind_of: Any) -> dict[str, dict[str, int]]:
    """Number and bytes of the keys of each kind."""
    keys: dict[str, list[bytes]] = defaultdict(list)
    for key in store.scan_iter(count=5000):
        keys[kind_of(key)].append(key)
    found = {}
    for kind, names in sorted(keys.items()):
        total = 0
        for start in range(0, len(names), 5000):
            pipeline = store.pipeline(transaction=False)
            for name in names[start : start + 5000]:
                pipeline.execute_command("MEMORY", "USAGE", name, "SAMPLES", 0)
            total += sum(size or 0 for size in pipeline.execute())
        found[kind] = {"keys": len(names), "bytes": total}
    return found


def our_kind(key: bytes) -> str:
    """Kind of one of our keys."""
    kind = kind_of(key.decode("utf-8", "replace"))
    return NAMES.get(kind, kind)


def their_kind(key: bytes) -> str:
    """Kind of one of the reference's keys."""
    return "articles and groups" if key.startswith((b"article:", b"group:", b"visible")) else "LSH index"


def table(kinds: dict[str, dict[str, int]], info: dict[str, Any], empty: int, articles: int) -> dict[str, Any]:
    """Bytes an article by kind; ``empty`` is what the server used before the first article."""
    used = info["used_memory"] - empty
    text = kinds.get("texts", {"bytes": 0})["bytes"]
    counted = sum(kind["bytes"] for kind in kinds.values())
    return {
        "articles": articles,
        "bytes_per_article": {name: round(kind["bytes"] / articles, 1) for name, kind in kinds.items()},
        "keys": {name: kind["keys"] for name, kind in kinds.items()},
        "all_keys": round(counted / articles, 1),
        "used_memory": round(used / articles, 1),
        "used_memory_but_texts": round((used - text) / articles, 1),
        "rss": round((info["used_memory_rss"]) / articles, 1),
    }


def ours(rows: list[Row]) -> dict[str, Any]:
    """Put ``rows`` into a fresh store, in this process, and measure it."""
    with running.running(parts=("store",)) as run:
        client = run.service.connection.client
        empty = client.info("memory")["used_memory"]
        for start in range(0, len(rows), 500):
            run.service.ingest(validate(rows[start : start + 500])[0])
            run.service.assign()
        return table(usage(client, our_kind), client.info("memory"), empty, len(rows))


def theirs(rows: list[Row], params: tuple[int, int] | None) -> dict[str, Any]:
    """The same for the reference pipeline."""
    with (
        tempfile.TemporaryDirectory(prefix="dedup-bench-") as folder,
        reference.running(Path(folder), workers=3, params=params) as other,
    ):
        empty = other.store.info("memory")["used_memory"]
        other.push(rows)
        return table(usage(other.store, their_kind), other.store.info("memory"), empty, len(rows))


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    running.corpus_arguments(parser)
    parser.add_argument("--articles", type=int, default=100_000)
    parser.add_argument("--reference", type=int, default=20_000, help="articles given to the reference")
    args = parser.parse_args()
    rows = running.corpus(args.articles, args)
    figures: dict[str, Any] = {"corpus": args.data.name if args.data else "generated", "story-dedup": ours(rows)}
    print(figures["story-dedup"], flush=True)
    for name, params in {"datasketch, bands 32 x 4": (32, 4), "datasketch, its own bands": None}.items():
        figures[name] = theirs(rows[: args.reference], params)
        print(name, figures[name], flush=True)
    results.write("memory", figures)


if __name__ == "__main__":
    main()
