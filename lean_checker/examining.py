"""The Lean server's operation ``audit``, typed: what is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from aludel.models import Usage


class RanOut(BaseModel):
    """Tactics of each search whose budget ran out before they found anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    trivial: tuple[str, ...] = ()
    vacuous: tuple[str, ...] = ()
    refuted: tuple[str, ...] = ()


class Examination(BaseModel):
    """What an audit found out about a statement, within a budget for each search.

    Attributes:
        error: why the statement does not elaborate; the rest is then empty.
        strict_error: the same where Lean binds no names itself; None where it elaborates.
        trivial: the standard tactic that closes it.
        vacuous: the tactic that derives a contradiction from its hypotheses.
        refuted: the tactic that proves its negation.
        unused_in_proof: hypotheses that a proof which was found does without; None without one.
        unused_variables: variables of inhabited types that nothing else mentions; None where there
            are too many to look at.
        doubtful_variables: others that nothing mentions; that there is one may be of use.
        apart: hypotheses about variables of which neither the goal nor another one speaks.
        unmentioned: hypotheses that the rest of the statement does not mention.
        exhausted: searches that found nothing because their budget ran out.
        shape_hash: 64 bits over the statement up to names and the order of its binders.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    error: str | None
    strict_error: str | None = None
    trivial: str | None = None
    vacuous: str | None = None
    refuted: str | None = None
    unused_in_proof: tuple[str, ...] | None = None
    unused_variables: tuple[str, ...] | None = None
    doubtful_variables: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    unmentioned: tuple[str, ...] = ()
    exhausted: RanOut = RanOut()
    shape_hash: str = ""


@dataclass(frozen=True)
class AuditTask:
    """Statements to audit.

    Attributes:
        statements: headers of declarations; answers come in their order.
        imports: the import set.
        budget: heartbeats of each search, in thousands; with 0 nothing is searched.
        wall_s: seconds after which the process is killed.
    """

    statements: tuple[str, ...]
    imports: tuple[str, ...]
    budget: int = 5_000
    wall_s: float = 120.0


@dataclass(frozen=True)
class AuditResult:
    """One answer for each statement of the task, and what they cost.

    Attributes:
        cut: why the answers end before the statements do: the next one took more than it may.
    """

    examinations: tuple[Examination, ...]
    usage: Usage
    cut: str | None = None


class AuditSource(Protocol):
    """What examines statements: a Lean server, or a test's fake."""

    def audit(self, task: AuditTask) -> AuditResult:
        """Ask what statements have against them.

        Raises:
            InvalidRequest: an import does not exist.
            BackendUnavailable: the machine failed.
        """
        ...
