"""``aludel kernel``: re-check an export of any Lean with the second kernel."""

from __future__ import annotations

import json
from pathlib import Path

import click

from aludel.lean_kernel.api import EXPORT_STEPS, Outcome, check_export
from aludel.lean_kernel.names import show

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="kernel")
@click.argument("file", type=_FILE)
@click.option(
    "--steps",
    type=click.IntRange(min=1),
    default=EXPORT_STEPS,
    show_default=True,
    help="Steps after which to stop; the count is the same on every machine.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(file: Path, steps: int, as_json: bool) -> int:
    """Check every declaration of an export of Lean, FILE, from nothing.

    The format is lean4export's NDJSON, version 3.

    Exit codes: 0 accepted, 1 rejected, 2 undecided.
    """
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        outcome = check_export(lines, steps)
    click.echo(json.dumps(as_object(outcome)) if as_json else as_text(outcome))
    return outcome.exit_code


def as_object(outcome: Outcome) -> dict[str, object]:
    """An outcome for machines."""
    return {
        "verdict": outcome.verdict,
        "rule": outcome.rule,
        "message": printable(outcome.message),
        "declarations": outcome.declarations,
        "steps": outcome.steps,
        "axioms": [printable(show(n)) for n in outcome.axioms],
    }


def as_text(outcome: Outcome) -> str:
    """An outcome for people, in one line."""
    verdict = outcome.verdict.replace("_", " ")
    if not outcome.accepted:
        return printable(f"{verdict}: {outcome.message}")
    axioms = ", ".join(show(n) for n in outcome.axioms) or "none"
    return printable(
        f"{verdict} ({outcome.declarations} declarations, {outcome.steps} steps); axioms {axioms}"
    )


def printable(text: str) -> str:
    """A text in one line that leaves the terminal as it is."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
