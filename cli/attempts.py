"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from aludel.attempt_figures import Comparison, compare
from aludel.cli.attempting import Attempter, attempts_table, figures, open_attempter
from aludel.cli.generating import attempt_options, generator_options, spec_of
from aludel.fstar_checker.dataset import read_definitions
from aludel.models import Prover
from aludel.problems import Problem, read_problems
from aludel.proving.build import open_generators
from aludel.proving.fstar import pose
from aludel.settings import load_settings
from aludel.store import Store


@click.group(name="attempts")
def command() -> None:
    """Have a generator prove theorems; every attempt is checked and recorded."""


@command.command()
@click.argument("problems", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the run; the same name goes on with it.")
@generator_options
@click.option(
    "--concurrency", type=click.IntRange(1, 1_000), default=None,
    help="Problems under way at once; as many as there are prover processes by default.",
)  # fmt: skip
@click.option(
    "--prover", type=click.Choice([p.value for p in Prover]), default="lean", show_default=True,
    help="With fstar, the problems are in PoPAI's format.",
)  # fmt: skip
@click.option(
    "--examples", type=click.Path(path_type=Path), default=None,
    help="F*: solved problems in PoPAI's format, for examples and premises.",
)  # fmt: skip
@click.option(
    "--similar", type=click.IntRange(0, 20), default=3, show_default=True,
    help="F*: examples for each problem.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run(problems: Path, name: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click
    """Attempt the problems of a file; a run that was stopped goes on."""
    prover, console = Prover(options["prover"]), Console(stderr=True)
    chosen = attempt_options(options)
    with (
        open_generators(spec_of(options), key=options["key"], prover=prover) as generators,
        open_attempter(load_settings(), console, prover) as attempter,
    ):
        found = _problems(problems, options, attempter)
        made = attempter.run(name, found, generators, chosen, options["concurrency"])
        shown = figures(made, attempter.store.attempts.outcomes(name))
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        measure = "verify" if prover is Prover.FSTAR else "pass"
        Console().print(attempts_table(made, shown, measure=measure))


def _problems(path: Path, options: dict[str, Any], attempter: Attempter) -> Sequence[Problem]:
    """Return what is to be attempted; what cannot be posed to F* is named on stderr."""
    if Prover(options["prover"]) is Prover.LEAN:
        return read_problems(path)
    solved = read_definitions(options["examples"]) if options["examples"] else []
    posed = pose(
        read_definitions(path),
        solved,
        similar=options["similar"],
        premises=options["premises"],
        known_options=attempter.checker.known_options,
    )
    for name, why in posed.skipped.items():
        click.echo(f"left out: {name}: {why}", err=True)
    return posed.problems


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
    Console().print(_comparison_table(first, second, found))


def _comparison_table(first: str, second: str, found: Comparison) -> Table:
    table = Table("", first, second, title=f"{found.problems} problems")
    table.add_row("solved", str(found.first), str(found.second))
    table.add_row("solved by it alone", str(len(found.only_first)), str(len(found.only_second)))
    costs = [cost.model_dump() for cost in (found.first_cost, found.second_cost)]
    names = {
        "tried": "proofs or tactics tried", "prover_s": "seconds waiting for the prover",
        "other_s": "other seconds of workers", "prompt_tokens": "prompt tokens",
        "completion_tokens": "completion tokens", "price": "price",
    }  # fmt: skip
    for key, shown in names.items():
        if any(cost[key] for cost in costs):
            table.add_row(shown, *(f"{cost[key]:,.10g}" for cost in costs))
    table.caption = f"McNemar, exact, two-sided: p = {found.p_value:.3g}"
    return table
