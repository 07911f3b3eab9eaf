"""The reference's worker: word 5-grams, datasketch's MinHash, one look-up and one insertion an article.

Everything is as datasketch's documentation shows it.  Where there was a choice, the faster was taken: one MinHash is
copied instead of made anew, ``update_batch`` hashes the shingles, the check for a known key is left out, and what
belongs to one article beside its bands travels in one pipeline.  Groups are those of the first candidate: nothing is
verified, and two workers may miss each other's article.  No TF-IDF and no stories: less work than the service does.
"""

from __future__ import annotations

import json
import os
from typing import Any

import redis
from celery import Celery
from celery.signals import worker_process_init
from datasketch import MinHash, MinHashLSH

SOCKET = os.environ.get("REFERENCE_SOCKET", "")
#: JSON: bands and rows, or null for datasketch's own choice at the threshold.
PARAMS = json.loads(os.environ.get("REFERENCE_PARAMS", "null"))
NUM_PERM, NGRAM, THRESHOLD = 128, 5, 0.7

app = Celery("reference", broker=f"redis+socket://{SOCKET}?virtual_host=1")
app.conf.update(
    task_acks_late=True, task_ignore_result=True, worker_prefetch_multiplier=1, task_default_queue="reference"
)

_empty = MinHash(num_perm=NUM_PERM)
_lsh: MinHashLSH
_store: redis.Redis


@worker_process_init.connect
def _open(**_: Any) -> None:
    global _lsh, _store
    _store = redis.Redis(unix_socket_path=SOCKET)
    _lsh = MinHashLSH(
        threshold=THRESHOLD,
        num_perm=NUM_PERM,
        params=PARAMS and tuple(PARAMS),
        storage_config={"type": "redis", "basename": b"reference", "redis": {"unix_socket_path": SOCKET}},
    )


def sketch(text: str) -> MinHash:
    """MinHash of the word 5-grams of ``text``."""
    words = text.lower().split()
    signature = _empty.copy()
    shingles = {" ".join(words[at : at + NGRAM]) for at in range(max(1, len(words) - NGRAM + 1))}
    signature.update_batch([shingle.encode() for shingle in shingles])
    return signature


@app.task(name="reference.ingest")
def ingest(articles: list[dict[str, Any]]) -> None:
    """Look each article up, insert it, and remember its group and text."""
    for article in articles:
        name = article["id"]
        signature = sketch(article["text"])
        near = _lsh.query(signature)
        _lsh.insert(name, signature, check_duplication=False)
        group = (_store.hget(f"article:{near[0]}", "group") if near else None) or name
        pipeline = _store.pipeline()
        pipeline.hset(f"article:{name}", mapping={"group": group, "article": json.dumps(article, ensure_ascii=False)})
        pipeline.sadd(b"group:" + (group if isinstance(group, bytes) else group.encode()), name)
        pipeline.incr("visible")
        pipeline.execute()
