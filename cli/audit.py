"""``aludel audit``: what the statements of a file have against them.

Exit codes: 0 every bar was met, 1 one was missed, 64 bad usage or input, 69 toolchain missing,
service out of reach, or the machine failed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from aludel.auditing import Ask, AuditPlan, AuditReport, Bar, LeanAuditor, audit_file
from aludel.auditing.report import figures, words_of
from aludel.audits import AUDIT_S, MAX_AUDIT_S
from aludel.cli.options import gathered, listed
from aludel.cli.progress import Lines, bars
from aludel.cli.project import project_option, with_project
from aludel.cli.rendering import error_object, printable
from aludel.columns import NAMES, STATEMENTS
from aludel.errors import AludelError, InvalidRequest
from aludel.jobs import MAX_SCREEN_BUDGET, SCREEN_BUDGET
from aludel.models import Prover
from aludel.proving.verification import Columns
from aludel.settings import Settings, load_settings

EXIT_MISSED = 1
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """Options of what is audited and how, one field each."""

    imports: str | None
    project: str | None
    budget: int
    timeout: float
    jobs: int | None
    server: str | None
    name_column: str | None
    statement_column: str | None

    @property
    def columns(self) -> Columns:
        """The columns that count."""
        return Columns(
            names=NAMES if self.name_column is None else (self.name_column,),
            statements=STATEMENTS if self.statement_column is None else (self.statement_column,),
        )

    @property
    def import_set(self) -> tuple[str, ...] | None:
        """The import set that replaces those of the problems."""
        return None if self.imports is None else listed(self.imports)

    def plan(self, audited_by: str) -> AuditPlan:
        """Return what comes of the run depends on, besides its files."""
        return AuditPlan(
            audited_by=audited_by,
            budget=self.budget,
            wall_s=self.timeout,
            columns=self.columns,
            imports=self.import_set,
        )


@click.command(name="audit")
@click.argument("problems", type=click.Path(path_type=Path))
@click.option(
    "--against", type=click.Path(path_type=Path), multiple=True,
    help="Another file of problems, of which none may say the same; may be given several times.",
)  # fmt: skip
@click.option(
    "--most", "most", metavar="FAULT=N[%]", multiple=True,
    help="At most so many statements may have a fault, as vacuous=0 or trivial=5%; may be given "
    "several times.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False),
    help="Folder for a row of each problem and the report; given again, it goes on.",
)  # fmt: skip
@gathered(
    "chosen",
    AuditOptions,
    click.option("--imports", help="Import set of every problem, in place of its own."),
    project_option,
    click.option(
        "--budget", type=click.IntRange(1, MAX_SCREEN_BUDGET), default=SCREEN_BUDGET,
        show_default=True, help="Thousands of heartbeats of each search.",
    ),
    click.option(
        "--timeout", type=click.FloatRange(0, MAX_AUDIT_S, min_open=True), default=AUDIT_S,
        show_default=True, help="Wall seconds each.",
    ),
    click.option("--jobs", type=click.IntRange(1), help="Lean processes."),
    click.option("--server", help="URL of an Aludel service that asks its Lean; this machine by "
                 "default."),
    click.option("--name-column", help="Column with the name of a problem."),
    click.option("--statement-column", help="Column with its statement."),
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
def command(
    problems: Path,
    against: tuple[Path, ...],
    most: tuple[str, ...],
    out: Path | None,
    chosen: AuditOptions,
    as_json: bool,
) -> int:
    """Look for what the statements of PROBLEMS have against them, before anyone trains on them.

    Does each elaborate, without names that Lean makes up? Is it false, vacuous, trivial, or said
    twice? Does it hold a `sorry`, unused hypotheses or variables, declarations of its own?

    Exit codes: 0 every bar of --most was met, 1 one was missed, 64 bad input, 69 toolchain missing,
    service out of reach, or the machine failed: with --out the same command goes on.
    """
    try:
        wanted = [Bar.of(text) for text in most]
        with _opened(chosen, load_settings()) as (plan, ask), bars() as progress:
            report = audit_file(problems, against, out, plan, ask, wanted, progress)
    except AludelError as error:
        if as_json:
            click.echo(json.dumps(error_object(error)))
        raise
    if as_json:
        click.echo(report.model_dump_json())
    else:
        _show(report)
    return EXIT_MISSED if report.missed else 0


@contextlib.contextmanager
def _opened(chosen: AuditOptions, settings: Settings) -> Iterator[tuple[AuditPlan, Ask]]:
    """Open what audits, a service or a Lean of this process."""
    if chosen.server is not None:
        from aludel.client import Client

        if chosen.project is not None:
            raise InvalidRequest(
                "a service audits without a project", field="--project", fix="leave it out"
            )
        with Client(chosen.server, key=settings.api_key or None) as client:
            yield (
                chosen.plan("service"),
                lambda asked, *, budget: client.audit(asked, budget=budget, wall_s=chosen.timeout),
            )
        return
    from aludel.provers import build_prover

    settings = with_project(settings, chosen.project)
    if chosen.jobs is not None:
        settings = settings.model_copy(update={"pool_size": chosen.jobs})
    prover = build_prover(settings, Prover.LEAN, Lines())
    with contextlib.closing(prover):
        auditor = LeanAuditor(prover.operations, prover.size)
        yield (
            chosen.plan(prover.toolchain.digest),
            lambda asked, *, budget: auditor.audit(asked, budget=budget, wall_s=chosen.timeout),
        )


def _show(report: AuditReport) -> None:
    """Print figures as a table, and the first rows that have a fault."""
    table = Table(title=f"{report.problems:,} problems, no fault found in {report.clean:,}")
    table.add_column("statements that")
    table.add_column("found", justify="right")
    table.add_column("undecided", justify="right")
    for words, found, maybe in figures(report):
        table.add_row(words, f"{found:,}", f"{maybe:,}" if maybe else "")
    Console().print(table)
    for row in report.flagged[:_SHOWN]:
        click.echo(f"line {row.line}: {_one_line(row.name, 80)}")
        for words in words_of(row):
            click.echo(f"    {_one_line(words, 200)}")
    left = report.problems - report.clean - min(_SHOWN, len(report.flagged))
    if left > 0:
        click.echo(f"and {left:,} more; the folder of --out has all")
    for missed in report.missed:
        click.echo(f"missed: {missed}")


def _one_line(text: str, most: int) -> str:
    shown = " ".join(printable(text[: 4 * most]).split())
    return shown if len(shown) <= most else f"{shown[:most]}…"
