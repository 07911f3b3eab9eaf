"""The pages that are generated from the code are those that stand in the repository."""

from __future__ import annotations

import pytest

from docs.generate import ROOT, pages

GENERATED = ["config/dedup.toml", "docs/settings.md", "docs/cli.md", "docs/http.md", "docs/keys.md"]


@pytest.mark.parametrize("path", GENERATED)
def test_the_page_is_up_to_date(path):
    assert (ROOT / path).read_text(encoding="utf-8") == pages()[path], "run make docs"
