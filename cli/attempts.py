"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from aludel.attempt_figures import compare
from aludel.attempts import AttemptOptions, SearchBudget
from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling
from aludel.problems import read_problems
from aludel.settings import load_settings
from aludel.store import Store
from cli.attempting import attempts_table, figures, open_attempter
from proving.build import open_generators


@click.group(name="attempts")
def command() -> None:
    """Have a generator prove theorems; every attempt is checked and recorded."""


@command.command()
@click.argument("problems", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the run; the same name goes on with it.")
@click.option(
    "--generator", type=click.Choice(["portfolio", "openai", "transformers"]), default="portfolio",
    show_default=True, help="What proposes: standard tactics, or a model behind an endpoint.",
)  # fmt: skip
@click.option(
    "--search", type=click.Choice(["sample", "best_first"]), default="sample", show_default=True,
    help="Whole proofs, or a search over tactics.",
)  # fmt: skip
@click.option("--samples", default=8, show_default=True, help="Whole proofs for each problem.")
@click.option("--repairs", default=0, show_default=True, help="Rounds of mending refused proofs.")
@click.option("--seed", default=0, show_default=True)
@click.option("--tactics", default=300, show_default=True, help="Budget of a search: tactics.")
@click.option("--seconds", default=60.0, show_default=True, help="Budget of a search: seconds.")
@click.option("--url", default="", help="Endpoint, up to and with /v1.")
@click.option("--model", default="", help="Name of the model at the endpoint.")
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--prompt-price", default=0.0, help="Price of a million prompt tokens.")
@click.option("--completion-price", default=0.0, help="Price of a million completion tokens.")
@click.option("--key", envvar="OPENAI_API_KEY", default="", help="Key of the endpoint. [env]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run(problems: Path, name: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 - click
    """Attempt the problems of a JSONL file; a run that was stopped goes on."""
    found, chosen = read_problems(problems), _options(options)
    with (
        open_generators(_spec(options), key=options["key"]) as generators,
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


def _spec(options: dict[str, Any]) -> GeneratorSpec:
    """Return the generator that the options name.

    Raises:
        InvalidRequest: an option that it needs is missing.
    """
    kind = options["generator"]
    if kind == "portfolio":
        return Portfolio()
    for field in ("url", "model") if kind == "openai" else ("model",):
        if not options[field]:
            raise InvalidRequest(
                f"{kind} needs it", field=f"--{field}", fix="see aludel attempts run --help"
            )
    if kind == "transformers":
        sampling = Sampling(temperature=options["temperature"], max_tokens=512)
        return LocalModel(model=options["model"], sampling=sampling)
    return Endpoint(
        url=options["url"],
        model=options["model"],
        sampling=Sampling(temperature=options["temperature"]),
        prompt_price=options["prompt_price"],
        completion_price=options["completion_price"],
    )


def _options(options: dict[str, Any]) -> AttemptOptions:
    budget = SearchBudget(tactics=options["tactics"], seconds=options["seconds"])
    names = ("search", "samples", "repairs", "seed")
    return AttemptOptions(budget=budget, **{name: options[name] for name in names})
