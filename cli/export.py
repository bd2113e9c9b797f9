"""``aludel export``: write what is recorded as a dataset."""

from __future__ import annotations

import functools
import json
import shlex
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import click
from rich.console import Console

from aludel.cli.mutate import read_statements
from aludel.cli.options import gathered
from aludel.cli.progress import bars
from aludel.errors import InvalidRequest
from aludel.proof_export import (
    DEFAULT_FORMATS,
    DEFAULT_SHARD_ROWS,
    FORMATS,
    RECIPES,
    ExportOptions,
    ExportReport,
    Extraction,
    Selection,
    SplitPlan,
)
from aludel.proof_export.run import ExportOrder, carry_out
from aludel.proof_export.splitting import ProjectBy, SplitKind
from aludel.provers import AnyProver, build_prover
from aludel.settings import load_settings
from aludel.store import Store, VariantFilter

_DEFAULT = SplitPlan()
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class DatasetOptions:
    """Options of a dataset, one field each."""

    recipes: tuple[str, ...]
    formats: str
    runs: tuple[str, ...]
    kind: SplitKind
    seed: int
    test: float
    valid: float
    project: ProjectBy
    avoid: Path | None
    toolchain: str | None
    shard_rows: int

    def order(self, *, force: bool) -> ExportOrder:
        """Return the export that the options describe.

        Raises:
            InvalidRequest: the statements to avoid cannot be read.
        """
        formats = tuple(self.formats.split(","))
        options = ExportOptions(self.recipes, formats, self.shard_rows, force)
        split = SplitPlan(self.kind, self.seed, self.test, self.valid, self.project)
        selection = Selection(self.toolchain, self.runs, split)
        avoid = () if self.avoid is None else read_statements(self.avoid)
        return ExportOrder(options, selection, avoid, _command_line(options, selection, self.avoid))


@click.command(name="export")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to make; it must not exist.",
)
@gathered(
    "chosen",
    DatasetOptions,
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
        help="Only variants that this toolchain (its digest or the beginning of it) accepted.",
    ),
    click.option(
        "--shard-rows", default=DEFAULT_SHARD_ROWS, show_default=True,
        help="Rows of a file at most.",
    ),
)  # fmt: skip
@click.option(
    "--receipts",
    type=click.Path(path_type=Path),
    help="Also write the receipt of every variant to this new file, one a line.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export in the same folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    out: Path, chosen: DatasetOptions, receipts: Path | None, force: bool, as_json: bool
) -> None:
    """Write what is recorded as a dataset: JSONL, Parquet and a card.

    An export that was killed goes on when it is given again.
    """
    started = time.monotonic()
    settings = load_settings()
    order = chosen.order(force=force)
    with ExitStack() as stack:
        store = stack.enter_context(Store.open(settings))

        @functools.cache
        def lean() -> AnyProver:
            return stack.enter_context(closing(build_prover(settings)))

        with bars() as progress:
            done = carry_out(store, out, order, lean, progress)
        if done.extraction is not None:
            _tell(Console(stderr=True), done.extraction)
        if receipts is not None:
            _write_receipts(store, order.variants, receipts)
    _print_report(done.report, time.monotonic() - started, as_json=as_json)


def _tell(console: Console, told: Extraction) -> None:
    """Say which variants have no tactic states."""
    if told.foreign:
        console.print(f"{told.foreign} variants that another toolchain accepted are left out")
    for name, reason in told.failed[:_SHOWN]:
        console.print(f"{name} is left out: {reason}", markup=False)
    if len(told.failed) > _SHOWN:
        console.print(f"{len(told.failed) - _SHOWN} more are left out")


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
