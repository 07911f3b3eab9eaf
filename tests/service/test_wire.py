"""Queue messages: plain JSON that any Celery client writes and reads."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.utils import json as kombu_json

from dedup.service import wire

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
)


@given(PLAIN)
@example(-(2**63) - 1)
@example(2**64)
def test_what_is_written_is_read_by_us_and_by_everybody(value: object) -> None:
    data = wire.write(value)
    assert wire.read(data) == value
    assert json.loads(data) == value


@given(PLAIN)
def test_what_kombu_writes_is_read_as_kombu_reads_it(value: object) -> None:
    data = kombu_json.dumps(value)
    assert wire.read(data) == kombu_json.loads(data)
    assert wire.read(data.encode()) == wire.read(memoryview(data.encode())) == kombu_json.loads(data)


def test_times_and_huge_integers_travel_as_kombu_has_them() -> None:
    moment = datetime(2015, 8, 21, 9, 30, tzinfo=UTC)
    assert wire.read(wire.write([moment, 2**200])) == [moment, 2**200]


def test_what_orjson_does_not_read_is_read_by_kombu() -> None:
    assert math.isnan(wire.read(b"[NaN]")[0])
    assert wire.read(b'["\\ud800"]') == ["\ud800"]


@pytest.mark.parametrize("data", [b"", b"{", b"[1,]", b"\xff", b"'a'"])
def test_what_is_no_json_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        wire.read(data)


@given(st.binary())
def test_what_is_compressed_is_had_again(data: bytes) -> None:
    assert wire.decompress(wire.compress(data)) == data


def _claiming(size: int) -> bytes:
    """A frame of one byte that says it holds ``size``."""
    return b"\x28\xb5\x2f\xfd\xe0" + size.to_bytes(8, "little") + b"\x09\x00\x00a"


@pytest.mark.parametrize("data", [b"", b"{}", wire.compress(b"x" * 99)[:-1], _claiming(2**40), _claiming(2)])
def test_what_does_not_hold_what_it_says_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError):
        wire.decompress(data)
