"""The corpus maker is deterministic and does what it states; the tables render what the result files hold."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from benchmarks import tables
from benchmarks.corpus import BLOCK, EDITS, generate


def test_rows_depend_on_the_seed_alone() -> None:
    one = list(generate(BLOCK + 50, seed=5))
    assert one == list(generate(BLOCK + 50, seed=5, processes=2))
    assert one[:50] != list(generate(50, seed=6))
    assert len({row["id"] for row in one}) == BLOCK + 50


def test_edits_are_of_the_stated_kinds_and_point_at_their_base() -> None:
    rows = list(generate(BLOCK, seed=3, duplicates=0.3))
    kinds = Counter(row["edit"] for row in rows if row["edit"])
    assert set(kinds) == set(EDITS)
    assert 0.25 < kinds.total() / BLOCK < 0.35
    seen: dict[str, dict] = {}
    for row in rows:
        if row["edit"]:
            base = seen[row["planted_from"]]
            assert base["edit"] is None
            assert (row["story_id"] == base["story_id"]) == (row["edit"] != "template")
        seen[row["id"]] = row


def test_stories_have_several_reports() -> None:
    rows = list(generate(BLOCK, seed=4, duplicates=0.0))
    sizes = Counter(Counter(row["story_id"] for row in rows).values())
    assert sizes[1] > 0
    assert sum(count for size, count in sizes.items() if size > 1) > 100
    assert {row["lang"] for row in rows} == {"vi", "en"}


@pytest.mark.parametrize("block", list(tables.BLOCKS))
def test_tables_render_the_result_files(block: str) -> None:
    source, render = tables.BLOCKS[block]
    path = tables.results.FOLDER / f"{source}.json"
    if not path.exists():
        pytest.skip(f"{path.name} was not measured on this machine")
    text = render(json.loads(path.read_text(encoding="utf-8")))
    assert text.startswith("| ")
    assert f"<!-- begin {block} -->" in tables.PAGE.read_text(encoding="utf-8")
