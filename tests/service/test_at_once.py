"""Two workers take near-duplicates in at the same moment: the pair is found."""

from __future__ import annotations

import random
from multiprocessing import get_context
from pathlib import Path

from dedup.service import Service
from dedup.settings import Settings

PAIRS = 150


def _pair(serial: int) -> list[str]:
    """A text and its edit, like no other."""
    chance = random.Random(serial)
    words = [f"w{chance.randrange(10**6)}" for _ in range(120)]
    return [" ".join(words), " ".join([*words[:119], "edited"])]


def _take_in(url: str, side: int) -> None:
    settings = Settings.load(environ={}, overrides={"store.url": url})
    with Service.open(settings=settings) as service:
        for serial in range(PAIRS):
            service.ingest([{"id": f"{side}-{serial}", "text": _pair(serial)[side]}])
            if serial % 20 == side:
                service.assign()


def test_of_two_taken_in_at_once_one_sees_the_other(tmp_path: Path) -> None:
    url = f"embedded:{tmp_path}/store"
    with Service.open(settings=Settings.load(environ={}, overrides={"store.url": url})) as service:
        context = get_context("spawn")
        running = [context.Process(target=_take_in, args=(url, side)) for side in (0, 1)]
        for process in running:
            process.start()
        for process in running:
            process.join()
            assert process.exitcode == 0
        service.assign()
        apart = []
        for serial in range(PAIRS):
            groups = {service.article(f"{side}-{serial}").duplicate_group_id for side in (0, 1)}
            if len(groups) != 1:
                apart.append(serial)
        assert not apart
