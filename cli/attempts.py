"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from aludel.attempts import AttemptOptions, AttemptRun, ProblemOutcome, SearchBudget
from aludel.errors import InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, LocalModel, Portfolio, Sampling
from aludel.problems import read_problems
from aludel.settings import load_settings
from aludel.store import CachedChecker, Store
from lean_checker.checker import build_checker
from lean_checker.goals import LeanGoals
from proving.attempting import attempt_all, compare, pass_table, problems_digest
from proving.build import attempt_with, open_generators, plan_of
from proving.estimate import Estimate

_KS = (1, 2, 4, 8, 16, 32, 64, 128)


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
    settings = load_settings()
    with contextlib.ExitStack() as stack:
        generators = stack.enter_context(open_generators(_spec(options), key=options["key"]))
        checker = stack.enter_context(contextlib.closing(build_checker(settings)))
        store = stack.enter_context(Store.open(settings))
        plan = plan_of(generators, chosen, checker.toolchain.digest, problems_digest(found))
        goals = LeanGoals(checker.pool, settings)
        attempt = attempt_with(generators, chosen, CachedChecker(checker, store), goals)
        store.attempts.start(name, plan, len(found))
        done = frozenset(o.problem for o in store.attempts.outcomes(name))
        console = Console(stderr=True)
        if len(done) < len(found):
            with console.status("starting Lean"):
                checker.pool.warm_up()
        with _bar(console) as bar:
            task = bar.add_task("attempting", total=len(found), completed=len(done), proved=0)
            proved = 0
            for outcome, records in attempt_all(found, attempt, done, checker.pool.size):
                store.attempts.record(name, outcome, records)
                proved += outcome.accepted > 0
                bar.update(task, advance=1, proved=proved)
        outcomes, run = store.attempts.outcomes(name), store.attempts.run(name)
    _show(run, outcomes, as_json=as_json)


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


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("attempting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("problems, {task.fields[proved]} proved now,"),
        TimeRemainingColumn(),
        console=console,
    )


def figures(run: AttemptRun, outcomes: list[ProblemOutcome]) -> dict[str, Any]:
    """Return the figures of a run, as JSON."""
    passes = pass_table(outcomes, _KS)
    wall = sum(o.wall_s for o in outcomes)
    return {
        "run": run.name,
        "generator": run.plan.generator,
        "search": run.plan.search,
        "problems": run.problems,
        "done": run.done,
        "invalid": sum(o.end.startswith("invalid") for o in outcomes),
        "proved": sum(o.accepted > 0 for o in outcomes),
        "pass_at_k": {str(k): value.model_dump() for k, value in passes.items()},
        "tried": sum(o.tried for o in outcomes),
        "price": sum(o.price for o in outcomes),
        "prompt_tokens": sum(o.prompt_tokens for o in outcomes),
        "completion_tokens": sum(o.completion_tokens for o in outcomes),
        "worker_seconds": round(wall, 3),
        "prover_share": round(sum(o.prover_s for o in outcomes) / wall, 4) if wall else None,
    }


def _show(run: AttemptRun, outcomes: list[ProblemOutcome], *, as_json: bool) -> None:
    shown = figures(run, outcomes)
    if as_json:
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    table = Table(title=f"Attempts: {run.name}", show_header=False)
    for key in ("generator", "search", "problems", "invalid", "proved", "tried"):
        table.add_row(key, str(shown[key]))
    for k, value in shown["pass_at_k"].items():
        one = Estimate.model_validate(value)
        table.add_row(f"pass@{k}", f"{one.value:.1%}  [{one.low:.1%}, {one.high:.1%}]")
    table.add_row("seconds of all workers", f"{shown['worker_seconds']:.1f}")
    if shown["prover_share"] is not None:
        table.add_row("of these waiting for Lean", f"{shown['prover_share']:.0%}")
    if shown["price"]:
        table.add_row("price", f"{shown['price']:.4f}")
    Console().print(table)
