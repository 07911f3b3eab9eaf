"""Commands over whole corpora, without a service: cluster and evaluate."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from typing import Any

import click

from dedup.article import Article
from dedup.cli.main import FAILED, SOME_REJECTED, Context
from dedup.cli.options import json_option, rename_option
from dedup.cli.output import Refusals, bars, print_json
from dedup.errors import InputError


@click.command("cluster")
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--out", default="-", show_default=True, help="OUT.parquet or OUT.jsonl; - is standard output.")
@click.option("--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True)
@click.option("--memory", metavar="SIZE", help="Bound on memory such as 2GB; beyond it data spills to disk.")
@click.option("--threads", type=int, help="Threads of the kernels; one a core when missing.")
@click.option("--incremental", metavar="PREVIOUS", help="Add INPUT to the result of an earlier run with --keep-state.")
@click.option("--keep-state", is_flag=True, help="Leave OUT.state, so that a later run can add to this one.")
@click.option("--master", metavar="URL", help="Spark master, such as local[4] or yarn; with --engine spark.")
@click.option("--keep", type=click.Choice(["canonical"]), help="Write the deduplicated corpus instead of rows.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write an HTML report here.")
@rename_option
@json_option
@click.pass_obj
def cluster_command(
    obj: Context,
    /,
    inputs: tuple[str, ...],
    out: str,
    engine: str,
    memory: str | None,
    threads: int | None,
    master: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Cluster a corpus of any size into duplicate groups and stories.

    Writes one row an article: id, story_id, duplicate_group_id, relation, is_canonical, canonical_id, score.
    A run that was killed goes on where it was when it is started again with the same OUT.
    """
    settings = obj.settings(threads=threads)
    refused = Refusals()
    cluster_files = import_module(f"dedup.batch.{engine}").cluster_files
    if engine == "spark":
        options["master"] = master
    elif master:
        raise click.UsageError("--master goes with --engine spark")
    with bars() as bar:
        summary = cluster_files(
            inputs,
            out,
            settings=settings,
            memory=memory,
            on_reject=refused,
            progress=bar,
            **options,
        )
    if as_json and out != "-":
        print_json(summary)
    elif out != "-":
        click.echo(f"{summary.articles:,} articles, {summary.groups:,} texts, {summary.stories:,} stories -> {out}")
    if refused.count:
        raise SystemExit(SOME_REJECTED if summary.articles else FAILED)


@click.command("evaluate")
@click.argument("gold", metavar="GOLD.jsonl")
@click.option("--mode", type=click.Choice(["batch", "stream"]), default="batch", show_default=True)
@click.option("--order", type=click.Choice(["file", "date"]), default="file", show_default=True, help="Stream order.")
@click.option("--orders", type=int, default=0, metavar="N", help="Stream in N shuffled orders; mean and spread.")
@click.option("--distractors", metavar="FILE", help="Mix in unlabelled articles.")
@click.option("--corrections", metavar="FILE", help="JSON with lists of story ids that are one event ('same').")
@click.option("--model", metavar="FILE", help="Weights of another pair model, such as one trained on other sets.")
@click.option("--report", type=click.Path(dir_okay=False), help="Write an HTML page with the worst confusions.")
@json_option
@click.pass_obj
def evaluate_command(obj: Context, /, gold: str, distractors: str | None, as_json: bool, **options: Any) -> None:
    """Score the clustering of labelled articles: rows with a story_id, which the clustering never sees.

    BCubed and pairwise precision, recall and F1, adjusted mutual information, stories found and true, speed.
    """
    from dedup.evaluation import evaluate
    from dedup.readers import read_articles

    refused = Refusals()
    articles: list[Article] = []
    labels: list[str] = []
    for article in read_articles([gold], on_reject=refused):
        label = article.metadata.get("story_id")
        if label is None:
            raise InputError(f"{gold}: article {article.id} has no story_id; evaluation needs one on every row")
        labels.append(str(label))
        articles.append(replace(article, metadata={}))
    noise = [replace(a, metadata={}) for a in read_articles([distractors], on_reject=refused)] if distractors else []
    scores = evaluate(articles, labels, distractors=noise, settings=obj.settings(), **options)
    if as_json:
        print_json(scores)
    else:
        for name, value in scores.items():
            shown = f"{value:.4f}" if isinstance(value, float) else value
            click.echo(f"{name:<28}{shown}")
    if refused.count:
        raise SystemExit(SOME_REJECTED)
