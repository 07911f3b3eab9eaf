"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Marks of tests that take long.
LONG = ("chaos", "slow", "spark")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with long tests first: two processes that share the files then end at about the same time."""
    long = {item.path for item in items if any(item.get_closest_marker(name) for name in LONG)}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The folder of the five seed documents."""
    return ROOT / "seeds"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of labelled data beside the repository; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "data").is_dir():
        pytest.skip("the labelled data of ../shared is not on this machine")
    return folder
