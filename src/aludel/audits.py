"""Audits: what a statement has against it, before anyone trains on it or is graded by it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from pydantic import Field

from aludel.jobs import MAX_SCREEN_BUDGET, SCREEN_BUDGET, Failure
from aludel.models import Model
from aludel.problems import TheoremProblem

MAX_AUDITS = 100
"""Statements of one request to a service."""
MAX_AUDIT_S = 120.0
"""Seconds that a service lets one statement take."""
AUDIT_S = 30.0


class Answer(StrEnum):
    """The answer to a question about a statement.

    ``yes`` was shown. ``no`` says that every search ended within its budget and found nothing,
    which is no proof that there is nothing. ``undecided``: a budget ran out, or it cannot be asked.
    """

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


class Finding(Model):
    """An answer, and ``by`` what it is shown: tactics, names, or what Lean says."""

    answer: Answer
    by: tuple[str, ...] = ()


YES, NO, UNDECIDED = Answer.YES, Answer.NO, Answer.UNDECIDED
NOT_FOUND, NOT_DECIDED = Finding(answer=NO), Finding(answer=UNDECIDED)


class Audit(Model):
    """What was found out about one statement.

    Attributes:
        statement: the statement itself, without comments and an open end.
        elaborates: whether Lean understands it; an error of Lean's says why not.
        holds_sorry: whether ``sorry`` or ``admit`` stands in what it says.
        own_notation: whether notation or another declaration of its own stands before it.
        auto_bound: whether Lean made a variable of a name that nothing declares (``α``, a typo, or
            ``ℕ`` without Mathlib); the first such name.
        vacuous: whether its hypotheses contradict each other; the tactic that shows it.
        false: whether its negation can be proved, by small values; the tactic that does.
        trivial: whether one standard tactic closes it; which.
        unused_hypotheses: whether some are about variables of which neither the goal nor another
            hypothesis speaks, or a proof that was found does without some; their names. Undecided
            where no proof is known and the statement does not mention some.
        unused_variables: whether nothing mentions some, instances aside; their names. Undecided
            where it may be of use that there is such a thing (``x : Fin n``).
        duplicate: whether an earlier statement, or one of another file, says the same up to names
            and the order of binders; which.
        shape: a hash of what it says, up to names and the order of binders; empty if unknown.
    """

    statement: str
    elaborates: Finding
    holds_sorry: Finding
    own_notation: Finding = NOT_FOUND
    auto_bound: Finding
    vacuous: Finding
    false: Finding
    trivial: Finding
    unused_hypotheses: Finding
    unused_variables: Finding
    duplicate: Finding = NOT_FOUND
    shape: str = ""


class Fault(NamedTuple):
    """A fault of statements: the answer to a question that is one, and words for people."""

    question: str
    answer: Answer
    words: str


FAULTS = {
    "broken": Fault("elaborates", NO, "do not elaborate"),
    "sorry": Fault("holds_sorry", YES, "hold a `sorry`"),
    "own_notation": Fault("own_notation", YES, "need declarations of their own"),
    "auto_bound": Fault("auto_bound", YES, "have names that nothing declares"),
    "vacuous": Fault("vacuous", YES, "have hypotheses that contradict each other"),
    "false": Fault("false", YES, "are false"),
    "trivial": Fault("trivial", YES, "are closed by one tactic"),
    "unused_hypotheses": Fault("unused_hypotheses", YES, "have unused hypotheses"),
    "unused_variables": Fault("unused_variables", YES, "have unused variables"),
    "duplicate": Fault("duplicate", YES, "say what another one says"),
}
"""The faults that a statement may have, by name."""


class AuditRow(Model):
    """One problem of many: its audit, or the fault of what poses none.

    Attributes:
        name: what the problem is called.
        line: where it stands in its file, or among those that were given, from 1.
        error: why it could not be audited; there is then no audit.
    """

    name: str
    line: int
    audit: Audit | None = None
    error: Failure | None = None

    @property
    def faults(self) -> dict[str, Finding]:
        """The faults that were found, by name."""
        return self._answered({name: fault.answer for name, fault in FAULTS.items()})

    @property
    def undecided(self) -> dict[str, Finding]:
        """The faults that it may have, for all that is known."""
        return self._answered(dict.fromkeys(FAULTS, UNDECIDED))

    def _answered(self, answers: dict[str, Answer]) -> dict[str, Finding]:
        if self.audit is None:
            return {}
        found = {name: getattr(self.audit, FAULTS[name].question) for name in answers}
        return {name: one for name, one in found.items() if one.answer is answers[name]}


NAMED = 200
"""Characters of the name of an earlier statement: each that says the same repeats it."""


class Duplicates:
    """What statements say, by their shapes."""

    def __init__(self) -> None:
        self._seen: dict[str, str] = {}

    def add(self, shape: str, where: str) -> None:
        """Note where something is said; the first counts, and an unknown shape for nothing."""
        if shape:
            self._seen.setdefault(shape, where)

    def mark(self, row: AuditRow) -> AuditRow:
        """Return a row that knows whether its statement was said before, and note it."""
        if row.audit is None:
            return row
        shape = row.audit.shape
        before = self._seen.get(shape)
        self.add(shape, f"line {row.line}: {row.name[:NAMED]}")
        if before is not None:
            found = Finding(answer=YES, by=(before,))
        else:
            found = NOT_FOUND if shape else NOT_DECIDED
        return row.model_copy(update={"audit": row.audit.model_copy(update={"duplicate": found})})


class AuditSubmission(Model):
    """Statements to be audited.

    Attributes:
        problems: the statements; ``:= by sorry`` and the like may follow one.
        budget: heartbeats of each search, in thousands; with 0 nothing is searched, and the answers
            are whether it elaborates and its shape.
        wall_s: seconds that one statement may take.
    """

    problems: tuple[TheoremProblem, ...] = Field(min_length=1, max_length=MAX_AUDITS)
    budget: int = Field(default=SCREEN_BUDGET, ge=0, le=MAX_SCREEN_BUDGET)
    wall_s: float = Field(default=AUDIT_S, gt=0, le=MAX_AUDIT_S, allow_inf_nan=False)


class Auditor(Protocol):
    """What looks for faults of statements. Safe to call from several threads."""

    def audit(
        self,
        problems: Sequence[TheoremProblem],
        *,
        budget: int = ...,
        wall_s: float = ...,
        total_s: float | None = ...,
    ) -> list[AuditRow]:
        """Return what each problem has against it, or the error of what is none, in their order.

        Raises:
            BackendUnavailable: the machine failed.
        """
        ...


class Audits(Model):
    """What was found out about each problem, in their order."""

    rows: tuple[AuditRow, ...]
