"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from aludel.attempts import AttemptPlan, AttemptRun, ProblemOutcome
from aludel.errors import InvalidRequest
from aludel.settings import load_settings
from aludel.store import CachedChecker, Store
from lean_checker.checker import LeanChecker, build_checker
from lean_checker.goals import LeanGoals
from proving import ProofPortfolio, SearchBudget, TacticPortfolio
from proving.attempting import (
    Attempt,
    attempt_all,
    compare,
    pass_table,
    problems_digest,
    sampling,
    searching,
)
from proving.estimate import Estimate
from proving.openai import Endpoint, OpenAIGenerator, Sampling
from proving.problems import read_problems

_KS = (1, 2, 4, 8, 16, 32, 64, 128)
_Portfolio = tuple[ProofPortfolio, TacticPortfolio]


@click.group(name="attempts")
def command() -> None:
    """Have a generator prove theorems; every attempt is checked and recorded."""


@command.command()
@click.argument("problems", type=click.Path(path_type=Path))
@click.option("--name", required=True, help="Name of the run; the same name goes on with it.")
@click.option(
    "--generator", type=click.Choice(["portfolio", "openai"]), default="portfolio",
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
    found = read_problems(problems)
    settings = load_settings()
    checker = build_checker(settings)
    try:
        with Store.open(settings) as store, _attempt(options, checker, store) as (plan, attempt):
            plan = plan.model_copy(update={"problems_digest": problems_digest(found)})
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
    finally:
        checker.close()
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


@contextlib.contextmanager
def _attempt(
    options: dict[str, Any], checker: LeanChecker, store: Store
) -> Iterator[tuple[AttemptPlan, Attempt]]:
    """Make the plan and what carries it out; its problems are still to be named."""
    cached = CachedChecker(checker, store)
    with contextlib.ExitStack() as stack:
        whole, steps = _generators(options, stack)
        if options["search"] == "sample":
            chosen: Any = whole
            samples, repairs, seed = options["samples"], options["repairs"], options["seed"]
            attempt = sampling(whole, cached, samples, seed, repairs)
            budget = {}
        else:
            chosen = steps
            limits = SearchBudget(tactics=options["tactics"], seconds=options["seconds"])
            samples, repairs, budget = 1, 0, limits.model_dump(mode="json")
            goals = LeanGoals(checker.pool, load_settings())
            attempt = searching(steps, goals, cached, limits)
        plan = AttemptPlan(
            generator=chosen.name,
            settings=chosen.settings,
            search=options["search"],
            samples=samples,
            repairs=repairs,
            seed=options["seed"],
            budget=budget,
            toolchain_digest=checker.toolchain.digest,
            problems_digest="",
        )
        yield plan, attempt


def _generators(
    options: dict[str, Any], stack: contextlib.ExitStack
) -> _Portfolio | tuple[OpenAIGenerator, OpenAIGenerator]:
    if options["generator"] == "portfolio":
        return ProofPortfolio(), TacticPortfolio()
    for field in ("url", "model"):
        if not options[field]:
            raise InvalidRequest(
                "an endpoint needs it", field=f"--{field}", fix="see aludel attempts run --help"
            )
    endpoint = Endpoint(
        url=options["url"],
        model=options["model"],
        prompt_price=options["prompt_price"],
        completion_price=options["completion_price"],
    )
    sampling_ = Sampling(temperature=options["temperature"])
    made = OpenAIGenerator(endpoint, sampling_, key=options["key"])
    stack.callback(made.close)
    return made, made


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
