"""The command group: options that every command shares, errors, exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dedup import __version__
from dedup.errors import Backpressure, DedupError, InputError, NotFound, SettingsError, StoreError

if TYPE_CHECKING:
    from dedup.service import Service
    from dedup.settings import Settings

#: Exit codes, as the help of the group lists them.
FAILED, USAGE, SOME_REJECTED, NOT_FOUND, UNAVAILABLE, INTERRUPTED = 1, 2, 3, 4, 5, 130


@dataclass(frozen=True)
class Context:
    """What the options before the command said."""

    config: str | None
    store: str | None

    def settings(self, **overrides: Any) -> Settings:
        """Read the settings with the options of the command line on top; ``a__b`` sets ``[a] b``."""
        from dedup.settings import Settings

        dotted = {name.replace("__", "."): value for name, value in overrides.items()}
        return Settings.load(self.config, overrides={"store.url": self.store, **dotted})

    def service(self, **overrides: Any) -> Service:
        """Open the service; use it in a ``with``."""
        from dedup.service import Service

        return Service.open(settings=self.settings(**overrides))


class _Group(click.Group):
    """Imports a command's module when it is called, and turns errors into messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(_COMMANDS[cmd_name])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except DedupError as error:
            click.echo(f"dedup: {error}", err=True)
            ctx.exit(exit_code(error))
        except BrokenPipeError:
            # `dedup stories | head`: the reader left, which is its right.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except KeyboardInterrupt:
            click.echo("dedup: interrupted", err=True)
            ctx.exit(INTERRUPTED)


def exit_code(error: DedupError) -> int:
    """Exit code that stands for an error."""
    kinds: Mapping[type[DedupError], int] = {
        NotFound: NOT_FOUND,
        SettingsError: USAGE,
        InputError: USAGE,
        StoreError: UNAVAILABLE,
        Backpressure: UNAVAILABLE,
    }
    return next((code for kind, code in kinds.items() if isinstance(error, kind)), FAILED)


_SERVICE, _CORPUS, _ADMIN = "dedup.cli.queries", "dedup.cli.corpus", "dedup.cli.operate"
_COMMANDS = {
    "demo": _ADMIN,
    "serve": _ADMIN,
    "push": _SERVICE,
    "article": _SERVICE,
    "story": _SERVICE,
    "stories": _SERVICE,
    "match": _SERVICE,
    "compare": _SERVICE,
    "delete": _SERVICE,
    "changes": _SERVICE,
    "status": _SERVICE,
    "cluster": _CORPUS,
    "evaluate": _CORPUS,
    "nightly": _ADMIN,
    "dead": _ADMIN,
    "keys": _ADMIN,
    "export": _ADMIN,
    "restore": _ADMIN,
}


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--config", type=click.Path(dir_okay=False), help="Settings file (TOML); also DEDUP_CONFIG.")
@click.option("--store", metavar="URL", help="embedded:PATH, redis://... or rediss://...; also DEDUP_STORE__URL.")
@click.version_option(__version__, prog_name="dedup")
@click.pass_context
def main(ctx: click.Context, config: str | None, store: str | None) -> None:
    """Near-duplicates and stories in news.

    \b
    Try it:           dedup demo
    A folder once:    dedup cluster news/ -o stories.parquet
    As a service:     dedup serve            (in one terminal)
                      dedup push news.jsonl  (in another)
                      dedup stories

    \b
    Exit codes: 0 all fine; 1 failed; 2 wrong usage or unreadable input; 3 done, but some articles
    were rejected; 4 no such article or story; 5 the store or the queue is not available.
    """
    if config and not Path(config).is_file():
        raise click.BadParameter(f"no such file: {config}", param_hint="--config")
    ctx.obj = Context(config=config, store=store)
