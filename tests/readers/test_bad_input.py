"""Bad input: the message names file, line and field, and the rest of the input goes on."""

from __future__ import annotations

import gzip
import json

import pytest

from dedup.errors import ArticleError, InputError
from dedup.readers import read_articles


def read(*paths, **options):
    """Return the articles and the refusals of an input."""
    refused: list[ArticleError | InputError] = []
    articles = list(read_articles(paths, on_reject=refused.append, **options))
    return articles, refused


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def good(number):
    return json.dumps({"id": f"n{number}", "text": f"text {number}"})


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{broken", "invalid JSON"),
        ("[1, 2]", "expected a JSON object"),
        ('{"id": "x"}', "text: missing"),
        ('{"text": "  "}', "text: empty or only white space"),
        ('{"text": 12}', "text: expected a string, got a number"),
        ('{"text": "a", "published_at": "2015-13-01"}', "published_at:"),
        ('{"text": "\\ud800"}', ""),
        (b'{"text": "\xff\xfe bad"}', "not valid UTF-8"),
    ],
)
def test_a_bad_line_is_named_and_the_other_four_are_read(tmp_path, line, says):
    lines = [good(1), good(2), line, good(4), good(5)]
    data = b"\n".join(item if isinstance(item, bytes) else item.encode() for item in lines)
    path = write(tmp_path, "news.jsonl", data)
    articles, refused = read(path)
    assert [article.id for article in articles] == ["n1", "n2", "n4", "n5"]
    assert len(refused) == 1
    assert str(refused[0]).startswith(f"{path}:3: ")
    assert says in str(refused[0])


def test_a_date_without_a_zone_and_control_characters_are_read(tmp_path):
    path = write(tmp_path, "a.jsonl", '{"text": "a\\u0000b", "published_at": "2015-08-21T10:00"}')
    articles, refused = read(path)
    assert not refused
    assert articles[0].text == "a b"
    assert articles[0].published_at.utcoffset().total_seconds() == 0


def test_an_article_of_20_megabytes_is_refused_by_name(tmp_path):
    path = write(tmp_path, "a.jsonl", json.dumps({"text": "word " * 4_000_000}) + "\n" + good(2))
    articles, refused = read(path)
    assert [article.id for article in articles] == ["n2"]
    assert "text: 20,000,000 characters" in str(refused[0])
    text = write(tmp_path, "big.txt", b"word " * 4_200_000)
    assert "one article a file" in str(read(text)[1][0])


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv", "a.json"])
def test_an_empty_file_is_named(tmp_path, name):
    articles, refused = read(write(tmp_path, name, b""))
    assert not articles
    assert name in str(refused[0])


def test_a_missing_file_is_named_and_the_others_are_read(tmp_path):
    path = write(tmp_path, "a.jsonl", good(1))
    articles, refused = read(tmp_path / "absent.jsonl", path)
    assert len(articles) == 1
    assert "absent.jsonl: no such file or folder" in str(refused[0])


def test_without_a_handler_the_first_refusal_is_raised(tmp_path):
    with pytest.raises(ArticleError, match="text: missing"):
        list(read_articles([write(tmp_path, "a.jsonl", "{}")]))
    with pytest.raises(InputError, match="no such file"):
        list(read_articles([tmp_path / "absent"]))


def test_a_text_file_that_is_not_utf8_names_the_byte(tmp_path):
    _, refused = read(write(tmp_path, "a.txt", b"abc \xff def"))
    assert "byte 0xff at offset 4" in str(refused[0])


def test_damaged_compression_is_named_after_what_could_be_read(tmp_path):
    packed = gzip.compress("\n".join(good(n) for n in range(20_000)).encode())
    articles, refused = read(write(tmp_path, "a.jsonl.gz", packed[: len(packed) // 2]))
    assert len(articles) > 100
    assert "damaged compressed data" in str(refused[-1])


def test_an_unknown_kind_of_file_says_what_is_known(tmp_path):
    _, refused = read(write(tmp_path, "a.docx", b"PK"))
    assert ".jsonl" in str(refused[0])


def test_csv_rows_that_are_wrong_are_named_by_line(tmp_path):
    rows = b'id,text\na,"two\nlines"\nb,\nc,ok,too,many\nd,bad \xff byte\ne,fine\n'
    path = write(tmp_path, "a.csv", rows)
    articles, refused = read(path)
    assert [article.id for article in articles] == ["a", "e"]
    assert [str(error).split(": ")[0] for error in refused] == [f"{path}:4", f"{path}:5", f"{path}:6"]


def test_parquet_that_is_none_is_named(tmp_path):
    _, refused = read(write(tmp_path, "a.parquet", b"PAR1 not really"))
    assert "a.parquet" in str(refused[0])


def test_a_feed_with_exploding_entities_is_refused(tmp_path):
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss>&b;</rss>'
    _, refused = read(write(tmp_path, "a.xml", bomb))
    assert "not a feed" in str(refused[0])
