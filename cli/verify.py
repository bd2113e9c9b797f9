"""``aludel verify``: every candidate of a file checked against the problems of another.

Exit codes: 0 every candidate was judged, 1 a problem could not be posed or a line not be read, 64
bad usage or input, 69 toolchain missing, service out of reach, or the machine failed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from aludel.cli.options import budget_of, forbid_option, gathered, listed, policy_of
from aludel.cli.progress import Lines, bars
from aludel.cli.project import named_by_service, project_option, with_project
from aludel.cli.rendering import error_object
from aludel.columns import CANDIDATES, NAMES, STATEMENTS
from aludel.errors import AludelError, InvalidRequest
from aludel.models import Prover
from aludel.proving.verification import (
    Columns,
    FStarPoser,
    Judge,
    LeanPoser,
    Poser,
    VerificationPlan,
    report_page,
    verify,
)
from aludel.settings import Settings, load_settings

EXIT_INCOMPLETE = 1
DEFAULT_KS = (1, 2, 4, 8, 16, 32, 64, 128)
_AT_ONCE = 4
_CHUNK = 16


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """Options of what is verified and how, one field each."""

    prover: str
    imports: str | None
    project: str | None
    timeout: float
    second_kernel: Literal["require", "sample", "off"]
    forbidden: tuple[str, ...]
    jobs: int | None
    server: str | None
    name_column: str | None
    statement_column: str | None
    code_column: str | None

    @property
    def columns(self) -> Columns:
        """The columns that count."""
        return Columns(
            names=NAMES if self.name_column is None else (self.name_column,),
            statements=STATEMENTS if self.statement_column is None else (self.statement_column,),
            candidates=CANDIDATES if self.code_column is None else (self.code_column,),
        )

    @property
    def import_set(self) -> tuple[str, ...] | None:
        """The import set that replaces those of the problems."""
        return None if self.imports is None else listed(self.imports)

    def plan(self, judged_by: str) -> VerificationPlan:
        """Return what comes of the run depends on, besides its files."""
        return VerificationPlan(
            prover=Prover(self.prover),
            judged_by=judged_by,
            budget=budget_of(self.timeout),
            policy=policy_of(self.second_kernel, self.forbidden),
            columns=self.columns,
            imports=self.import_set,
        )

    def poser(self, known_options: frozenset[str] | None = None) -> Poser:
        """Return what makes problems of rows."""
        if Prover(self.prover) is Prover.LEAN:
            named = None if self.server is None else named_by_service(self.project)
            return LeanPoser(self.columns, self.import_set, named)
        if self.imports is not None:
            raise InvalidRequest("means nothing to F*", field="--imports", fix="leave it out")
        return FStarPoser(known_options)


@click.command(name="verify")
@click.argument("problems", type=click.Path(path_type=Path))
@click.argument("candidates", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the run; given again, it goes on.",
)  # fmt: skip
@click.option(
    "--k", "ks", type=click.IntRange(1), multiple=True, default=DEFAULT_KS, show_default=True,
    help="The k of pass@k; may be given several times.",
)  # fmt: skip
@gathered(
    "chosen",
    VerifyOptions,
    click.option(
        "--prover", type=click.Choice([prover.value for prover in Prover]),
        default=Prover.LEAN.value, show_default=True, help="Which proof assistant decides.",
    ),
    click.option("--imports", help="Import set of every problem, in place of its own (Lean)."),
    project_option,
    click.option(
        "--timeout", type=float, default=60.0, show_default=True, help="Wall seconds each."
    ),
    click.option(
        "--second-kernel", type=click.Choice(["require", "sample", "off"]), default="require",
        show_default=True, help="Whether our own kernel has to accept a proof too (Lean).",
    ),
    forbid_option,
    click.option(
        "--jobs", type=click.IntRange(1), help="Candidates, or jobs of a service, at once."
    ),
    click.option("--server", help="URL of an Aludel service that checks; this machine by default."),
    click.option("--name-column", help="Column with the name of the problem, in both files."),
    click.option("--statement-column", help="Column of PROBLEMS with the statement (Lean)."),
    click.option("--code-column", help="Column of CANDIDATES with a candidate, or a list of them."),
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(
    problems: Path,
    candidates: Path,
    out: Path,
    ks: tuple[int, ...],
    chosen: VerifyOptions,
    as_json: bool,
) -> int:
    """Check every candidate of CANDIDATES against the problem of PROBLEMS that it names.

    Both are JSONL, with the columns of the data sets that are published, and read a line at a time.
    Writes results.jsonl, refused.jsonl, report.json and report.md into the folder --out.

    Exit codes: 0 every candidate was judged, 1 a problem could not be posed or a line not be read
    (the report says which), 64 bad input, 69 toolchain missing, service out of reach, or the
    machine failed: the same command goes on.
    """
    try:
        here = chosen.project if chosen.server is None else None
        settings = with_project(load_settings(), here)
        with _opened(chosen, settings) as (plan, poser, judge), bars() as progress:
            report = verify(problems, candidates, out, plan, poser, judge, ks, progress)
    except AludelError as error:
        if as_json:
            click.echo(json.dumps(error_object(error)))
        raise
    click.echo(report.model_dump_json() if as_json else report_page(report), nl=as_json)
    return 0 if report.is_whole else EXIT_INCOMPLETE


@contextlib.contextmanager
def _opened(
    chosen: VerifyOptions, settings: Settings
) -> Iterator[tuple[VerificationPlan, Poser, Judge]]:
    """Open what judges, a service or a prover of this process."""
    if chosen.server is not None:
        from aludel.client import Client

        with Client(chosen.server, key=settings.api_key or None) as client:
            at_once = chosen.jobs or _AT_ONCE
            yield (
                chosen.plan("service" if not chosen.project else f"service+{chosen.project}"),
                chosen.poser(),
                lambda asked: client.verify_many(asked, concurrency=at_once, batch=_CHUNK),
            )
        return
    from aludel.in_process import InProcess
    from aludel.provers import build_prover

    if chosen.jobs is not None:
        settings = settings.model_copy(update={"pool_size": chosen.jobs})
    prover = build_prover(settings, Prover(chosen.prover), Lines())
    with InProcess(prover) as opened:
        known = prover.known_options if Prover(chosen.prover) is Prover.FSTAR else None
        digest = opened.toolchain.digest
        yield chosen.plan(digest), chosen.poser(known), opened.check_many
