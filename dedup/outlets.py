"""How far each source is trusted to be the origin of a story: a list that people keep."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from dedup.errors import SettingsError

#: Trust of a source that no list names.
UNKNOWN = 0.5


def load_outlets(path: str | Path | None = None) -> Mapping[str, float]:
    """Read source trust, 0 to 1, by source name in lower case.

    Parameters
    ----------
    path:
        TOML file with a table ``[trust]``; the packaged list (``config/outlets.toml``) when missing.

    Raises
    ------
    SettingsError
        Naming the file and the entry at fault.
    """
    where = Path(path) if path else files("dedup") / "data" / "outlets.toml"
    try:
        table = tomllib.loads(where.read_text(encoding="utf-8")).get("trust", {})
    except OSError as error:
        raise SettingsError(f"outlet list {where}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"outlet list {where}: {error}") from None
    for name, trust in table.items():
        if isinstance(trust, bool) or not isinstance(trust, int | float) or not 0 <= trust <= 1:
            raise SettingsError(f"outlet list {where}: trust of {name!r} must be a number from 0 to 1, got {trust!r}")
    return {name.lower(): float(trust) for name, trust in table.items()}
