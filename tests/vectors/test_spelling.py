"""What an article spells is kept in few bytes and read back."""

from __future__ import annotations

from datetime import UTC, datetime

from dedup.article import Article
from dedup.vectors.features import parse
from dedup.vectors.spelling import MOST_ANCHORS, MOST_NAMES, Spelling, spell


def spelling(text: str, title: str | None = None) -> Spelling:
    (packed,) = spell(parse([Article(title=title, text=text, published_at=datetime(2025, 8, 21, tzinfo=UTC))]))
    return Spelling.unpack(packed)


def test_names_and_anchors_of_title_and_body() -> None:
    found = spelling("At noon Anna Lind met 40 people on 21 August in Uppsala.", title="News of Nils Holm")
    assert {"Anna Lind", "Nils Holm", "Uppsala"} <= found.names
    shown = [found.anchor(place) for place in range(len(found.keys))]
    assert ("date", "2025-08-21") in {(one.kind, one.value) for one in shown}
    assert len(found.spans) == 2 * len(found.keys) == 2 * len(found.weights)


def test_each_article_of_many_has_its_own() -> None:
    texts = ["Then Anna Lind came.", "Nothing here.", "Then Nils Holm came on 3 May.", "1"]
    together = spell(parse([Article(text=text) for text in texts]))
    alone = [spell(parse([Article(text=text)]))[0] for text in texts]
    assert together == alone


def test_no_article_spells_without_end() -> None:
    names = " and ".join(f"Anna{chr(97 + n % 26)}{chr(97 + n // 26 % 26)} Lind" for n in range(2000))
    amounts = " ".join(f"{n + 3000} tonnes," for n in range(2000))
    found = spelling(f"{names}. {amounts}")
    assert len(found.names) <= MOST_NAMES
    assert len(found.keys) == MOST_ANCHORS
