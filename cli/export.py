"""``aludel export``: write what is recorded as a dataset."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from rich.console import Console

from aludel.cli.extracting import extract_with_progress
from aludel.cli.mutate import read_statements
from aludel.cli.progress import watched
from aludel.errors import InvalidRequest
from aludel.lean_checker.avoided import AvoidedStatements, normal_text, read_avoided_everywhere
from aludel.lean_checker.prover import build_prover
from aludel.proof_export import (
    DEFAULT_FORMATS,
    DEFAULT_SHARD_ROWS,
    FORMATS,
    RECIPES,
    ExportOptions,
    ExportReport,
    Selection,
    SplitPlan,
    export_recorded,
    provenance,
)
from aludel.proof_export.splitting import ProjectBy, SplitKind
from aludel.settings import Settings, load_settings
from aludel.store import Store, VariantFilter

T = TypeVar("T")
_DEFAULT = SplitPlan()


_CHOICES: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    click.option(
        "--recipe", "recipes", multiple=True,
        help=f"{', '.join(RECIPES)}; may be repeated; by default all that have records.",
    ),
    click.option(
        "--format", "formats", default=",".join(DEFAULT_FORMATS), show_default=True,
        help=f"File formats, separated by commas: {', '.join(FORMATS)}.",
    ),
    click.option(
        "--attempts", "runs", multiple=True, metavar="RUN",
        help="Export the attempts of this run too; may be repeated.",
    ),
    click.option(
        "--split", "kind", default="none", show_default=True,
        type=click.Choice(get_args(SplitKind)), help="How train, valid and test are divided.",
    ),
    click.option("--seed", default=0, show_default=True, help="Of the split."),
    click.option(
        "--test", default=_DEFAULT.test, show_default=True, help="Share of test, at most."
    ),
    click.option(
        "--valid", default=_DEFAULT.valid, show_default=True, help="Share of valid, at most."
    ),
    click.option(
        "--project-by", "project", default=_DEFAULT.project, show_default=True,
        type=click.Choice(get_args(ProjectBy)), help="What a project is, for cross_project.",
    ),
    click.option(
        "--avoid", type=click.Path(path_type=Path),
        help="Leave out what this file states: JSONL, or texts between blank lines.",
    ),
    click.option(
        "--toolchain", default=None,
        help="Only variants that this toolchain (its digest) accepted.",
    ),
    click.option(
        "--shard-rows", default=DEFAULT_SHARD_ROWS, show_default=True,
        help="Rows of a file at most.",
    ),
)  # fmt: skip
"""The options that decide what is written, in the order of the help."""


def _choices(command: Callable[..., None]) -> Callable[..., None]:
    for choice in reversed(_CHOICES):
        command = choice(command)
    return command


@click.command(name="export")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to make; it must not exist.",
)
@_choices
@click.option(
    "--receipts",
    type=click.Path(path_type=Path),
    help="Also write the receipt of every variant to this new file, one a line.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export in the same folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    out: Path,
    receipts: Path | None,
    force: bool,
    as_json: bool,
    **chosen: Any,  # noqa: ANN401 - click
) -> None:
    """Write what is recorded as a dataset: JSONL, Parquet and a card.

    An export that was killed goes on when it is given again.
    """
    formats = tuple(chosen["formats"].split(","))
    options = ExportOptions(chosen["recipes"], formats, chosen["shard_rows"], force)
    plan = SplitPlan(*(chosen[name] for name in ("kind", "seed", "test", "valid", "project")))
    started = time.monotonic()
    settings = load_settings()
    with Store.open(settings) as store:
        only = VariantFilter(toolchain_digest=chosen["toolchain"])
        avoid = _avoided(chosen["avoid"], store, only, settings)
        selection = Selection(chosen["toolchain"], chosen["runs"], plan, avoid)
        words = _command_line(options, selection, chosen["avoid"])
        made = provenance(words, store.toolchains.known())
        if "sft" in options.recipes:
            extract_with_progress(store, only, settings)
        report = export_recorded(store, out, options, selection, made, watched)
        if receipts is not None:
            _write_receipts(store, only, receipts)
    _print_report(report, time.monotonic() - started, as_json=as_json)


def _avoided(
    path: Path | None, store: Store, only: VariantFilter, settings: Settings
) -> AvoidedStatements | None:
    """Read statements as texts, and as terms under every import set of the variants."""
    if path is None:
        return None
    statements = read_statements(path)
    imports = sorted({variant.imports for variant in store.variants.iterate(only)})
    if not imports:  # nothing to compare terms with, so no need of a Lean
        return AvoidedStatements(frozenset(map(normal_text, statements)))
    checker = build_prover(settings)
    try:
        with Console(stderr=True).status("elaborating the statements to avoid"):
            return read_avoided_everywhere(checker.operations, imports, statements)
    finally:
        checker.close()


def _write_receipts(store: Store, chosen: VariantFilter, path: Path) -> None:
    """Write receipts beside the dataset: cost and time differ from run to run, its bytes do not."""
    try:
        with path.open("x", encoding="utf-8") as out:
            for variant in store.variants.iterate(chosen):
                out.write(store.verdicts.receipt(variant.verdict_hash).text() + "\n")
    except OSError as error:
        raise InvalidRequest(
            f"{path}: {error.strerror}", field="--receipts", fix="name a new file"
        ) from error


def _command_line(options: ExportOptions, selection: Selection, avoid: Path | None) -> str:
    """The command that makes the same files again, whatever the folder and the order of options."""
    words = ["aludel", "export", "--out", "DIR"]
    for recipe in dict.fromkeys(options.recipes):
        words += ["--recipe", recipe]
    words += ["--format", ",".join(options.formats), "--shard-rows", str(options.shard_rows)]
    for run in dict.fromkeys(selection.runs):
        words += ["--attempts", run]
    plan = selection.split
    if plan.kind != "none":
        words += ["--split", plan.kind, "--seed", str(plan.seed)]
        words += ["--test", str(plan.test), "--valid", str(plan.valid)]
        words += ["--project-by", plan.project] if plan.kind == "cross_project" else []
    if avoid is not None:
        words += ["--avoid", avoid.name]
    if selection.toolchain:
        words += ["--toolchain", selection.toolchain]
    return shlex.join(words)


def _print_report(report: ExportReport, seconds: float, *, as_json: bool) -> None:
    out = report.out.absolute()
    content: dict[str, object] = {
        "out": str(out),
        "records": report.records,
        "rows": report.rows,
        "splits": report.splits,
        "avoided": report.avoided,
        "jsonl": [str(path.absolute()) for path in report.paths("jsonl")],
        "jsonl.zst": [str(path.absolute()) for path in report.paths("jsonl.zst")],
        "parquet": [str(path.absolute()) for path in report.paths("parquet")],
        "card": str(report.card.absolute()),
        "manifest": str(report.manifest.absolute()),
        "toolchains": report.toolchains,
        "seconds": round(seconds, 3),
    }
    if as_json:
        click.echo(json.dumps(content))
        return
    rows = ", ".join(f"{count} rows of {recipe}" for recipe, count in report.rows.items())
    click.echo(f"{rows} from {report.records} records, in {out}")
    for name, count in report.avoided.items():
        if count:
            click.echo(f"  {count} {name} left out for a statement to avoid")
    for file in report.files:
        click.echo(f"  {file.path}  {file.rows} rows, {file.bytes} bytes")
    click.echo(f"  {report.card.name}  the dataset card")
