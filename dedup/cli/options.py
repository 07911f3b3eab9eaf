"""Options that several commands share."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from dedup.article import Article, parse_moment
from dedup.errors import ArticleError


class Moment(click.ParamType):
    """A time, ISO 8601."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime | None:
        """Read it as the time of an article is read."""
        try:
            return parse_moment(value)
        except ArticleError as error:
            self.fail(error.reason, param, ctx)


def _renames(ctx: click.Context, param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    out: dict[str, str] = {}
    for option in value:
        column, equals, name = option.partition("=")
        if not equals or name not in Article.__dataclass_fields__:
            raise click.BadParameter(f"{option!r}: expected COLUMN=FIELD, FIELD one of an article's")
        out[column] = name
    return out


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
canonical_option = click.option(
    "--canonical-policy",
    type=click.Choice(["default", "first", "longest", "trusted", "central"]),
    help="Rank the canonical article by this policy instead of the stored choice.",
)
rename_option = click.option(
    "--rename", multiple=True, metavar="COLUMN=FIELD", callback=_renames, help="Read a column under another name."
)
