"""Latency of the running service: from ``push`` to visible, and of look-ups, at a steady load.

    python -m benchmarks.latency --articles 20000 --rate 1000 --seconds 30

The store is filled with ``--articles`` first.  Then one client pushes ``--rate`` articles a second in small messages,
at times that do not wait for answers (open loop, so that a stall counts for all it delays); a second process waits for
each message's articles to be visible, a third looks articles and stories up as long as articles are pushed.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.queues import Queue
from typing import Any

import numpy as np

from benchmarks import results, running
from benchmarks.ingest import warm_up
from dedup.service import Service
from dedup.settings import Settings
from dedup.views import StoryView

#: Articles in one message at a steady load.
MESSAGE = 10
#: Seconds given to the other processes to open the service; look-ups made in them, before it counts.
OPENING, WARM = 4.0, 100
_END = None


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Percentiles in milliseconds."""
    found = np.percentile(np.array(seconds) * 1e3, [50, 90, 99, 100])
    return {name: round(float(value), 2) for name, value in zip(("p50", "p90", "p99", "max"), found, strict=True)}


def watch(settings: Settings, pushed: Queue[Any], out: Queue[Any]) -> None:
    """Note for every message when the last of its articles became visible, as one who waits for a push sees it."""
    waits: list[float] = []
    with Service.open(settings=settings) as service:
        used = time.process_time()
        while (message := pushed.get()) is not _END:
            due, ids = message
            service.wait(ids, timeout=120)
            waits.append(time.time() - due)
        used = time.process_time() - used
    out.put((waits, used))


class Looker:
    """Looks articles and their stories up.

    Attributes
    ----------
    taken, worked:
        Seconds that each look-up took, and those of the processor, by what was looked up.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self.taken: dict[str, list[float]] = {"article": [], "story": []}
        self.worked: dict[str, list[float]] = {"article": [], "story": []}

    def warm(self, names: Sequence[str]) -> None:
        """Look some up that do not count."""
        for name in names:
            self._service.story(self._service.article(name).story_id or "")

    def look(self, name: str) -> StoryView:
        """Look an article and its story up."""
        story: StoryView = self._timed("story", self._timed("article", name).story_id)
        return story

    def _timed(self, what: str, name: str) -> Any:
        used, begun = time.process_time(), time.perf_counter()
        found = getattr(self._service, what)(name)
        self.taken[what].append(time.perf_counter() - begun)
        self.worked[what].append(time.process_time() - used)
        return found


def look(settings: Settings, ids: list[str], begin: float, until: float, out: Queue[Any]) -> None:
    """Look articles and stories up, one after the other; note seconds, and seconds of the processor, of each."""
    rng = random.Random(1)
    with Service.open(settings=settings) as service:
        looker = Looker(service)
        looker.warm(rng.sample(ids, min(WARM, len(ids))))
        time.sleep(max(0.0, begin - time.time()))
        used = time.process_time()
        while time.time() < until:
            looker.look(rng.choice(ids))
            time.sleep(0.005)
        used = time.process_time() - used
    out.put((looker.taken, looker.worked, used))


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fill, push at the rate, and return percentiles in milliseconds."""
    steady = args.rate * args.seconds
    rows = running.corpus(args.articles + steady, args)
    filled, fresh = rows[: args.articles], rows[args.articles :]
    context = get_context("spawn")
    with running.running() as run:
        warm_up(run)
        run.service.push(filled, wait=1800)
        pushed, waits, looks = context.Queue(), context.Queue(), context.Queue()
        settings = run.service.settings
        settings = settings.model_copy(
            update={"store": settings.store.model_copy(update={"url": run.service.connection.url})}
        )
        watcher = context.Process(target=watch, args=(settings, pushed, waits))
        ids = [row["id"] for row in filled]
        begun = time.time() + OPENING
        looker = context.Process(target=look, args=(settings, ids, begun, begun + args.seconds, looks))
        watcher.start()
        looker.start()
        time.sleep(max(0.0, begun - time.time()))
        before = run.processor_seconds()
        late = 0.0
        for place in range(0, len(fresh), MESSAGE):
            due = begun + place / args.rate
            time.sleep(max(0.0, due - time.time()))
            late = max(late, time.time() - due)
            part = fresh[place : place + MESSAGE]
            run.service.push(part, batch=MESSAGE)
            pushed.put((due, [row["id"] for row in part]))
        pushed.put(_END)
        (visible, watched), (taken, worked, looked) = waits.get(timeout=300), looks.get(timeout=300)
        spent = {name: used - before.get(name, 0.0) for name, used in run.processor_seconds().items()}
        spent |= {"watcher": watched, "looker": looked}
        watcher.join()
        looker.join()
    return {
        "filled": args.articles,
        "articles_per_s": args.rate,
        "seconds": args.seconds,
        "push_to_visible_ms": percentiles(visible),
        "look_up_ms": {name: percentiles(seconds) for name, seconds in taken.items()},
        "look_up_processor_ms": {name: percentiles(seconds) for name, seconds in worked.items()},
        "look_ups": {name: len(seconds) for name, seconds in taken.items()},
        "latest_push_ms": round(late * 1e3, 1),
        # A client that lacked time would make the service look slow, or spare it.
        "processor_seconds_per_second": {name: round(used / args.seconds, 3) for name, used in spent.items()},
    }


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    running.corpus_arguments(parser)
    parser.add_argument("--articles", type=int, default=20_000, help="in the store before")
    parser.add_argument("--rate", type=int, default=1_000, help="articles pushed a second")
    parser.add_argument("--seconds", type=int, default=30)
    args = parser.parse_args()
    figures = measure(args)
    print(figures)
    results.write("latency", figures)


if __name__ == "__main__":
    main()
