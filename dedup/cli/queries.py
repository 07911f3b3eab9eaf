"""Commands that talk to a running service: push, look up, match, delete."""

from __future__ import annotations

from itertools import islice
from typing import Any

import click

from dedup.cli.main import FAILED, SOME_REJECTED, Context
from dedup.cli.options import Moment, canonical_option, json_option, rename_option
from dedup.cli.output import Refusals, console, print_answer, print_json, print_line, progress
from dedup.errors import ArticleError
from dedup.views import Waited

#: Articles validated and sent to the queue at a time.
_CHUNK = 2000


@click.command("push")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--no-wait", is_flag=True, help="Return as soon as the queue has everything.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait until all is visible.")
@rename_option
@json_option
@click.pass_obj
def push_command(
    obj: Context, inputs: tuple[str, ...], no_wait: bool, timeout: float, rename: dict[str, str], as_json: bool
) -> None:
    """Push articles onto the queue and wait until their stories are decided.

    INPUT is a file (.txt, .jsonl, .json, .csv, .parquet, RSS or Atom; also .gz and .zst), a folder, a glob,
    or - for standard input.  Needs a running `dedup serve` (or workers of your own on the same broker).
    """
    from dedup.readers import read_articles

    refused = Refusals()
    waited = Waited({})
    with obj.service() as service:
        accepted: list[str] = []
        articles = read_articles(inputs, on_reject=refused, rename=rename)
        with progress("pushing", quiet=as_json) as advance:
            while chunk := list(islice(articles, _CHUNK)):
                receipt = service.push(chunk)
                accepted.extend(receipt.accepted)
                for item in receipt.rejected:
                    refused(ArticleError(item.reason, field=item.field, origin=item.origin))
                advance(len(chunk))
        if accepted and not no_wait:
            with progress("deciding", len(set(accepted)), quiet=as_json) as advance:
                waited = service.wait(accepted, timeout=timeout, progress=advance)
    answer = {"accepted": len(accepted), "rejected": refused.count, "waited": bool(accepted) and not no_wait}
    others = {state: len(getattr(waited, state)) for state in ("overtaken", "removed", "dead", "pending")}
    others = {state: count for state, count in others.items() if count}
    if as_json:
        print_json(answer | others)
    else:
        visible = f"{len(accepted):,} articles queued" if no_wait else f"{len(waited):,} articles visible"
        told = {"overtaken": "of them as a later version", "removed": "taken down", "dead": "dead letters"}
        ends = [f"{count:,} {told.get(state, state)}" for state, count in others.items()]
        click.echo(", ".join([visible, *ends, f"{refused.count:,} rejected"]))
    if waited.pending:
        raise SystemExit(FAILED)
    if refused.count or waited.dead:
        raise SystemExit(SOME_REJECTED if accepted else FAILED)


@click.command("article")
@click.argument("article_id", metavar="ID")
@click.option("--text", is_flag=True, help="Show the text too.")
@canonical_option
@json_option
@click.pass_obj
def article_command(obj: Context, article_id: str, text: bool, canonical_policy: Any, as_json: bool) -> None:
    """Show an article: its story, duplicate group, canonical article and links."""
    with obj.service() as service:
        view = service.article(article_id, canonical_policy=canonical_policy, text=text)
    print_answer(view, as_json, "article")


@click.command("story")
@click.argument("story_id", metavar="ID")
@canonical_option
@json_option
@click.pass_obj
def story_command(obj: Context, story_id: str, canonical_policy: Any, as_json: bool) -> None:
    """Show a story: members, canonical article and why, evidence.  The id of a merged story still answers."""
    with obj.service() as service:
        view = service.story(story_id, canonical_policy=canonical_policy)
    print_answer(view, as_json, "story", width=console().width)


@click.command("stories")
@click.option("--lang", help="Only this language.")
@click.option("--source", help="Only stories with an article of this source.")
@click.option("--since", type=Moment(), help="Only stories with an article since this time (ISO 8601).")
@click.option("--until", type=Moment(), help="Only stories that began before this time (ISO 8601).")
@click.option("--text", help="Only stories whose titles hold these words.")
@click.option("--min-articles", type=int, help="Only stories of at least this many articles.")
@click.option("--min-sources", type=int, help="Only stories of at least this many sources.")
@click.option("--sort", type=click.Choice(["updated", "size", "first"]), default="updated", show_default=True)
@click.option("--limit", default=20, show_default=True, help="Stories on a page.")
@click.option("--cursor", help="Where the last page ended.")
@json_option
@click.pass_obj
def stories_command(obj: Context, /, as_json: bool, **filters: Any) -> None:
    """List stories, the latest first."""
    given = {name: value for name, value in filters.items() if value is not None}
    with obj.service() as service:
        page = service.stories(**given)
    print_answer(page, as_json, "stories")


@click.command("match")
@click.argument("path", metavar="FILE|-")
@json_option
@click.pass_obj
def match_command(obj: Context, path: str, as_json: bool) -> None:
    """Have we got this?  Looks an article up by its text; nothing is stored."""
    from dedup.readers import read_articles

    with obj.service() as service:
        found = [(article, service.match(article)) for article in read_articles([path])]
    for article, view in found:
        if as_json:
            print_line({"id": article.id, "match": view})
        else:
            print_answer(view, as_json, "match")


@click.command("compare")
@click.argument("left")
@click.argument("right")
@json_option
@click.pass_obj
def compare_command(obj: Context, left: str, right: str, as_json: bool) -> None:
    """Show why two articles are, or are not, together."""
    with obj.service() as service:
        view = service.compare(left, right)
    print_answer(view, as_json, "evidence")


@click.command("delete")
@click.argument("article_ids", nargs=-1, required=True, metavar="ID...")
@json_option
@click.pass_obj
def delete_command(obj: Context, article_ids: tuple[str, ...], as_json: bool) -> None:
    """Take articles down: text, index entries and membership go; the change feed keeps a tombstone."""
    from dedup.errors import NotFound

    with obj.service() as service:
        gone = {article_id: service.delete(article_id) for article_id in article_ids}
    if as_json:
        print_json({"deleted": [name for name, done in gone.items() if done]})
    missing = [name for name, done in gone.items() if not done]
    if missing:
        raise NotFound(f"no article {', '.join(missing)}; what waits on the queue will not appear")


@click.command("changes")
@click.option("--cursor", help="Start after this cursor; from the beginning when missing.")
@click.option("--limit", default=100, show_default=True, help="Changes on a page.")
@click.option("--follow", is_flag=True, help="Go on as changes happen, one JSON object a line.")
@json_option
@click.pass_obj
def changes_command(obj: Context, cursor: str | None, limit: int, follow: bool, as_json: bool) -> None:
    """Read the change feed: every article and story event, in order, from a cursor."""
    with obj.service() as service:
        if follow:
            while True:
                page = service.changes(cursor, limit=limit, block=5.0)
                for item in page.items:
                    print_line(item)
                cursor = page.items[-1].cursor if page.items else cursor
        page = service.changes(cursor, limit=limit)
    if as_json:
        for item in page.items:
            print_line(item)
    else:
        print_answer(page, as_json, "changes")


@click.command("status")
@json_option
@click.pass_obj
def status_command(obj: Context, as_json: bool) -> None:
    """Show queue, rates, leases, dead letters, memory, and what is not as it should be."""
    with obj.service() as service:
        view = service.status()
    print_answer(view, as_json, "status")
