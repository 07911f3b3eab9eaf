"""Every setting, its default, its meaning.

A setting is found, in this order: an argument of the call or a command-line option;
an environment variable (``DEDUP_STORE__URL`` sets ``[store] url``); the TOML file named
by ``--config`` or ``DEDUP_CONFIG``; the default below.  Unknown names are refused.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dedup.errors import SettingsError

CanonicalPolicy = Literal["default", "first", "longest", "trusted", "central"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SketchSettings(_Section):
    """MinHash, LSH and the meaning of *near-duplicate*.  Stored signatures depend on the first three."""

    num_perm: int = Field(128, ge=16, le=1024, description="Permutations in a signature.")
    ngram: int = Field(5, ge=1, le=32, description="Tokens in a shingle.")
    seed: int = Field(1, ge=0, description="Seed of the permutations, as in datasketch.")
    bands: int = Field(32, ge=1, le=256, description="LSH bands; bands x rows must not exceed num_perm.")
    rows: int = Field(4, ge=1, le=64, description="Signature rows in a band.")
    threshold: float = Field(0.7, gt=0, le=1, description="Verified Jaccard that makes a near-duplicate.")
    containment: float = Field(0.8, gt=0, le=1, description="Verified containment that makes an excerpt.")


class StorySettings(_Section):
    """How articles become stories."""

    window_days: float = Field(7.0, gt=0, description="Days after its last article in which a story can grow.")
    threshold: float = Field(0.5, gt=0, lt=1, description="Calibrated probability needed to join a story.")
    quorum: float = Field(0.5, ge=0, le=1, description="Share of a story's members that must not object.")
    candidates: int = Field(50, ge=1, le=1000, description="Most candidate articles compared with a new one.")
    canonical: CanonicalPolicy = Field("default", description="Policy that picks the canonical article.")


class StoreSettings(_Section):
    """Where the service keeps everything."""

    url: str = Field("embedded:.dedup", description="embedded:PATH, redis://..., rediss://... or unix://...")
    cluster: bool = Field(False, description="The URL names a node of a Redis Cluster.")
    keep_text: bool = Field(True, description="Keep texts (zstd); without them only estimates verify.")
    fsync: Literal["everysec", "always"] = Field("everysec", description="Embedded store: AOF fsync policy.")
    matching_days: float = Field(30.0, gt=0, description="Days an article can be found as a near-duplicate.")
    maxmemory: str = Field("0", description="Embedded store: memory limit such as 4gb; 0 is none.")

    @property
    def segment_ms(self) -> int:
        """Longest time between the first article of a segment of the LSH index and its last."""
        return round(self.matching_days * 86_400_000 / 3)


class QueueSettings(_Section):
    """The Celery queue."""

    url: str | None = Field(None, description="Broker URL; the store's own server when missing.")
    batch: int = Field(100, ge=1, le=2000, description="Articles in one queue message.")
    limit: int = Field(200_000, ge=1, description="Articles waiting at which push slows down, then refuses.")
    tries: int = Field(3, ge=1, le=20, description="Tries before an article is dead-lettered.")
    visibility_timeout: int = Field(180, ge=5, description="Seconds until the task of a dead worker is redelivered.")


class WorkerSettings(_Section):
    """Processes of ``dedup serve``."""

    concurrency: int = Field(0, ge=0, le=256, description="Ingest processes; 0 is one less than the cores.")
    lease_seconds: float = Field(15.0, ge=1, description="Life of the assignment lease without renewal.")
    tick_seconds: float = Field(5.0, ge=0.5, description="Safety tick that drains what nobody is draining.")
    drain_batch: int = Field(2048, ge=1, le=10_000, description="Articles assigned in one commit.")


class ApiSettings(_Section):
    """HTTP and the web pages."""

    host: str = Field("127.0.0.1", description="Address to listen on; others than loopback need API keys.")
    port: int = Field(8080, ge=0, le=65535, description="Port; 0 picks a free one.")
    workers: int = Field(1, ge=1, le=64, description="API processes.")
    max_body: int = Field(32 * 1024 * 1024, ge=1024, description="Largest request body, in bytes.")
    max_batch: int = Field(1000, ge=1, description="Most articles in one request.")
    rate_per_minute: int = Field(6000, ge=1, description="Requests a minute for one key.")
    require_key: bool | None = Field(None, description="Demand API keys; None: only when not on loopback.")


class NightlySettings(_Section):
    """The nightly batch job."""

    enabled: bool = Field(True, description="Let the scheduler start it.")
    at: str = Field("03:30", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="Local time of day, HH:MM.")
    report: str | None = Field(None, description="Folder for the HTML reports; PATH/reports of the embedded store.")


class LogSettings(_Section):
    """Logs."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level shown.")
    format: Literal["console", "json"] = Field("console", description="For people, or one JSON object a line.")


class Settings(_Section):
    """All settings; see the sections."""

    store: StoreSettings = StoreSettings()
    queue: QueueSettings = QueueSettings()
    workers: WorkerSettings = WorkerSettings()
    sketch: SketchSettings = SketchSettings()
    story: StorySettings = StorySettings()
    api: ApiSettings = ApiSettings()
    nightly: NightlySettings = NightlySettings()
    log: LogSettings = LogSettings()
    outlets: str | None = Field(None, description="TOML file of source trust; the packaged one when missing.")
    threads: int = Field(0, ge=0, description="Threads of the batch kernels; 0 is one a core.")

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Read the settings of this process.

        Parameters
        ----------
        path:
            TOML file; ``DEDUP_CONFIG`` of the environment when missing.
        environ:
            Environment, ``os.environ`` when missing.
        overrides:
            Dotted names to values, such as ``{"store.url": "redis://localhost"}``; ``None`` values are passed over.

        Raises
        ------
        SettingsError
            Naming the file or variable, the setting and what is wrong.
        """
        environ = os.environ if environ is None else environ
        path = path or environ.get("DEDUP_CONFIG") or None
        tree: dict[str, Any] = _read(Path(path)) if path else {}
        for name, value in environ.items():
            if name.startswith("DEDUP_") and name not in _RESERVED:
                _put(tree, name.removeprefix("DEDUP_").lower().split("__"), value)
        for dotted, value in (overrides or {}).items():
            if value is not None:
                _put(tree, dotted.split("."), value)
        try:
            return cls.model_validate(tree)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            source = f" ({path})" if path else ""
            raise SettingsError(f"setting {name}{source}: {first['msg']}; got {first.get('input')!r}") from None


#: Variables that are not settings: the file's name.
_RESERVED = frozenset({"DEDUP_CONFIG"})


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"settings file {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"settings file {path}: {error}") from None


def _put(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        tree = tree.setdefault(part, {})
        if not isinstance(tree, dict):
            raise SettingsError(f"setting {'.'.join(path)}: {part} is not a section")
    tree[path[-1]] = value
