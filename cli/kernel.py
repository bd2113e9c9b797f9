"""``aludel kernel``: re-check an export of any Lean with the second kernel."""

from __future__ import annotations

from pathlib import Path

import click

from aludel.cli.remote import check_export_through
from aludel.http_models import MAX_EXPORT_STEPS, KernelOutcome
from aludel.lean_kernel.api import check_export
from aludel.lean_kernel.shown import outcome_object

EXPORT_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EXIT_CODES = {"accepted": 0, "rejected": 1, "not_shown_equal": 1}
"""By verdict; those that decide nothing are 2."""

steps_option = click.option(
    "--steps",
    type=click.IntRange(1, MAX_EXPORT_STEPS),
    default=MAX_EXPORT_STEPS,
    show_default=True,
    help="Steps after which to stop; the count is the same on every machine.",
)
server_option = click.option(
    "--server", help="URL of a service whose kernel checks; this machine by default."
)


@click.command(name="kernel")
@click.argument("file", type=EXPORT_FILE)
@steps_option
@server_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(file: Path, steps: int, server: str | None, as_json: bool) -> int:
    """Check every declaration of an export of Lean, FILE, from nothing.

    The format is lean4export's NDJSON, version 3.

    Exit codes: 0 accepted, 1 rejected, 2 undecided.
    """
    found = _here(file, steps) if server is None else check_export_through(server, file, steps)
    click.echo(found.model_dump_json() if as_json else as_text(found))
    return EXIT_CODES.get(found.verdict, 2)


def _here(file: Path, steps: int) -> KernelOutcome:
    with file.open(encoding="utf-8", errors="surrogateescape") as lines:
        return KernelOutcome.model_validate(outcome_object(check_export(lines, steps)))


def as_text(outcome: KernelOutcome) -> str:
    """An outcome for people, in one line."""
    verdict = outcome.verdict.replace("_", " ")
    if outcome.verdict != "accepted":
        return f"{verdict}: {outcome.message}"
    counts = f"({outcome.declarations} declarations, {outcome.steps} steps)"
    return f"{verdict} {counts}; axioms {', '.join(outcome.axioms) or 'none'}"
