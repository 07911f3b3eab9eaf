"""A store that must not be used is refused, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dedup.errors import StoreRefused
from dedup.settings import Settings, SketchSettings, StoreSettings
from dedup.store.checks import check
from dedup.store.connection import Connection


@pytest.fixture
def own(tmp_path: Path):
    connection = Connection(StoreSettings(url=f"embedded:{tmp_path}"))
    yield connection
    connection.close()


def test_a_good_store_passes_twice(own: Connection) -> None:
    assert own.run(check(Settings(), feature_version=1)) == []
    assert own.run(check(Settings(), feature_version=1)) == []


def test_an_eviction_policy_that_drops_keys_is_refused(own: Connection) -> None:
    own.client.config_set("maxmemory-policy", "allkeys-lru")
    assert "noeviction" in own.run(check(Settings(), feature_version=1))[0]
    own.client.config_set("maxmemory", "100mb")
    with pytest.raises(StoreRefused, match="noeviction"):
        own.run(check(Settings(), feature_version=1))


def test_missing_persistence_is_a_warning(own: Connection) -> None:
    own.client.config_set("appendonly", "no")
    assert "appendonly" in own.run(check(Settings(), feature_version=1))[0]


def test_other_sketch_parameters_are_refused(own: Connection) -> None:
    own.run(check(Settings(), feature_version=1))
    with pytest.raises(StoreRefused, match="ngram 5, here 3"):
        own.run(check(Settings(sketch=SketchSettings(ngram=3)), feature_version=1))


def test_another_layout_is_refused(own: Connection) -> None:
    own.run(check(Settings(), feature_version=1))
    with pytest.raises(StoreRefused, match=r"features 1, here 2.*export"):
        own.run(check(Settings(), feature_version=2))
    own.one("SET", "{d}:schema", "who knows")
    with pytest.raises(StoreRefused, match="layout"):
        own.run(check(Settings(), feature_version=1))


def test_a_clock_far_off_is_a_warning(own: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup.store.checks.time.time", lambda: 1_000_000_000.0)
    assert "clock" in own.run(check(Settings(), feature_version=1))[0]


def test_an_old_server_is_refused(own: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dedup.store.checks._server", lambda facts: ("redis", "6.2.1"))
    with pytest.raises(StoreRefused, match=r"redis 6\.2\.1.*7\.0"):
        own.run(check(Settings(), feature_version=1))
