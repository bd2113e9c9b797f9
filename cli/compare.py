"""``aludel compare``: whether one export proves what another one states."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aludel.cli.kernel import as_object, as_text, printable
from aludel.lean_kernel.api import EXPORT_STEPS, Outcome
from aludel.lean_kernel.compare import Comparison, compare, way_out
from aludel.lean_kernel.names import Name, read_name, show
from aludel.lean_kernel.standard import STANDARD

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="compare")
@click.argument("challenge", type=_FILE)
@click.argument("solution", type=_FILE)
@click.option("--theorems", required=True, help="Names of theorems, separated by commas.")
@click.option(
    "--axioms",
    default=",".join(map(show, STANDARD)),
    show_default=True,
    help="Axioms that a proof may rest on, separated by commas; empty for none.",
)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=EXPORT_STEPS,
    show_default=True,
    help="Steps after which to stop.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(
    challenge: Path, solution: Path, theorems: str, axioms: str, steps: int, as_json: bool
) -> int:
    """Check two exports, and whether SOLUTION proves what CHALLENGE states.

    The format is lean4export's NDJSON, version 3. Each statement, and everything that it rests on,
    has to be the same in both; each proof may rest on the given axioms alone.

    Exit codes: 0 all are proved, 1 some are not, or an export is refused, 2 undecided.
    """
    wanted, allowed = _names(theorems, "--theorems"), _names(axioms, "--axioms")
    with (
        challenge.open(encoding="utf-8", errors="surrogateescape") as stated,
        solution.open(encoding="utf-8", errors="surrogateescape") as proved,
    ):
        found = compare(stated, proved, wanted, allowed, steps)
    click.echo(json.dumps(comparison_object(found)) if as_json else _as_text(found))
    return found.outcome.exit_code


def _names(texts: str, option: str) -> list[Name]:
    found = []
    for text in filter(None, map(str.strip, texts.split(","))):
        n = read_name(text)
        if n is None:
            raise click.BadParameter(f"{text!r} is no name of Lean", param_hint=option)
        found.append(n)
    return found


def comparison_object(found: Comparison) -> dict[str, object]:
    """A comparison for machines."""
    theorems = [{"name": printable(show(n)), **_with_fix(found, o)} for n, o in found.theorems]
    return {**_with_fix(found, found.outcome), "failed": found.failed, "theorems": theorems}


def _with_fix(found: Comparison, outcome: Outcome) -> dict[str, object]:
    return {**as_object(outcome), "fix": way_out(found, outcome)}


def _as_text(found: Comparison) -> str:
    if not found.theorems:
        return _line(found, found.outcome)
    return "\n".join(f"{printable(show(n))}: {_line(found, o)}" for n, o in found.theorems)


def _line(found: Comparison, outcome: Outcome) -> str:
    if not outcome.accepted:
        return f"{as_text(outcome)}\n  fix: {way_out(found, outcome)}"
    return f"proved; axioms {', '.join(printable(show(n)) for n in outcome.axioms) or 'none'}"
