"""``aludel export``: write the recorded variants as a dataset."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aludel.errors import InvalidRequest
from aludel.records import VariantRecord
from aludel.settings import load_settings
from aludel.store import Store, VariantFilter
from proof_export import (
    DEFAULT_SHARD_ROWS,
    FORMATS,
    RECIPES,
    ExportOptions,
    ExportReport,
    export,
    provenance,
)


@click.command(name="export")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to make; it must not exist.",
)
@click.option(
    "--recipe",
    "recipes",
    multiple=True,
    help=f"{', '.join(RECIPES)}; may be repeated; all of them by default.",
)
@click.option(
    "--format",
    "formats",
    default=",".join(FORMATS),
    show_default=True,
    help="File formats, separated by commas.",
)
@click.option("--toolchain", default=None, help="Only what this toolchain (its digest) accepted.")
@click.option(
    "--shard-rows", default=DEFAULT_SHARD_ROWS, show_default=True, help="Rows of a file at most."
)
@click.option(
    "--receipts",
    type=click.Path(path_type=Path),
    help="Also write the receipt of every variant to this new file, one a line.",
)
@click.option("--force", is_flag=True, help="Replace an earlier export in the same folder.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def command(
    out: Path,
    recipes: tuple[str, ...],
    formats: str,
    toolchain: str | None,
    shard_rows: int,
    receipts: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write the recorded variants as a dataset: JSONL, Parquet and a card."""
    options = ExportOptions(recipes, tuple(formats.split(",")), shard_rows, force)
    chosen = VariantFilter(toolchain_digest=toolchain)
    started = time.monotonic()
    with Store.open(load_settings()) as store:
        made = provenance(_command_line(options, toolchain), store.toolchains.known())
        records = _with_progress(store.variants.iterate(chosen), store.variants.count(chosen))
        report = export(records, out, options, made)
        if receipts is not None:
            _write_receipts(store, chosen, receipts)
    _print_report(report, time.monotonic() - started, as_json=as_json)


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


def _command_line(options: ExportOptions, toolchain: str | None) -> str:
    """The command that makes the same files again, whatever the folder and the order of options."""
    words = ["aludel", "export", "--out", "DIR"]
    for recipe in dict.fromkeys(options.recipes):
        words += ["--recipe", recipe]
    words += ["--format", ",".join(options.formats), "--shard-rows", str(options.shard_rows)]
    if toolchain:
        words += ["--toolchain", toolchain]
    return " ".join(words)


def _with_progress(records: Iterable[VariantRecord], total: int) -> Iterable[VariantRecord]:
    progress = Progress(
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    with progress:
        yield from progress.track(records, total=total)


def _print_report(report: ExportReport, seconds: float, *, as_json: bool) -> None:
    out = report.out.absolute()
    content: dict[str, object] = {
        "out": str(out),
        "records": report.records,
        "rows": report.rows,
        "jsonl": [str(path.absolute()) for path in report.paths("jsonl")],
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
    click.echo(f"{rows} from {report.records} variants, in {out}")
    for file in report.files:
        click.echo(f"  {file.path}  {file.rows} rows, {file.bytes} bytes")
    click.echo(f"  {report.card.name}  the dataset card")
