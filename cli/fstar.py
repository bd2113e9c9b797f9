"""``aludel fstar``: PoPAI problems, candidates, verify@k.

Exit codes: 0 when every candidate was judged, 1 when a problem could not be posed, 2 when a machine
failed on some, 64 bad usage or input, 69 toolchain missing or service out of reach.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import click

from aludel.cli.groups import Group
from aludel.cli.options import budget_of
from aludel.cli.rendering import error_object
from aludel.errors import AludelError, InvalidRequest, RequestTooLarge
from aludel.jobs import Item
from aludel.models import CheckRequest
from aludel.settings import load_settings

EXIT_REFUSED = 1
EXIT_INCOMPLETE = 2
DEFAULT_KS = (1, 3, 10)


@click.group(name="fstar", cls=Group)
def command() -> None:
    """Check F* candidates for problems in PoPAI's format."""


@command.command(name="verify")
@click.argument("problems", type=click.Path(path_type=Path))
@click.argument("candidates", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--k", "ks", type=click.IntRange(1), multiple=True, default=DEFAULT_KS, show_default=True,
    help="The k of verify@k; may be given several times.",
)  # fmt: skip
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Wall seconds each.")
@click.option("--server", help="URL of an Aludel service that checks; this machine by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def verify(
    problems: Path,
    candidates: Path,
    out: Path,
    ks: tuple[int, ...],
    timeout: float,
    server: str | None,
    *,
    as_json: bool,
) -> int:
    """Check CANDIDATES (JSONL: name, candidate) against PROBLEMS (PoPAI JSON or JSONL).

    Writes results.jsonl, report.json and report.md into the folder --out.

    Exit codes: 0 every candidate was judged, 1 a problem could not be posed (the report says
    why), 2 a machine failed, 64 bad input, 69 toolchain missing or service out of reach.
    """
    from aludel.fstar_checker.dataset import read_definitions
    from aludel.fstar_checker.problems import read_candidates
    from aludel.fstar_checker.verify import build_work, render, report, write_report

    try:
        work = build_work(
            read_definitions(problems), read_candidates(candidates), budget_of(timeout)
        )
        outcomes = _check_remote(server, work) if server else _check_here(work)
        summary = report(outcomes, tuple(sorted(set(ks))))
        write_report(out, outcomes, summary)
    except AludelError as error:
        if as_json:
            click.echo(json.dumps(error_object(error)))
        raise
    click.echo(json.dumps(summary) if as_json else render(summary))
    if summary["machine_failures"]:
        return EXIT_INCOMPLETE
    return EXIT_REFUSED if summary["refused_problems"] else 0


@command.command(name="extract")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--project", required=True, help="Name of the project in the records.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="JSONL to write.")
def extract(folder: Path, project: str, out: Path) -> None:
    """Find problems in the .fst files of FOLDER, lexically: each let that a val declares.

    The sources are read as tokens and F* is not asked: each record says "extraction": "lexical",
    is_proof and is_simply_typed are guesses, and effects, premises and elaborated types stay
    unknown.
    """
    from aludel.fstar_checker.dataset import write_rows
    from aludel.fstar_checker.extract import LEXICAL, extract_project

    found = list(extract_project(folder, project))
    write_rows(out, found)
    click.echo(
        f"{len(found)} problems in {out}, found lexically: F* was not asked, and each record says "
        f'"extraction": "{LEXICAL}"'
    )


@command.command(name="prompt")
@click.argument("problems", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--similar", type=click.IntRange(0, 20), default=3, show_default=True)
def prompt(problems: Path, name: str, similar: int) -> None:
    """Print the prompt for the problem NAME, with similar solved problems of the same file."""
    from aludel.fstar_checker.dataset import read_definitions
    from aludel.fstar_checker.problems import Candidate, by_name, find_problem
    from aludel.prompts import PROOF_FSTAR_1, proof_messages
    from aludel.proving.fstar import pose

    known = read_definitions(problems)
    wanted = find_problem(by_name(known), Candidate(name=name, candidate=""))
    posed = pose([wanted], known, similar=similar)
    if not posed.problems:
        raise InvalidRequest(f"{name} is not a valid problem: {posed.skipped[name]}", field="name")
    for message in proof_messages(PROOF_FSTAR_1, posed.problems[0]):
        click.echo(message.content)


def _check_here(work: list[Any]) -> list[Any]:
    from aludel.fstar_checker.checker import build_checker
    from aludel.fstar_checker.verify import fit_options, run

    settings = load_settings()
    with contextlib.closing(build_checker(settings)) as checker:
        fitted = fit_options(work, checker.known_options)
        return run(fitted, checker.check, settings.pool_size or os.cpu_count() or 1)


def _check_remote(server: str, work: list[Any]) -> list[Any]:
    from aludel.fstar_checker.verify import is_the_candidates, outcome_of

    sent = [item for item in work if item.request is not None]
    answers = iter(_send(server, [item.request for item in sent]))
    outcomes = []
    for item in work:
        if item.request is None:
            outcomes.append(outcome_of(item, refusal=item.refusal, invalid=item.invalid))
            continue
        answer = next(answers)
        verdict = None if isinstance(answer, RequestTooLarge) else answer.verdict
        failure = answer if isinstance(answer, RequestTooLarge) else answer.error
        if failure is None:
            outcomes.append(outcome_of(item, verdict=verdict))
        elif is_the_candidates(failure.code, failure.field):
            outcomes.append(outcome_of(item, invalid=failure.message))
        elif failure.code == InvalidRequest.code:
            outcomes.append(outcome_of(item, refusal=failure.message))
        else:
            outcomes.append(outcome_of(item, error=failure.message))
    return outcomes


def _send(server: str, requests: list[CheckRequest]) -> list[Item | RequestTooLarge]:
    """Have requests judged; where a batch is refused for its size, find out which are too large."""
    from aludel.cli.remote import check_through

    try:
        return [*check_through(server, requests)]
    except RequestTooLarge as error:
        if len(requests) == 1:
            return [error]
        half = len(requests) // 2
        return _send(server, requests[:half]) + _send(server, requests[half:])
