"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from aludel.attempt_figures import compare
from aludel.problems import read_problems
from aludel.settings import load_settings
from aludel.store import Store
from cli.attempting import attempts_table, figures, open_attempter
from cli.generating import attempt_options, generator_options, spec_of
from proving.build import open_generators


@click.group(name="attempts")
def command() -> None:
    """Have a generator prove theorems; every attempt is checked and recorded."""


@command.command()
@click.argument("problems", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the run; the same name goes on with it.")
@generator_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run(problems: Path, name: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click
    """Attempt the problems of a JSONL file; a run that was stopped goes on."""
    found, chosen = read_problems(problems), attempt_options(options)
    with (
        open_generators(spec_of(options), key=options["key"]) as generators,
        open_attempter(load_settings(), Console(stderr=True)) as attempter,
    ):
        made = attempter.run(name, found, generators, chosen)
        shown = figures(made, attempter.store.attempts.outcomes(name))
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        Console().print(attempts_table(made, shown))


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_runs(as_json: bool) -> None:
    """List the runs, the newest first."""
    with Store.open(load_settings()) as store:
        runs = store.attempts.runs()
    if as_json:
        for run in runs:
            click.echo(run.model_dump_json())
        return
    table = Table()
    for column in ("run", "generator", "search", "problems", "done", "since"):
        table.add_column(column)
    for run in runs:
        since = f"{run.created_at:%Y-%m-%d %H:%M}"
        cells = (run.plan.generator, run.plan.search, str(run.problems), str(run.done), since)
        table.add_row(run.name, *cells)
    Console().print(table)


@command.command(name="compare")
@click.argument("first")
@click.argument("second")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def compare_runs(first: str, second: str, as_json: bool) -> None:
    """Compare two runs over the problems that both are done with."""
    with Store.open(load_settings()) as store:
        names = [store.attempts.run(name).name for name in (first, second)]
        found = compare(*(store.attempts.outcomes(name) for name in names))
    if as_json:
        click.echo(found.model_dump_json())
        return
    table = Table(title=f"{found.problems} problems", show_header=False)
    table.add_row(f"solved by {first}", str(found.first))
    table.add_row(f"solved by {second}", str(found.second))
    table.add_row(f"by {first} alone", str(len(found.only_first)))
    table.add_row(f"by {second} alone", str(len(found.only_second)))
    table.add_row("p (McNemar, exact, two-sided)", f"{found.p_value:.3g}")
    Console().print(table)
