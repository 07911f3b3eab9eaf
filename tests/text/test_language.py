"""Languages are told apart offline, and ``None`` is said where the text does not tell."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from dedup.text import detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Thủ tướng chủ trì hội nghị về phát triển kinh tế", "vi"),
        ("The prime minister said on Monday that the budget will be cut", "en"),
        ("Le président a annoncé que les élections sont pour le mois de mai", "fr"),
        ("Der Minister sagte, dass die Reform nicht vor dem Herbst kommt", "de"),
        ("El presidente dijo que los trabajadores están en la calle", "es"),
        ("Presiden mengatakan bahwa tidak ada rencana untuk itu dalam tahun ini", "id"),
        ("総理大臣は記者会見を開いた", "ja"),
        ("国务院总理主持会议", "zh"),
        ("대통령은 기자회견을 열었다", "ko"),
        ("นายกรัฐมนตรีแถลงข่าว", "th"),
        ("Президент заявил", "ru"),
        ("رئيس الوزراء", "ar"),
        ("20 30 40", None),
        ("", None),
        ("😀", None),
    ],
)
def test_languages(text: str, language: str | None) -> None:
    assert detect_language([text]) == [language]


def test_missing_text() -> None:
    assert detect_language([None, "và của là có được"]) == [None, "vi"]


@pytest.mark.labelled
@pytest.mark.parametrize(("name", "language"), [("vnmds", "vi"), ("basil", "en")])
def test_labelled_articles(shared: Path, name: str, language: str) -> None:
    with gzip.open(shared / "data" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = detect_language(json.loads(line)["text"] for line in lines)
    assert found.count(language) / len(found) > 0.99
