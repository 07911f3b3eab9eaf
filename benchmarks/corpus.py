"""A corpus of any size, made here: invented articles, stories told several ways, and planted edits of stated kinds.

    python -m benchmarks.corpus --articles 100000 -o corpus.parquet

Deterministic by seed: block ``b`` of :data:`BLOCK` articles depends on ``(seed, b)`` alone, so processes may share
the work.
"""

from __future__ import annotations

import argparse
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import words

BLOCK = 2000
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
_SENT = ("id", "title", "text", "published_at", "source", "url", "lang")
Row = dict[str, Any]
Rng = np.random.Generator


class Story:
    """One event: names, a date, quantities and a topic that every report of it shares."""

    def __init__(self, rng: Rng, vocabulary: words.Vocabulary, number: str, when: datetime) -> None:
        self.id = number
        self.vocabulary = vocabulary
        self.when = when
        self.names = [" ".join(w.capitalize() for w in vocabulary.draw_rare(rng, 2 + i % 2)) for i in range(4)]
        self.topic = vocabulary.draw_rare(rng, 30)
        self.numbers = rng.integers(2, 999, 6).tolist()

    def facts(self, rng: Rng) -> str:
        """One fact of the event, written in one of several ways."""
        v = self.vocabulary
        kind = int(rng.integers(4))
        if kind == 0:
            pattern = v.date[int(rng.integers(len(v.date)))]
            return pattern.format(d=self.when.day, m=self.when.month, y=self.when.year)
        if kind == 1:
            return v.quantity.format(n=self.numbers[int(rng.integers(5))])
        if kind == 2:
            return v.ordinal.format(n=self.numbers[5])
        return self.names[int(rng.integers(len(self.names)))]

    def report(self, rng: Rng, length: int) -> tuple[str, str]:
        """Title and text of one report of about ``length`` words, in words of its own."""
        drawn = self.vocabulary.draw(rng, length)
        for place in rng.integers(0, length, length // 8).tolist():
            drawn[place] = self.topic[int(rng.integers(len(self.topic)))]
        sentences = []
        start = 0
        while start < length:
            stop = min(length, start + int(rng.integers(9, 26)))
            part = drawn[start:stop]
            if rng.random() < 0.5:
                part.insert(int(rng.integers(len(part))), self.facts(rng))
            sentence = " ".join(part)
            sentences.append(sentence[:1].upper() + sentence[1:] + ".")
            start = stop
        title = f"{self.names[0]} {' '.join(self.topic[:4])} {' '.join(drawn[:3])}"
        paragraphs = [" ".join(sentences[i : i + 4]) for i in range(0, len(sentences), 4)]
        return title[:1].upper() + title[1:], "\n\n".join(paragraphs)


def _sentences(text: str) -> list[str]:
    return [s for s in re.split(r"(?<=\.)\s+", text) if s]


def _substituted(text: str, rng: Rng, v: words.Vocabulary, *, share: float) -> str:
    parts = text.split(" ")
    for place in rng.integers(0, len(parts), max(1, int(share * len(parts)))).tolist():
        parts[place] = v.draw(rng, 1)[0]
    return " ".join(parts)


def _cut(text: str, rng: Rng, v: words.Vocabulary) -> str:
    """A beginning, of 1/1.5 to 1/4 of the text."""
    parts = text.split(" ")
    return " ".join(parts[: max(1, int(len(parts) / rng.uniform(1.5, 4.0)))])


def _template(text: str, rng: Rng, v: words.Vocabulary) -> str:
    return re.sub(r"\d+", lambda m: str(int(rng.integers(10 ** (len(m[0]) - 1), 10 ** len(m[0])))), text)


def _drop_sentence(text: str, rng: Rng, v: words.Vocabulary) -> str:
    parts = _sentences(text)
    del parts[int(rng.integers(len(parts)))]
    return " ".join(parts)


def _add_sentence(text: str, rng: Rng, v: words.Vocabulary) -> str:
    parts = _sentences(text)
    parts.insert(int(rng.integers(len(parts) + 1)), " ".join(v.draw(rng, 18)).capitalize() + ".")
    return " ".join(parts)


#: Planted edits: what an outlet does to a text it takes over.
EDITS: dict[str, Callable[[str, Rng, words.Vocabulary], str]] = {
    "exact": lambda text, rng, v: text,
    "format": lambda text, rng, v: re.sub(r"\s+", "  ", text).upper(),
    "unnormalised": lambda text, rng, v: unicodedata.normalize("NFD", text),
    "byline": lambda text, rng, v: f"{' '.join(v.draw(rng, 3)).title()}\n{text}\n\n{' '.join(v.draw(rng, 8))}",
    "add_sentence": _add_sentence,
    "drop_sentence": _drop_sentence,
    "substitute_1": partial(_substituted, share=0.01),
    "substitute_3": partial(_substituted, share=0.03),
    "substitute_6": partial(_substituted, share=0.06),
    "excerpt": _cut,
    "template": _template,
}


@cache
def _vocabularies(seed: int) -> dict[str, words.Vocabulary]:
    return {"vi": words.vietnamese(seed), "en": words.english(seed)}


def block(
    number: int,
    *,
    seed: int = 1,
    size: int = BLOCK,
    english: float = 0.2,
    duplicates: float = 0.2,
    length: tuple[int, int] = (300, 500),
    days: float = 365.0,
) -> list[Row]:
    """Make one block of rows; see :func:`generate`."""
    rng = np.random.default_rng((seed, number))
    rows: list[Row] = []
    originals: list[int] = []
    kinds = list(EDITS)
    story, remaining = None, 0
    while len(rows) < size:
        serial = number * BLOCK + len(rows)
        row: Row = {"id": f"g{serial}"}
        source = int(rng.zipf(1.6)) % 40
        if originals and rng.random() < duplicates:
            base = rows[originals[int(rng.integers(len(originals)))]]
            kind = kinds[int(rng.integers(len(kinds)))]
            vocabulary = _vocabularies(seed)[base["lang"]]
            later = datetime.fromisoformat(base["published_at"]) + timedelta(hours=float(rng.exponential(5)))
            row |= {"title": base["title"], "text": EDITS[kind](base["text"], rng, vocabulary), "lang": base["lang"]}
            row |= {"story_id": base["story_id"], "planted_from": base["id"], "edit": kind}
            if kind == "template":
                later += timedelta(days=1)
                row["story_id"] = f"t{serial}"
        else:
            if remaining == 0 or story is None:
                lang = "en" if rng.random() < english else "vi"
                when = _EPOCH + timedelta(days=float(rng.uniform(0, days)))
                story, remaining = Story(rng, _vocabularies(seed)[lang], f"s{serial}", when), int(rng.geometric(0.4))
            remaining -= 1
            title, text = story.report(rng, int(rng.integers(*length)))
            later = story.when + timedelta(hours=float(rng.exponential(8)))
            row |= {"title": title, "text": text, "lang": story.vocabulary.lang, "story_id": story.id}
            row |= {"planted_from": None, "edit": None}
            originals.append(len(rows))
        row |= {"published_at": later.isoformat(timespec="seconds"), "source": f"outlet{source}.example"}
        row["url"] = f"https://outlet{source}.example/{row['id']}"
        rows.append(row)
    return rows


def generate(articles: int, *, processes: int = 1, **options: Any) -> Iterator[Row]:
    """Yield ``articles`` rows: id, title, text, published_at, source, url, lang, story_id, planted_from, edit.

    Parameters
    ----------
    articles:
        How many; blocks are made whole and the last is cut.
    processes:
        Processes that make blocks; the rows do not depend on it.
    options:
        ``seed``; ``english``, share of English-like stories; ``duplicates``, share of rows that are planted edits of an
        earlier row of their block (kinds: :data:`EDITS`); ``length``, words from and to; ``days`` the corpus spans.
    """
    blocks = range((articles + BLOCK - 1) // BLOCK)
    make = partial(block, **options)
    if processes == 1:
        yield from islice((row for b in blocks for row in make(b)), articles)
        return
    with ProcessPoolExecutor(processes) as pool:
        made = 0
        for start in range(0, len(blocks), 2 * processes):
            for rows in pool.map(make, blocks[start : start + 2 * processes]):
                yield from rows[: articles - made]
                made += len(rows)


def as_sent(row: Row) -> Row:
    """Return what a client of the service sends of a row; the rest is truth about it."""
    return {name: row[name] for name in _SENT if row.get(name) is not None}


def write_jsonl(path: Path, rows: Iterator[Row]) -> None:
    """Write rows one a line."""
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            out.write(json.dumps(row, ensure_ascii=False) + "\n")


def write_parquet(path: Path, rows: Iterator[Row], *, group: int = 20_000) -> None:
    """Write rows in row groups, never more than one in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = ["id", "title", "text", "published_at", "source", "url", "lang", "story_id", "planted_from", "edit"]
    schema = pa.schema([(name, pa.string()) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd") as out:
        while part := list(islice(rows, group)):
            out.write_table(pa.Table.from_pylist(part, schema=schema))


def main() -> None:
    """Write a corpus to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--english", type=float, default=0.2, help="share of English-like stories")
    parser.add_argument("--duplicates", type=float, default=0.2, help="share of planted edits")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, required=True, help="FILE.jsonl or FILE.parquet")
    args = parser.parse_args()
    rows = generate(
        args.articles, processes=args.processes, seed=args.seed, english=args.english, duplicates=args.duplicates
    )
    (write_parquet if args.output.suffix == ".parquet" else write_jsonl)(args.output, rows)


if __name__ == "__main__":
    main()
