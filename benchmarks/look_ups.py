"""What look-ups cost by themselves: processor time of ``article`` and ``story`` in one process, nothing beside them.

    python -m benchmarks.look_ups --articles 20000 --look-ups 2500

Articles are drawn with repetition, each is looked up and then its story, as in :mod:`benchmarks.latency`; but for
those drawn twice, every link is explained for the first time.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from typing import Any

from benchmarks import results, running
from benchmarks.latency import WARM, Looker, percentiles
from dedup.service import Service

#: Articles ingested before their stories are decided.
_PART = 250


def look(service: Service, ids: list[str], look_ups: int, *, seed: int = 1) -> dict[str, Any]:
    """Look articles and their stories up; return percentiles in milliseconds of the processor and of the clock."""
    rng = random.Random(seed)
    looker = Looker(service)
    looker.warm(rng.sample(ids, min(WARM, len(ids))))
    members = [looker.look(rng.choice(ids)).articles for _ in range(look_ups)]
    return {
        "look_up_processor_ms": {what: percentiles(seconds) for what, seconds in looker.worked.items()},
        "look_up_ms": {what: percentiles(seconds) for what, seconds in looker.taken.items()},
        "articles_of_a_story": round(sum(members) / len(members), 1),
    }


def main() -> None:
    """Fill a store in this process, measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    running.corpus_arguments(parser)
    parser.add_argument("--articles", type=int, default=20_000, help="in the store")
    parser.add_argument("--look-ups", type=int, default=2_500, help="of articles, and as many of stories")
    args = parser.parse_args()
    rows = running.corpus(args.articles, args)
    with tempfile.TemporaryDirectory(prefix="dedup-bench-") as folder, Service.open(f"embedded:{folder}") as service:
        for start in range(0, len(rows), _PART):
            service.ingest(rows[start : start + _PART])
            service.assign()
        figures = look(service, [row["id"] for row in rows], args.look_ups)
    figures = {"articles": args.articles, "look_ups": args.look_ups} | figures
    print(figures)
    results.write("look_ups", figures)


if __name__ == "__main__":
    main()
