"""Commands that run and keep the service: demo, serve, nightly, dead letters, keys, export, restore."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

import click

from dedup.cli.main import SOME_REJECTED, Context
from dedup.cli.options import json_option
from dedup.cli.output import Refusals, bars, console, print_answer, print_json, progress
from dedup.errors import InputError


@click.command("serve")
@click.option("--only", type=click.Choice(["store", "workers", "api", "scheduler"]), multiple=True, help="Run a part.")
@click.option("--host", help="Address of the HTTP API; others than loopback need API keys.")
@click.option("--port", type=int, help="Port of the HTTP API; 0 picks a free one.")
@click.option("--workers", "concurrency", type=int, help="Ingest processes.")
@click.pass_obj
def serve_command(
    obj: Context, only: tuple[str, ...], host: str | None, port: int | None, concurrency: int | None
) -> None:
    """Run the service: store, workers, scheduler, HTTP API and web pages, until Ctrl-C or SIGTERM."""
    from dedup.supervisor import Supervisor

    settings = obj.settings(api__host=host, api__port=port, workers__concurrency=concurrency)
    Supervisor(settings, only=only or None).run()


@click.command("demo")
@click.argument("inputs", nargs=-1, metavar="[INPUT...]")
@json_option
@click.pass_obj
def demo_command(obj: Context, inputs: tuple[str, ...], as_json: bool) -> None:
    """Show it at work: start store and workers in a temporary folder, push INPUT, print its stories, stop.

    INPUT is by default the folder seeds/, which comes with the repository.
    """
    from dedup.readers import read_articles
    from dedup.service import Service
    from dedup.supervisor import Supervisor

    if not inputs and not Path("seeds").is_dir():
        raise InputError("no folder seeds/ here; name a file or folder: dedup demo INPUT...")
    refused = Refusals()
    articles = list(read_articles(inputs or ("seeds",), on_reject=refused))
    with tempfile.TemporaryDirectory(prefix="dedup-demo-") as folder, open(f"{folder}/log", "wb") as log:
        settings = obj.settings(store__url=f"embedded:{folder}/store", workers__concurrency=2, log__level="warning")
        if not as_json:
            click.echo("starting an embedded store and Celery workers ...")
        supervisor = Supervisor(settings, only=("store", "workers", "scheduler"), log=log)
        with supervisor, Service.open(settings=settings) as service:
            with progress("deciding", len(articles), quiet=as_json) as advance:
                receipt = service.push(articles, wait=300.0, progress=advance)
            views = [service.story(view.id) for view in service.stories(sort="size", limit=100).items]
            apart = [
                (left, right, service.compare(left.canonical_id, right.canonical_id)) for left, right in pairwise(views)
            ]
            if as_json:
                print_json({"stories": views, "apart": [evidence for _, _, evidence in apart]})
            else:
                from dedup.cli import show

                click.echo(f"{len(receipt.accepted)} articles pushed through the queue, {len(views)} stories:\n")
                for view in views:
                    console().print(show.story(view, width=console().width))
                    click.echo()
                for left, right, evidence in apart:
                    click.echo(f"Why {left.canonical_id} and {right.canonical_id} are apart:")
                    console().print(show.evidence(evidence))
                    click.echo()
    if refused.count:
        raise SystemExit(SOME_REJECTED)


@click.command("nightly")
@click.option("--dry-run", is_flag=True, help="Show what would change; change nothing.")
@click.option("--force", is_flag=True, help="Run even if this period's run is done.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write the HTML report here.")
@json_option
@click.pass_obj
def nightly_command(obj: Context, dry_run: bool, force: bool, report: str | None, as_json: bool) -> None:
    """Re-cluster the live window, refresh statistics, expire what is old, write a report.

    A run that was killed goes on where it was; two runs of one period are one.
    """
    with obj.service() as service:
        summary = service.nightly(dry_run=dry_run, force=force, report=report)
    if as_json:
        print_json(summary)
    else:
        for name, value in summary.items():
            click.echo(f"{name.replace('_', ' '):<24}{value}")


@click.group("dead")
def dead_command() -> None:
    """Messages that could not be processed: list, show, retry, purge."""


@dead_command.command("list")
@click.option("--limit", default=50, show_default=True)
@json_option
@click.pass_obj
def dead_list(obj: Context, limit: int, as_json: bool) -> None:
    """List dead letters, the newest first."""
    with obj.service() as service:
        page = service.dead_letters(limit=limit)
    print_answer(page, as_json, "dead")


@dead_command.command("show")
@click.argument("letter_id", metavar="ID")
@click.pass_obj
def dead_show(obj: Context, letter_id: str) -> None:
    """Show one dead letter whole, as JSON."""
    with obj.service() as service:
        print_json(service.dead_letter(letter_id))


@dead_command.command("retry")
@click.argument("letter_ids", nargs=-1, metavar="[ID...]")
@click.option("--all", "everything", is_flag=True, help="Retry all of them.")
@click.pass_obj
def dead_retry(obj: Context, letter_ids: tuple[str, ...], everything: bool) -> None:
    """Put dead letters back onto the queue."""
    with obj.service() as service:
        count = service.retry_dead(_chosen(letter_ids, everything))
    click.echo(f"{count:,} back on the queue")


@dead_command.command("purge")
@click.argument("letter_ids", nargs=-1, metavar="[ID...]")
@click.option("--all", "everything", is_flag=True, help="Purge all of them.")
@click.pass_obj
def dead_purge(obj: Context, letter_ids: tuple[str, ...], everything: bool) -> None:
    """Forget dead letters for good."""
    with obj.service() as service:
        count = service.purge_dead(_chosen(letter_ids, everything))
    click.echo(f"{count:,} purged")


def _chosen(letter_ids: tuple[str, ...], everything: bool) -> tuple[str, ...] | None:
    if everything == bool(letter_ids):
        raise click.UsageError("name dead letters, or say --all")
    return None if everything else letter_ids


@click.group("keys")
def keys_command() -> None:
    """API keys: create, list, revoke.  A key is shown once; the store keeps its hash."""


@keys_command.command("create")
@click.argument("label")
@click.option("--scope", "scopes", type=click.Choice(["read", "write", "admin"]), multiple=True, default=("read",))
@click.option("--rate", type=int, help="Requests a minute; the setting api.rate_per_minute when missing.")
@json_option
@click.pass_obj
def keys_create(obj: Context, label: str, scopes: tuple[str, ...], rate: int | None, as_json: bool) -> None:
    """Create a key for LABEL and print it, this once."""
    from dedup.api.keys import create_key

    with obj.service() as service:
        made, secret = create_key(service.connection, scopes=scopes, label=label, rate_per_minute=rate)
    print_json({"id": made.id, "key": secret}) if as_json else click.echo(secret)


@keys_command.command("list")
@json_option
@click.pass_obj
def keys_list(obj: Context, as_json: bool) -> None:
    """List keys: id, scopes, when created, whether revoked, for whom."""
    from dedup.api.keys import list_keys

    with obj.service() as service:
        found = list_keys(service.connection)
    if as_json:
        print_json(found)
        return
    for key in found:
        state = f"revoked {key.revoked[:10]}" if key.revoked else "active"
        click.echo(f"{key.id}  {','.join(key.scopes):<12} {key.created[:10]}  {state:<18}  {key.label}")


@keys_command.command("revoke")
@click.argument("key_id", metavar="ID")
@json_option
@click.pass_obj
def keys_revoke(obj: Context, key_id: str, as_json: bool) -> None:
    """Revoke a key at once."""
    from dedup.api.keys import revoke_key

    with obj.service() as service:
        revoke_key(service.connection, key_id)
    if as_json:
        print_json({"revoked": key_id})


@click.command("export")
@click.argument("folder", type=click.Path(file_okay=False), metavar="DIR")
@json_option
@click.pass_obj
def export_command(obj: Context, folder: str, as_json: bool) -> None:
    """Write articles, groups, stories, links and changes to Parquet files in DIR, while ingest goes on."""
    from dedup.batch.archive import export_store

    with obj.service() as service, bars() as bar:
        summary = export_store(service.connection, Path(folder), progress=bar)
    print_json(summary) if as_json else click.echo(f"exported to {folder}: {summary}")


@click.command("restore")
@click.argument("folder", type=click.Path(exists=True, file_okay=False), metavar="DIR")
@json_option
@click.pass_obj
def restore_command(obj: Context, folder: str, as_json: bool) -> None:
    """Fill an empty store from an export; every query answers as it did."""
    from dedup.batch.archive import restore_store

    with obj.service() as service, bars() as bar:
        span = service.settings.store.segment_ms
        summary = restore_store(service.connection, Path(folder), segment_ms=span, progress=bar)
    print_json(summary) if as_json else click.echo(f"restored from {folder}: {summary}")
