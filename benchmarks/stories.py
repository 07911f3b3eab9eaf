"""Speed of story clustering in process: batch and stream, by number of articles.

Usage: python benchmarks/stories.py ARTICLES.jsonl.gz [--sizes 10000,30000,100000] [--threads 4]

Articles are made from the given ones: each keeps a random 70% of the sentences of one article and takes some of
another; the reports of one story are published within two days of a month.

Prints, per size: features/s, batch articles/s (stories alone, then from the articles on), stream articles/s with the
last 10,000 assigned among all the others; in the end how the batch grows.
``--cpu`` counts seconds of processor time in place of the clock's, for a machine that others use; take ``--threads
1`` then.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from datetime import UTC, datetime, timedelta

from dedup.article import Article
from dedup.cluster.live import LiveStories
from dedup.cluster.stories import cluster_stories
from dedup.readers import read_articles
from dedup.vectors import Features, Idf, featurize

START = datetime(2024, 3, 1, tzinfo=UTC)
REPORTS = 4


def make(bases: list[Article], n: int, seed: int = 0) -> list[Article]:
    """Make ``n`` reports, about :data:`REPORTS` a story."""
    rng = random.Random(seed)
    sentences = [base.text.split(". ") for base in bases]
    out: list[Article] = []
    while len(out) < n:
        one = rng.randrange(len(bases))
        begin = START + timedelta(days=rng.uniform(0, 28))
        second = rng.randrange(len(bases))
        for _ in range(rng.randint(1, 2 * REPORTS - 1)):
            own = [s for s in sentences[one] if rng.random() < 0.7] + sentences[second][: 2 + rng.randrange(4)]
            noise = rng.choice(sentences[rng.randrange(len(bases))])
            text = ". ".join([*own, noise]) or "."
            moment = begin + timedelta(hours=rng.uniform(0, 48))
            out.append(Article(id=f"n{len(out)}", title=own[0][:80] or None, text=text, published_at=moment, lang="vi"))
    return out[:n]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("articles")
    parser.add_argument("--sizes", default="10000,30000,100000")
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--cpu", action="store_true")
    arguments = parser.parse_args()
    clock = time.process_time if arguments.cpu else time.perf_counter
    bases = [one for one in read_articles([arguments.articles]) if len(one.text) > 500]
    sizes = [int(size) for size in arguments.sizes.split(",")]
    warm = featurize(make(bases, 200))
    cluster_stories(warm)
    LiveStories().assign(list(range(200)), warm)
    seconds: list[tuple[float, float]] = []
    for size in sizes:
        articles = make(bases, size)
        t0 = clock()
        features = featurize(articles, threads=arguments.threads)
        t1 = clock()
        found = cluster_stories(features, threads=arguments.threads)
        t2 = clock()
        seconds.append((t2 - t1, t2 - t0))
        order = sorted(range(size), key=lambda i: articles[i].published_at or START)
        live = LiveStories(idf=Idf.prior().blend(features), window=40 * 86_400)
        last = min(10_000, size // 2)
        _assign(live, order[:-last], features)
        t3 = clock()
        _assign(live, order[-last:], features)
        t4 = clock()
        print(
            f"{size:>8,} articles: features {size / (t1 - t0):>8,.0f}/s, batch {size / (t2 - t1):>8,.0f}/s, "
            f"from the articles on {size / (t2 - t0):>8,.0f}/s, "
            f"stream with {size - last:,} live {last / (t4 - t3):>8,.0f}/s, "
            f"{len(set(found.labels.tolist())):,} stories in batch, {len(live.stories):,} in stream", flush=True,
        )  # fmt: skip
    if len(sizes) > 1:
        alone, whole = (
            math.log(last / first) / math.log(sizes[-1] / sizes[0])
            for first, last in zip(seconds[0], seconds[-1], strict=True)
        )
        print(f"exponent from {sizes[0]:,} to {sizes[-1]:,}: {alone:.2f}, from the articles on {whole:.2f}")


def _assign(live: LiveStories, order: list[int], features: Features) -> None:
    for start in range(0, len(order), 512):
        part = order[start : start + 512]
        live.assign(part, features.take(part))


if __name__ == "__main__":
    main()
