"""``aludel compare``: whether one export proves what another one states."""

from __future__ import annotations

from pathlib import Path

import click

from aludel.cli.kernel import EXIT_CODES, EXPORT_FILE, as_text, server_option, steps_option
from aludel.cli.options import listed
from aludel.cli.remote import compare_through
from aludel.http_models import ComparisonOutcome, ExplainedOutcome
from aludel.lean_kernel.compare import compare
from aludel.lean_kernel.names import Name, read_name
from aludel.lean_kernel.shown import comparison_object
from aludel.models import STANDARD_AXIOMS


@click.command(name="compare")
@click.argument("challenge", type=EXPORT_FILE)
@click.argument("solution", type=EXPORT_FILE)
@click.option("--theorems", required=True, help="Names of theorems, separated by commas.")
@click.option(
    "--axioms",
    default=",".join(STANDARD_AXIOMS),
    show_default=True,
    help="Axioms that a proof may rest on, separated by commas; empty for none.",
)
@steps_option
@server_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
def command(
    challenge: Path,
    solution: Path,
    theorems: str,
    axioms: str,
    steps: int,
    server: str | None,
    as_json: bool,
) -> int:
    """Check two exports, and whether SOLUTION proves what CHALLENGE states.

    The format is lean4export's NDJSON, version 3. Each statement, and everything that it rests on,
    has to be the same in both; each proof may rest on the given axioms alone.

    Exit codes: 0 all are proved, 1 some are not, or an export is refused, 2 undecided.
    """
    wanted, allowed = _names(theorems, "--theorems"), _names(axioms, "--axioms")
    if server is None:
        names = ([n for _, n in wanted], [n for _, n in allowed])
        found = _here(challenge, solution, *names, steps)
    else:
        texts = ([text for text, _ in wanted], [text for text, _ in allowed])
        found = compare_through(server, challenge, solution, *texts, steps)
    click.echo(found.model_dump_json() if as_json else _as_text(found))
    return EXIT_CODES.get(found.verdict, 2)


def _here(
    challenge: Path, solution: Path, theorems: list[Name], allowed: list[Name], steps: int
) -> ComparisonOutcome:
    with (
        challenge.open(encoding="utf-8", errors="surrogateescape") as stated,
        solution.open(encoding="utf-8", errors="surrogateescape") as proved,
    ):
        found = compare(stated, proved, theorems, allowed, steps)
    return ComparisonOutcome.model_validate(comparison_object(found))


def _names(texts: str, option: str) -> list[tuple[str, Name]]:
    """Names as they were written, and as they are meant."""
    found = []
    for text in listed(texts):
        n = read_name(text)
        if n is None:
            raise click.BadParameter(f"{text!r} is no name of Lean", param_hint=option)
        found.append((text, n))
    return found


def _as_text(found: ComparisonOutcome) -> str:
    if not found.theorems:
        return _line(found)
    return "\n".join(f"{one.name}: {_line(one)}" for one in found.theorems)


def _line(outcome: ExplainedOutcome) -> str:
    if outcome.verdict != "accepted":
        return f"{as_text(outcome)}\n  fix: {outcome.fix}"
    return f"proved; axioms {', '.join(outcome.axioms) or 'none'}"
