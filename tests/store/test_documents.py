"""A document gives back what was put into it, whole or in part."""

from __future__ import annotations

import struct

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as some

from dedup.errors import StoreRefused
from dedup.store.records import Document

RAW = some.fixed_dictionaries(
    {"id": some.text(min_size=1)},
    optional={
        "text": some.text(),
        "title": some.text(),
        "metadata": some.dictionaries(some.text(), some.integers(0, 99)),
    },
).filter(lambda raw: "\ud800" not in str(raw))


@given(RAW, some.binary(), some.integers(0, 40))
def test_what_went_in_comes_out(raw: dict, spelled: bytes, characters: int) -> None:
    found = Document(Document.pack(raw, spelled=spelled))
    assert found.raw() == raw
    assert found.spelled == spelled
    assert (found.has_text, found.text) == ("text" in raw, raw.get("text", ""))
    assert found.beginning(characters) == raw.get("text", "")[:characters]


def test_another_layout_is_refused() -> None:
    with pytest.raises(StoreRefused, match="layout 9"):
        Document(zstandard.compress(struct.pack("<B?II", 9, True, 0, 0)))
