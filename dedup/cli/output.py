"""What every command prints with: JSON for programs, a console for people, a tally of refusals."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import click
import orjson

from dedup.errors import ArticleError, InputError
from dedup.views import to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress


@cache
def console() -> Console:
    """Return the console for people; plain text when standard output is no terminal."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 120
    return Console(highlight=False, soft_wrap=False, width=wide)


def print_json(record: Any) -> None:
    """Print a record as indented JSON."""
    data = orjson.dumps(to_json(record), option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)
    click.echo(data.decode())


def print_answer(record: Any, as_json: bool, layout: str, **options: Any) -> None:
    """Print a record as JSON, or for people, as the function ``layout`` of :mod:`dedup.cli.show` lays it out."""
    if as_json:
        print_json(record)
        return
    from dedup.cli import show  # takes a while, of which programs need nothing

    console().print(getattr(show, layout)(record, **options))


def print_line(record: Any) -> None:
    """Print a record as one line of JSON."""
    click.echo(orjson.dumps(to_json(record), option=orjson.OPT_NON_STR_KEYS).decode())


class Refusals:
    """Counts what was refused, and says the first of it on standard error as it comes."""

    #: Refusals said one by one; the others are only counted.
    SAID = 20

    def __init__(self) -> None:
        self.errors: list[ArticleError | InputError] = []
        self.count = 0

    def __call__(self, error: ArticleError | InputError) -> None:
        self.count += 1
        if self.count <= self.SAID:
            self.errors.append(error)
            click.echo(f"rejected: {error}", err=True)
        elif self.count == self.SAID + 1:
            click.echo("rejected: more follow, which are only counted", err=True)


Advance = Callable[[int], None]


@contextmanager
def progress(label: str, total: int | None = None, *, quiet: bool = False) -> Iterator[Advance]:
    """Show a bar with rate and time left on standard error while it is a terminal; yields ``advance(n)``."""
    if quiet or not sys.stderr.isatty():
        yield lambda n: None
        return
    with bars() as bar:
        task = bar.add_task(label, total=total)
        yield lambda n: bar.advance(task, n)


def bars() -> Progress:
    """Return the progress display of this tool: on standard error, and only while that is a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
