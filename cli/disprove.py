"""``aludel disprove``: whether the negation of a statement is proved.

Exit codes: 0 the statement is false, 1 no proof of its negation was found, 2 undecided, 64 bad
usage or input, 69 toolchain missing or broken, or service out of reach.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import click
from pydantic import ValidationError

from aludel.cli.check import Paper
from aludel.cli.options import listed
from aludel.cli.progress import Lines
from aludel.cli.project import project_option, with_project
from aludel.cli.rendering import error_object, printable
from aludel.cli.source import STANDARD_INPUT, read_source
from aludel.client import Client
from aludel.disproofs import Disproof, DisproofRequest, disprove
from aludel.disproofs.models import DISPROVE_S
from aludel.errors import AludelError, InvalidRequest
from aludel.provers import build_prover
from aludel.settings import Settings, load_settings

_EXIT = {"statement_false": 0, "not_found": 1, "undecided": 2}


@click.command(name="disprove")
@click.argument("statement")
@click.option("--imports", help="Import set, separated by commas; the text's own by default.")
@project_option
@click.option(
    "--timeout", type=float, default=DISPROVE_S, show_default=True, help="Wall seconds in all."
)
@click.option(
    "--receipt",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a receipt of the verdict on the negation to this new file.",
)
@click.option("--server", help="URL of an Aludel service that tries; this machine by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as one JSON object.")
def command(
    statement: str,
    imports: str | None,
    project: str | None,
    timeout: float,
    receipt: Path | None,
    server: str | None,
    as_json: bool,
) -> int:
    """Look for a proof that the theorem STATEMENT is false; '-' reads standard input.

    Small values are tried for its variables, then automation. What was found is a proof of the
    negation that both kernels accepted.

    Exit codes: 0 it is false, 1 no proof was found, 2 undecided.
    """
    try:
        local = server is None
        settings = with_project(load_settings(), project if local else None)
        text = statement
        if statement == STANDARD_INPUT:
            text = read_source(statement, settings.max_code_bytes)
        asked = _request(text, imports, None if local else project, timeout, receipt)
        found = _disproof(asked, settings, server, Paper(receipt, None))
    except AludelError as error:
        if as_json:
            click.echo(json.dumps(error_object(error)))
        raise
    click.echo(found.model_dump_json() if as_json else _shown(found))
    return _EXIT[found.outcome]


def _request(
    text: str, imports: str | None, project: str | None, timeout: float, receipt: Path | None
) -> DisproofRequest:
    try:
        return DisproofRequest(
            statement=text,
            imports=None if imports is None else listed(imports),
            project=project,
            wall_s=timeout,
            tier="fast" if receipt is None else "replay",
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "statement"
        option = {"wall_s": "--timeout", "project": "--project", "imports": "--imports"}
        raise InvalidRequest(first["msg"], field=option.get(field, field)) from error


def _disproof(
    asked: DisproofRequest, settings: Settings, server: str | None, paper: Paper
) -> Disproof:
    paper.ensure_written_here(server)
    if server is not None:
        with Client(server, key=settings.api_key or None) as client:
            return client.disprove(asked)
    with contextlib.closing(build_prover(settings, progress=Lines())) as checker:
        found = disprove(asked, checker.check)
        if found.candidate is not None and found.verdict is not None:
            paper.write(checker.toolchain, found.candidate, found.verdict)
        return found


def _shown(found: Disproof) -> str:
    words = {
        "statement_false": "false",
        "not_found": "not found",
        "undecided": "undecided",
    }
    lines = [f"{words[found.outcome]}: {found.message}"]
    if found.candidate is not None:
        lines.append(found.candidate.code.rstrip())
    return printable("\n".join(lines))
