"""``aludel project``: make a Lake project that Aludel can work in."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from aludel.cli.groups import Group
from aludel.lean_checker.native.install import install_native, install_steps
from aludel.lean_checker.native.new_project import make_project, plan_project, shell_of


@click.group(name="project", cls=Group)
def command() -> None:
    """Make a Lake project with Mathlib."""


@command.command(name="init")
@click.argument("name")
@click.option("--version", "release", required=True, help="Lean's release, for example 4.28.0.")
@click.option("--mathlib", help="Revision of Mathlib; by default the tag of the release.")
@click.option("--no-mathlib", is_flag=True, help="A project without Mathlib.")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="Folder to make it in; this one by default.",
)
@click.option("--dry-run", is_flag=True, help="Print the steps as shell, and do nothing.")
def init(
    name: str, release: str, mathlib: str | None, no_mathlib: bool, into: Path, dry_run: bool
) -> None:
    """Make the Lake project NAME with Mathlib for a release of Lean, its compiled files fetched.

    The Lean is installed by elan first, where it is not there.
    """
    if no_mathlib and mathlib is not None:
        raise click.UsageError("--mathlib and --no-mathlib exclude each other")
    revision = "" if no_mathlib else mathlib or f"v{release}"
    project = plan_project(name, into.resolve(), release, revision)
    planned = install_steps(release)
    if dry_run:
        for line in (*planned, *shell_of(project)):
            click.echo(line)
        return
    console = Console(stderr=True)

    def tell(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    found = install_native(release)
    folder = make_project(project, tell)
    tell(f"ready: ALUDEL_TOOLCHAIN={found.name} ALUDEL_PROJECT={folder}")
    tell(f"try it: aludel toolchain verify {found.name} --project {folder}")
