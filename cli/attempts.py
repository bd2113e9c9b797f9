"""``aludel attempts``: have a generator prove theorems, and compare what generators prove."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from pydantic import ValidationError
from rich.console import Console

from aludel.attempt_figures import RunFigures, compare, figures
from aludel.cli.groups import Group
from aludel.cli.options import GeneratorOptions, gathered, generator_options
from aludel.cli.progress import bars
from aludel.cli.remote import attempt_through
from aludel.cli.tables import attempts_table, comparison_table, runs_table
from aludel.errors import InvalidRequest
from aludel.fstar_checker.dataset import read_definitions
from aludel.http_models import AttemptSubmission
from aludel.models import Prover
from aludel.problems import Problem, read_problems
from aludel.proving.fstar import pose
from aludel.proving.run import AttemptRunner, open_runner
from aludel.settings import load_settings
from aludel.store import Store


@dataclass(frozen=True, slots=True)
class ProblemOptions:
    """Options that choose the problems: one field each, and the argument ``problems``."""

    problems: Path
    prover: str
    examples: Path | None
    similar: int


@click.group(name="attempts", cls=Group)
def command() -> None:
    """Have a generator prove theorems; every attempt is checked and recorded."""


@command.command()
@gathered(
    "asked",
    ProblemOptions,
    click.argument("problems", type=click.Path(path_type=Path)),
    click.option(
        "--prover", type=click.Choice([p.value for p in Prover]), default="lean", show_default=True,
        help="With fstar, the problems are in PoPAI's format.",
    ),
    click.option(
        "--examples", type=click.Path(path_type=Path), default=None,
        help="F*: solved problems in PoPAI's format, for examples and premises.",
    ),
    click.option(
        "--similar", type=click.IntRange(0, 20), default=3, show_default=True,
        help="F*: examples for each problem.",
    ),
)  # fmt: skip
@click.option("--name", required=True, help="Name of the run; the same name goes on with it.")
@generator_options
@click.option(
    "--concurrency", type=click.IntRange(1, 1_000), default=None,
    help="Problems under way at once; as many as there are prover processes by default.",
)  # fmt: skip
@click.option("--server", help="URL of a service that attempts them; this machine by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def run(
    asked: ProblemOptions,
    name: str,
    generation: GeneratorOptions,
    concurrency: int | None,
    server: str | None,
    as_json: bool,
) -> None:
    """Attempt the problems of a file; a run that was stopped goes on.

    With --server, the service's operator says which models may be named, and has their keys.
    """
    if server is None:
        shown = _run_here(asked, name, generation, concurrency)
    else:
        with bars() as progress:
            shown = attempt_through(server, _submission(asked, name, generation), progress)
    if as_json:
        click.echo(json.dumps(shown.model_dump(mode="json"), ensure_ascii=False))
    else:
        measure = "verify" if Prover(asked.prover) is Prover.FSTAR else "pass"
        Console().print(attempts_table(shown, measure=measure))


def _run_here(
    asked: ProblemOptions, name: str, generation: GeneratorOptions, concurrency: int | None
) -> RunFigures:
    spec, prover, key = generation.spec(), Prover(asked.prover), generation.key
    with bars() as progress, open_runner(load_settings(), progress, prover, key) as runner:
        found = _problems(asked, generation.premises, runner)
        made = runner.run(name, found, spec, generation.attempt_options(), concurrency)
        return figures(made, runner.store.attempts.outcomes(name))


def _submission(
    asked: ProblemOptions, name: str, generation: GeneratorOptions
) -> AttemptSubmission:
    """Return what a service is asked for.

    Raises:
        InvalidRequest: a file cannot be read, or a service does not take that.
    """
    values: dict[str, object]
    if Prover(asked.prover) is Prover.LEAN:
        values = {"problems": read_problems(asked.problems)}
    else:
        files = {"definitions": asked.problems, "examples": asked.examples}
        read = {key: read_definitions(path) for key, path in files.items() if path is not None}
        rows = {key: [d.model_dump(exclude_unset=True) for d in ds] for key, ds in read.items()}
        values = {"fstar": {**rows, "similar": asked.similar}}
    more = {"generator": generation.spec(), "options": generation.attempt_options()}
    try:
        return AttemptSubmission.model_validate({"name": name, **values, **more})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise InvalidRequest(first["msg"], field=field, fix="see the HTTP reference") from error


def _problems(asked: ProblemOptions, premises: int, runner: AttemptRunner) -> Sequence[Problem]:
    """Return what is to be attempted; what cannot be posed to F* is named on stderr."""
    if Prover(asked.prover) is Prover.LEAN:
        return read_problems(asked.problems)
    posed = pose(
        read_definitions(asked.problems),
        read_definitions(asked.examples) if asked.examples else [],
        similar=asked.similar,
        premises=premises,
        known_options=runner.checker.known_options,
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
    Console().print(runs_table(runs))


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
    Console().print(comparison_table(first, second, found))
