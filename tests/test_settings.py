"""Where a setting comes from, and what is refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from dedup.errors import SettingsError
from dedup.outlets import load_outlets
from dedup.settings import Settings
from docs.generate import settings_file

ROOT = Path(__file__).resolve().parent.parent


def test_arguments_win_over_the_environment_and_that_over_the_file(tmp_path):
    path = tmp_path / "dedup.toml"
    path.write_text('[store]\nurl = "embedded:file"\n[queue]\nbatch = 7\n[sketch]\nthreshold = 0.9\n')
    environ = {"DEDUP_CONFIG": str(path), "DEDUP_STORE__URL": "embedded:environ", "DEDUP_QUEUE__BATCH": "8"}
    settings = Settings.load(environ=environ, overrides={"store.url": "embedded:argument", "queue.limit": None})
    assert settings.store.url == "embedded:argument"
    assert settings.queue.batch == 8
    assert settings.sketch.threshold == 0.9
    assert settings.queue.limit == Settings().queue.limit


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[store]\nurll = 1", "store.urll"),
        ("[queue]\nbatch = 0", "queue.batch"),
        ('[nightly]\nat = "25:00"', "nightly.at"),
        ("[sketch\n", "dedup.toml"),
        ('store = "x"', "store"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, says):
    path = tmp_path / "dedup.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=says):
        Settings.load(path, environ={})


def test_a_missing_file_and_a_misspelt_variable_are_named(tmp_path):
    with pytest.raises(SettingsError, match=r"absent\.toml"):
        Settings.load(tmp_path / "absent.toml", environ={})
    with pytest.raises(SettingsError, match="storre"):
        Settings.load(environ={"DEDUP_STORRE__URL": "x"})


def test_the_commented_file_says_every_setting_and_its_default():
    text = (ROOT / "config" / "dedup.toml").read_text(encoding="utf-8")
    assert text == settings_file(), "run make docs"
    said = "\n".join(line.removeprefix("# ") for line in text.splitlines() if " = " in line or line.startswith("["))
    assert Settings.model_validate(tomllib.loads(said)) == Settings()


def test_the_production_example_is_valid():
    Settings.load(ROOT / "config" / "production.toml", environ={})


def test_the_outlet_list_is_read_and_checked(tmp_path):
    assert load_outlets()["reuters.com"] == 1.0
    path = tmp_path / "outlets.toml"
    path.write_text('[trust]\n"a.org" = 2')
    with pytest.raises(SettingsError, match=r"a\.org"):
        load_outlets(path)
