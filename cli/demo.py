"""``aludel demo``: a verified dataset from nothing, in a few minutes."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click
from rich.console import Console

from aludel.settings import Settings, load_settings
from aludel.store import Store
from cli.mutating import example_of, mutate_into, report_table
from mutation import MutationPlan
from mutation.folder import RunFolder
from mutation.plan import RULES
from proof_export import ExportOptions, ExportReport, export, provenance

PATTERNS = ("Nat.*", "List.*", "Option.*", "Int.*", "Bool.*", "Array.*", "Prod.*", "Function.*")
TARGETS = 80
PER_TARGET = 12


@click.command(name="demo")
@click.option(
    "--out",
    default=Path("out/demo"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder to make; a second run goes on in it.",
)
@click.option("--seed", default=0, show_default=True, help="Decides which theorems and lemmas.")
def command(out: Path, seed: int) -> None:
    """Mutate theorems of Lean's core library, verify every variant, export a dataset."""
    started = time.monotonic()
    console = Console(stderr=True)
    plan = MutationPlan(
        patterns=PATTERNS,
        limit=TARGETS * PER_TARGET,
        per_target=PER_TARGET,
        max_targets=TARGETS,
        rules=RULES,
        seed=seed,
    )
    settings = _settings(out)
    with Store.open(settings) as store:
        run = mutate_into(out, plan, settings, store, console)
        console.print(report_table(run))
        _show_example(run, console)
        made = provenance(f"aludel demo --seed {seed}", store.toolchains.known(), seed)
        dataset = export(run.variants(), out / "dataset", ExportOptions(force=True), made)
    figures = {**run.figures(), **_paths(dataset), **run.files()}
    figures["seconds"] = round(time.monotonic() - started, 1)
    for what, path in _paths(dataset).items():
        console.print(f"{what}: {path}", highlight=False, soft_wrap=True)
    click.echo(json.dumps(figures, ensure_ascii=False))


def _settings(out: Path) -> Settings:
    """The user's settings, with a database of the demo's own."""
    settings = load_settings()
    if settings.database_url:
        return settings
    return settings.model_copy(update={"data_dir": out.absolute()})


def _show_example(run: RunFolder, console: Console) -> None:
    readable = example_of(run)
    if readable is not None:
        console.print(f"one of them, from {readable.parents[0]}:\n", highlight=False)
        console.print(readable.code, markup=False, highlight=False, soft_wrap=True)


def _paths(dataset: ExportReport) -> dict[str, object]:
    return {
        "jsonl": [str(path.absolute()) for path in dataset.paths("jsonl")],
        "parquet": [str(path.absolute()) for path in dataset.paths("parquet")],
        "card": str(dataset.card.absolute()),
    }
