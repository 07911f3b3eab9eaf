"""Memory by kind, from a sample, is what counting every key gives."""

from __future__ import annotations

import random
from collections import Counter

from dedup.service import Service
from dedup.settings import Settings
from dedup.store import memory
from dedup.store.connection import Connection


def counted(store: Connection) -> Counter[str]:
    """Bytes of every key, by kind."""
    found: Counter[str] = Counter()
    for key in store.client.scan_iter(count=5000):
        kind = memory.kind_of(key.decode("utf-8", "replace"))
        found[kind] += store.client.execute_command("MEMORY", "USAGE", key, "SAMPLES", 0)
    return found


def articles(count: int) -> list[dict[str, str]]:
    """Articles of different lengths, a tenth of them copies."""
    chance = random.Random(5)
    texts = [" ".join(f"w{chance.randrange(9000)}" for _ in range(chance.randint(30, 90))) for _ in range(count)]
    return [{"id": f"a{n}", "text": texts[n - n % 10 if n % 10 == 1 else n], "lang": "vi"} for n in range(count)]


def test_an_empty_store_has_next_to_nothing(store: Connection) -> None:
    assert sum(store.run(memory.by_kind()).values()) == 0


def test_the_sample_tells_what_all_keys_take(settings: Settings, store: Connection) -> None:
    with Service.open(settings=settings) as service:
        service.ingest(articles(1_500))
        service.assign()
    found, truth = store.run(memory.by_kind()), counted(store)
    assert set(found) == set(memory.KINDS.values())
    known = sum(truth[kind] for kind in found)
    for kind, bytes_ in found.items():
        assert abs(bytes_ - truth[kind]) <= max(0.05 * truth[kind], 0.015 * known), (kind, bytes_, truth[kind])
    assert abs(sum(found.values()) - known) <= 0.03 * known
    assert truth["other"] < 0.01 * known
