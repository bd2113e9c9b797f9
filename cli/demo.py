"""``aludel demo``: a verified dataset from nothing, in a few minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from aludel.attempt_figures import figures
from aludel.attempts import AttemptOptions
from aludel.cli.progress import bars
from aludel.cli.tables import attempts_table, mutation_table
from aludel.generators import Portfolio
from aludel.mutation import MutationPlan
from aludel.mutation.folder import RunFolder
from aludel.mutation.plan import RULES
from aludel.mutation.run import mutate_into
from aludel.problems import TheoremProblem
from aludel.proof_export import (
    ATTEMPTS,
    LINEAGES,
    ExportOptions,
    ExportReport,
    Feed,
    SplitPlan,
    Splits,
    assign_splits,
    attempts_of,
    export,
    lineages,
    provenance,
)
from aludel.proof_export.training import problems_in
from aludel.proving.run import open_runner
from aludel.settings import Settings, load_settings
from aludel.store import Store

PATTERNS = ("Nat.*", "List.*", "Option.*", "Int.*", "Bool.*", "Array.*", "Prod.*", "Function.*")
TARGETS = 80
PER_TARGET = 12
HELD_OUT = 0.4
SAMPLES = 8
RUN = "demo"
RECIPES = ("cpt", "variants", "whole_proof", "lineage", "attempts")


@click.command(name="demo")
@click.option(
    "--out",
    default=Path("out/demo"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder to make; a second run goes on in it.",
)
@click.option("--seed", default=0, show_default=True, help="Decides which theorems and lemmas.")
@click.option(
    "--targets", type=click.IntRange(2), default=TARGETS, show_default=True,
    help="Theorems that are mutated.",
)  # fmt: skip
def command(out: Path, seed: int, targets: int) -> None:
    """Mutate theorems of Lean's core library, have held-out ones attempted, export a dataset."""
    started = time.monotonic()
    console = Console(stderr=True)
    settings = _settings(out)
    with Store.open(settings) as store:
        with bars(console) as progress:
            run = mutate_into(out, _plan(seed, targets), settings, store, progress)
        console.print(mutation_table(run))
        _show_example(run, console)
        splits = assign_splits(run.variants(), _split(seed))
        held_out = problems_in(run.variants(), splits, "test")
        shown = _attempt(held_out, settings, seed, console)
        dataset = _export(run, store, splits, out / "dataset")
    printed = {**run.figures(), "attempts": shown, **_paths(dataset), **run.files()}
    printed["seconds"] = round(time.monotonic() - started, 1)
    for what, path in _paths(dataset).items():
        console.print(f"{what}: {path}", highlight=False, soft_wrap=True)
    click.echo(json.dumps(printed, ensure_ascii=False))


def _plan(seed: int, targets: int) -> MutationPlan:
    return MutationPlan(
        patterns=PATTERNS,
        limit=targets * PER_TARGET,
        per_target=PER_TARGET,
        max_targets=targets,
        rules=RULES,
        seed=seed,
    )


def _split(seed: int) -> SplitPlan:
    return SplitPlan(kind="lineage", seed=seed, test=HELD_OUT, valid=0.0)


def _attempt(
    problems: Sequence[TheoremProblem], settings: Settings, seed: int, console: Console
) -> dict[str, Any]:
    """Attempt the held-out variants with standard tactics; show and return the figures."""
    options = AttemptOptions(samples=SAMPLES, seed=seed)
    with bars(console) as progress, open_runner(settings, progress) as runner:
        made = runner.run(RUN, problems, Portfolio(), options)
        shown = figures(made, runner.store.attempts.outcomes(RUN))
    console.print(attempts_table(shown))
    return shown.model_dump(mode="json")


def _export(run: RunFolder, store: Store, splits: Splits, out: Path) -> ExportReport:
    plan = run.plan
    command = f"aludel demo --seed {plan.seed} --targets {plan.max_targets}"
    made = provenance(command, store.toolchains.known(), plan.seed)
    more: dict[Feed[Any], Any] = {
        LINEAGES: lineages(run.variants),
        ATTEMPTS: attempts_of(store, [RUN]),
    }
    options = ExportOptions(RECIPES, force=True)
    return export(run.variants(), out, options, made, more, splits=splits)


def _settings(out: Path) -> Settings:
    """The user's settings, with a database of the demo's own."""
    settings = load_settings()
    if settings.database_url:
        return settings
    return settings.model_copy(update={"data_dir": out.absolute()})


def _show_example(run: RunFolder, console: Console) -> None:
    """Show the variant that is easiest to read, if there is one."""
    readable = min(run.variants(), key=lambda v: (v.position == "goal", len(v.code)), default=None)
    if readable is not None:
        console.print(f"one of them, from {readable.parents[0]}:\n", highlight=False)
        console.print(readable.code, markup=False, highlight=False, soft_wrap=True)


def _paths(dataset: ExportReport) -> dict[str, object]:
    return {
        "jsonl": [str(path.absolute()) for path in dataset.paths("jsonl")],
        "parquet": [str(path.absolute()) for path in dataset.paths("parquet")],
        "card": str(dataset.card.absolute()),
    }
