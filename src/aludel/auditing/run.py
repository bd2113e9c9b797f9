"""Audits of a file of problems from start to end: what the command line calls.

Problems are read, audited and written in batches. Rows stand in the order of the file, so a run
that was killed goes on behind the last whole row, and ends with the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from aludel.auditing.bars import Bar
from aludel.auditing.findings import with_own_notation
from aludel.auditing.folder import Folder
from aludel.auditing.lean import declares
from aludel.auditing.report import AuditReport, Tally
from aludel.audits import NAMED, Audit, AuditRow, Duplicates
from aludel.errors import InvalidRequest
from aludel.jobs import Failure
from aludel.models import LeanContext, Model
from aludel.problems import TheoremProblem
from aludel.progress import Progress
from aludel.proving.verification.posing import Columns, LeanPoser, PosedProblem
from aludel.proving.verification.reading import (
    ReadProblem,
    fingerprint,
    poses_nothing,
    problems_in,
)
from aludel.statements import HasDeclarations

BATCH = 64


class Ask(Protocol):
    """Has problems audited; gives their rows in their order."""

    def __call__(self, problems: Sequence[TheoremProblem], *, budget: int) -> list[AuditRow]:
        """Return the rows; with a budget of 0 nothing is searched."""
        ...


class AuditPlan(Model):
    """The options that what comes of a run depends on, besides its files.

    Attributes:
        audited_by: digest of the toolchain, or ``service``.
        budget: heartbeats of each search, in thousands.
        wall_s: seconds that one statement may take.
        imports: import set of every problem, in place of its own.
    """

    audited_by: str
    budget: int
    wall_s: float
    columns: Columns
    imports: tuple[str, ...] | None = None


def audit_file(
    problems: Path,
    against: Sequence[Path],
    out: Path | None,
    plan: AuditPlan,
    ask: Ask,
    bars: Sequence[Bar],
    progress: Progress,
) -> AuditReport:
    """Audit every problem, or those that an earlier call for ``out`` left; write the results.

    Args:
        problems: JSONL, a problem a line.
        against: other files, of which no problem may say the same.
        out: folder of the run; None keeps nothing.
        plan: what comes of it depends on.
        ask: has statements audited.
        bars: what the report is held against.
        progress: is told how far the run is.

    Raises:
        InvalidRequest: a file cannot be read, or poses no problem.
        Conflict: ``out`` is another run, or one that is under way.
        BackendUnavailable: the machine failed; the same call goes on.
        RunFileError: ``out`` cannot be used.
    """
    identity = {
        "plan": plan.model_dump(mode="json"),
        "problems": fingerprint(problems, "PROBLEMS"),
        "against": [fingerprint(path, "--against") for path in against],
    }
    run = _Run(plan, ask, progress)
    with Folder.opened(out, identity) as folder:
        for path in against:
            run.compare_with(path)
        run.go_on(problems, folder)
        report = run.tally.report(bars)
        folder.finish(report, f"Audit of {problems.name}")
        return report


class _Run:
    """The problems of a run, and what is known of those before."""

    def __init__(self, plan: AuditPlan, ask: Ask, progress: Progress) -> None:
        self.tally = Tally()
        self._plan = plan
        self._ask = ask
        self._progress = progress
        self._duplicates = Duplicates()
        self._poser = LeanPoser(plan.columns, plan.imports)

    def compare_with(self, path: Path) -> None:
        """Note what the problems of another file say."""
        self._progress.step(f"reading {path.name}, bytes", path.stat().st_size)
        posed = False
        for batch in _batches(problems_in(path, self._poser)):
            for row in self._rows(batch, budget=0):
                if row.audit is not None:
                    posed = True
                    where = f"{path.name}:{row.line}: {row.name[:NAMED]}"
                    self._duplicates.add(row.audit.shape, where)
            self._progress.advance(sum(read.size for read in batch))
        if not posed:
            raise InvalidRequest(f"{path} poses no problem", field="--against")

    def go_on(self, path: Path, folder: Folder) -> None:
        """Audit what is left of a file."""
        for row in folder.rows():
            self._duplicates.mark(row)
            self.tally.add(row)
        done, fault = self.tally.rows, "it is empty"
        self._progress.step("auditing, bytes", path.stat().st_size)
        reads = problems_in(path, self._poser)
        for _ in range(done):
            self._progress.advance(next(reads).size)
        for batch in _batches(reads):
            rows = [self._duplicates.mark(row) for row in self._rows(batch, self._plan.budget)]
            folder.write(rows)
            for row in rows:
                self.tally.add(row)
                fault = f"{row.name}: {row.error.message}" if row.error else fault
            note = f"{self.tally.flagged:,} of {self.tally.rows:,} flagged"
            self._progress.advance(sum(read.size for read in batch), note)
        if not self.tally.audited:
            raise poses_nothing(path, fault)

    def _rows(self, batch: Sequence[ReadProblem], budget: int) -> list[AuditRow]:
        """Return the rows of problems, those of what poses none among them."""
        asked = {n: _problem(read) for n, read in enumerate(batch)}
        posed = {n: one for n, one in asked.items() if one is not None}
        answers = self._ask(list(posed.values()), budget=budget) if posed else []
        found = dict(zip(posed, answers, strict=True))
        return [_row(read, found.get(n)) for n, read in enumerate(batch)]


def _batches(reads: Iterable[ReadProblem]) -> Iterator[list[ReadProblem]]:
    batch: list[ReadProblem] = []
    for read in reads:
        batch.append(read)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _problem(read: ReadProblem) -> TheoremProblem | None:
    if not isinstance(read.found, PosedProblem):
        return None
    context = read.found.context
    imports = (context.imports if isinstance(context, LeanContext) else None) or ("Init",)
    name = read.names[0][:1_000]
    return TheoremProblem(name=name, statement=read.found.statement, imports=imports)


def _row(read: ReadProblem, found: AuditRow | None) -> AuditRow:
    if found is not None:
        return found.model_copy(update={"line": read.number, "name": read.names[0]})
    fault = read.found
    assert isinstance(fault, InvalidRequest)  # noqa: S101 - what poses nothing has an error
    own = _own_notation(fault)
    if own is not None:
        return AuditRow(name=read.names[0], line=read.number, audit=own)
    return AuditRow(name=read.names[0], line=read.number, error=Failure.of(fault))


def _own_notation(fault: InvalidRequest) -> Audit | None:
    if isinstance(fault, HasDeclarations) and declares(fault.command):
        return with_own_notation("", fault.command)
    return None
