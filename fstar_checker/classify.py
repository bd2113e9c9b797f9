"""Classification of F*'s issues: a reason of the contract and an error class.

F* 0.9.7 sends no issue numbers, so the texts decide; numbers are used where they are sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aludel.fstar_checker.protocol import Issue
from aludel.models import RejectReason, UndecidedReason, Verdict

ASSUMES_NUMBER = 335
SOLVER_NUMBER = 17


class ErrorClass(StrEnum):
    """Why a candidate failed, as PoPAI's error analysis groups it."""

    SYNTAX = "syntax"
    UNRESOLVED_NAME = "unresolved_name"
    TYPE = "type"
    SMT = "smt"
    TIMEOUT = "timeout"
    POLICY = "policy"


@dataclass(frozen=True)
class Judgement:
    """What an answer to a push means; ``reason`` is None when F* reports no error."""

    reason: RejectReason | UndecidedReason | None
    message: str = ""


class InternalFault(Exception):
    """F* reports a fault of its own, which says nothing about the candidate."""


class SolverMissing(Exception):
    """F* reports that it cannot run Z3."""


_RLIMIT = re.compile(r"SMT query timed out|rlimit|resource limit|because canceled", re.IGNORECASE)
_SMT = re.compile(
    r"counterexample|could not prove|assertion failed|failed to prove|SMT solver|unknown because",
    re.IGNORECASE,
)
_SYNTAX = re.compile(
    r"syntax error|parse error|unterminated|unexpected char|not a valid numeric literal|"
    r"reserved prefix|illegal character",
    re.IGNORECASE,
)
_UNRESOLVED = re.compile(
    r"identifier not found|identifier .* not found|constructor .* not found|cannot be found|"
    r"could not be resolved|not in scope|modules in scope|name .* not found|unbound",
    re.IGNORECASE,
)
_FAULT = re.compile(
    r"ASSERTION FAILURE|inconsistent state|unexpected error|stack overflow|out of memory|"
    r"file a bug report",
    re.IGNORECASE,
)
_NO_SOLVER = re.compile(r"\bz3\b.*\b(?:not found|not in PATH|could not|cannot)\b", re.IGNORECASE)
_ADMITTED = re.compile(r"admitted goal|admitting", re.IGNORECASE)
_CLASS_OF = {
    RejectReason.PARSE: ErrorClass.SYNTAX,
    RejectReason.SMT_FAILURE: ErrorClass.SMT,
    RejectReason.UNSOLVED_GOALS: ErrorClass.TYPE,
    RejectReason.ELABORATION: ErrorClass.TYPE,
}


def judge(issues: Sequence[Issue]) -> Judgement:
    """Turn the issues of one push into a reason.

    An exhausted resource limit leaves the candidate undecided only when nothing definite is wrong.

    Raises:
        InternalFault: F* reports a fault of its own.
        SolverMissing: F* reports that it cannot run Z3.
    """
    errors = [i for i in issues if i.is_error]
    for issue in errors:
        if issue.number == SOLVER_NUMBER or _NO_SOLVER.search(issue.message):
            raise SolverMissing(issue.message)
        if _FAULT.search(issue.message):
            raise InternalFault(issue.message)
    admits = [i for i in issues if i.number == ASSUMES_NUMBER or _ADMITTED.search(i.message)]
    if admits:
        return Judgement(RejectReason.ADMIT, f"F* reports an admit: {admits[0].message}")
    if not errors:
        return Judgement(None)
    reasons = [_reason(issue) for issue in errors]
    definite = [(r, i) for r, i in zip(reasons, errors, strict=True) if isinstance(r, RejectReason)]
    reason, issue = definite[0] if definite else (reasons[0], errors[0])
    return Judgement(reason, issue.message.strip())


def error_class(verdict: Verdict) -> ErrorClass | None:
    """Return the error class of a verdict, None for an acceptance."""
    if verdict.kind == "accepted":
        return None
    if verdict.kind == "undecided":
        return ErrorClass.TIMEOUT
    if verdict.reason is RejectReason.ELABORATION and _UNRESOLVED.search(verdict.message or ""):
        return ErrorClass.UNRESOLVED_NAME
    return _CLASS_OF.get(verdict.reason, ErrorClass.POLICY)


def _reason(issue: Issue) -> RejectReason | UndecidedReason:
    if _SYNTAX.search(issue.message):
        return RejectReason.PARSE
    if _RLIMIT.search(issue.message):
        return UndecidedReason.RLIMIT
    if _SMT.search(issue.message):
        return RejectReason.SMT_FAILURE
    return RejectReason.ELABORATION
