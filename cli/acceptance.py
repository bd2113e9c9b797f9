"""``aludel toolchain verify``: whether a toolchain keeps its promises on this machine."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from aludel.acceptance.bench import Bench
from aludel.acceptance.report import AcceptanceReport, accept, keep, own_key
from aludel.cli.progress import Lines
from aludel.cli.project import project_option, with_project
from aludel.cli.receipt import make_key
from aludel.errors import InvalidRequest
from aludel.models import canonical_json
from aludel.projects import named_projects
from aludel.receipts import load_signing_key
from aludel.settings import Settings, load_settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow"}


@click.command(name="verify")
@click.argument("name", required=False)
@project_option
@click.option(
    "--corpus",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the attack corpus (tests/attacks/lean of the repository); takes long.",
)
@click.option(
    "--report",
    "report_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the signed report to this new file, too.",
)
@click.option(
    "--signing-key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ed25519 key (PEM) that signs what --report and --json give; by default this machine's "
    "own, which signs what is kept for `aludel doctor`.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON on stdout.")
def command(
    name: str | None,
    project: str | None,
    corpus: Path | None,
    report_file: Path | None,
    signing_key: Path | None,
    as_json: bool,
) -> int:
    """Try a toolchain on this machine, and write a signed report.

    NAME is that of a toolchain (lean-native, lean-4.28.1), or one of ALUDEL_PROJECTS; by default
    ALUDEL_TOOLCHAIN. What needs Mathlib needs a project that has it.

    Exit codes: 0 nothing failed, 1 something did, 64 bad input, 69 there is no such toolchain.
    """
    settings = _chosen(name, project)
    console = Console(stderr=True)
    with contextlib.closing(Bench(settings, corpus, Lines())) as bench:
        report = accept(bench, tell=lambda row: console.print(f"trying: {row}", highlight=False))
    mine = report.signed(_key_in(_own_key(settings)))
    path = keep(settings, mine)
    report = mine if signing_key is None else report.signed(_key_in(signing_key))
    if report_file is not None:
        _write(report_file, report)
    if as_json:
        click.echo(canonical_json(report.model_dump(mode="json")))
    else:
        Console().print(_table(report))
        console.print(f"signed report: {path}", highlight=False, soft_wrap=True)
    return 0 if report.passed else 1


def _chosen(name: str | None, project: str | None) -> Settings:
    settings = load_settings()
    named = named_projects(settings)
    if name is None:
        return with_project(settings, project)
    if name in named and project is not None:
        raise _two(name, project)
    wanted = named.get(name) or settings.model_copy(update={"toolchain": name})
    chosen = with_project(wanted, project)
    if chosen.toolchain != wanted.toolchain:
        raise _two(name, str(project))
    return chosen


def _two(name: str, project: str) -> InvalidRequest:
    return InvalidRequest(
        f"{name} is one thing to try, and {project} another", field="--project", fix="give one"
    )


def _key_in(file: Path) -> Ed25519PrivateKey:
    return load_signing_key(file.read_bytes(), str(file))


def _own_key(settings: Settings) -> Path:
    path = own_key(settings)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        make_key(path)
    return path


def _write(path: Path, report: AcceptanceReport) -> None:
    try:
        with path.open("x", encoding="utf-8") as out:
            out.write(canonical_json(report.model_dump(mode="json")) + "\n")
    except OSError as error:
        raise InvalidRequest(
            f"{path}: {error.strerror}", field="--report", fix="name a new file"
        ) from error


def _table(report: AcceptanceReport) -> Table:
    toolchain = report.toolchain
    table = Table(title=f"{toolchain.name} {toolchain.version}, digest {toolchain.digest[:12]}")
    for column in ("row", "outcome", "seconds", "what was seen"):
        table.add_column(column, justify="right" if column == "seconds" else "left")
    for row in report.rows:
        status = f"[{_COLOURS[row.status]}]{row.status}[/]"
        table.add_row(row.name, status, f"{row.seconds:.1f}", row.detail.replace("[", "\\["))
    return table
