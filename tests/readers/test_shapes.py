"""Every shape of input gives the same articles."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from dedup.readers import parse_text, read_articles

ROWS = [
    {"id": "a", "title": "Fire in Hue", "text": 'A fire, in "Hue".\nNobody was hurt.', "source": "One"},
    {"id": "b", "title": None, "text": "Cháy ở Huế", "published_at": "2015-08-21T09:30:00+07:00"},
]


def test_the_seeds_are_read_whole(seeds):
    articles = {article.id[:3]: article for article in read_articles([seeds])}
    assert sorted(articles) == ["000", "001", "002", "003", "004"]
    assert articles["004"].id == "004_54eb6b5306429d50"
    assert articles["004"].source == "vietnamplus.vn"
    assert [name for name, article in articles.items() if article.url] == ["004"]
    for article in articles.values():
        assert article.title
        assert "-----" not in article.text
        assert not article.text.startswith(article.title)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Title\n-----\nBody", {"title": "Title", "text": "Body"}),
        ("https://e.org/a\n-----\nTitle\n-----\nBody\nmore", {"url": "https://e.org/a", "title": "Title"}),
        ("https://e.org/a\nTitle\n\nBody", {"url": "https://e.org/a", "title": "Title", "text": "Body"}),
        ("Title\n\nBody", {"title": "Title", "text": "Body"}),
        ("Only one paragraph.", {"text": "Only one paragraph."}),
        ("x" * 301 + "\nsecond paragraph", {"text": "x" * 301 + "\nsecond paragraph"}),
        ("\r\nTitle\r\n=====\r\n\r\nBody\r\n", {"title": "Title", "text": "Body"}),
        ("https://e.org/a", {"url": "https://e.org/a", "text": ""}),
        ("", {"text": ""}),
    ],
)
def test_text_shapes(text, expected):
    assert expected.items() <= parse_text(text).items()


def lines():
    return "".join(json.dumps(row) + "\n" for row in ROWS).encode()


def parquet():
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([dict.fromkeys({**ROWS[0], **ROWS[1]}) | row for row in ROWS]), sink)
    return sink.getvalue()


def table():
    return (
        'id,title,text,source,published_at\na,Fire in Hue,"A fire, in ""Hue"".\nNobody was hurt.",One,\n'
        "b,,Cháy ở Huế,,2015-08-21T09:30:00+07:00\n"
    ).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.jsonl", lines()),
        ("x.ndjson", b"\xef\xbb\xbf" + lines().replace(b"\n", b"\r\n\r\n")),
        ("x.json", json.dumps(ROWS).encode()),
        ("x.jsonl.gz", gzip.compress(lines()[:80]) + gzip.compress(lines()[80:])),
        ("x.jsonl.zst", zstandard.compress(lines()[:80]) + zstandard.compress(lines()[80:])),
        ("x.csv", table()),
        ("x.csv.gz", gzip.compress(table())),
        ("x.parquet", parquet()),
    ],
)
def test_every_format_gives_the_same_articles(tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data)
    expected = list(read_articles([_plain(tmp_path)]))
    assert list(read_articles([path])) == expected
    assert [article.id for article in expected] == ["a", "b"]


def _plain(folder):
    path = folder / "plain.jsonl"
    path.write_bytes(lines())
    return path


@pytest.mark.parametrize("data", [lines(), gzip.compress(lines()), json.dumps(ROWS).encode(), table(), parquet()])
def test_standard_input_is_sniffed(data):
    code = "from dedup.readers import read_articles; print(*[a.id for a in read_articles(['-'])])"
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, check=True)
    assert done.stdout.split() == [b"a", b"b"]


def test_folders_and_globs_are_read_by_name(tmp_path):
    for name in ("b.txt", "a.txt", ".hidden.txt", "notes.md"):
        (tmp_path / name).write_text(f"title {name}\n\nbody")
    assert [article.id for article in read_articles([tmp_path])] == ["a", "b"]
    assert [article.id for article in read_articles([tmp_path / "*.txt"])] == ["a", "b"]


def test_other_columns_go_to_the_metadata_and_columns_can_be_renamed(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"body": "words", "desk": "sport", "story_id": 4}')
    (article,) = read_articles([path], rename={"body": "text"})
    assert article.text == "words"
    assert article.metadata == {"desk": "sport", "story_id": 4}


RSS = """<?xml version="1.0"?><rss version="2.0"><channel><title>Feed</title><item><title>Fire &amp; flood</title>
<link>https://e.org/1</link><guid>urn:1</guid><pubDate>Fri, 21 Aug 2015 09:30:00 +0700</pubDate>
<description>&lt;p&gt;A fire.&lt;/p&gt;&lt;p&gt;A flood.&lt;/p&gt;</description></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>Fire &amp; flood</title><id>urn:1</id>
<link href="https://e.org/1"/><published>2015-08-21T09:30:00+07:00</published>
<content type="html">&lt;p&gt;A fire.&lt;/p&gt;&lt;p&gt;A flood.&lt;/p&gt;</content></entry></feed>"""


@pytest.mark.parametrize("feed", [RSS, ATOM])
def test_feeds(tmp_path, feed):
    path = tmp_path / "x.xml"
    path.write_text(feed)
    (article,) = read_articles([path])
    assert (article.id, article.title, article.url) == ("urn:1", "Fire & flood", "https://e.org/1")
    assert article.text.split("\n")[0] == "A fire."
    assert article.published_at.isoformat() == "2015-08-21T02:30:00+00:00"
