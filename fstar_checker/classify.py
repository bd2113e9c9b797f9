"""Classification of F*'s issues: a reason of the contract and an error class.

Where F* sends an issue's number, the number decides. F* 0.9.7 sends none: there, the fixed words
that F* itself puts at the beginning or at the end of a message decide. What stands between them may
quote the candidate, and is never looked at.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from aludel.fstar_checker.protocol import Issue
from aludel.models import RejectReason, UndecidedReason, Verdict


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


UNSOUND = {
    239: "a declaration without a definition is assumed",
    240: "a declaration without a definition is admitted",
    272: "a top-level definition has an effect and need not be total",
    296: "a tactic admitted a goal",
    335: "an assumption is used",
}
"""Numbers of the warnings behind which an unproved statement can pass, and what each means."""

_SOLVER_NUMBER, _FAULT_NUMBER = 17, 18
_SMT_NUMBERS = frozenset((16, 19))
_SYNTAX_NUMBERS = frozenset((104, 106, 157, 158, 168, 183, 201))
_UNRESOLVED_NUMBERS = frozenset((37, 40, 42, 52, 72, 126, 128, 129, 133, 134, 230))

_UNSOUND_BEGINNINGS = {
    "Adding an implicit 'assume new' qualifier on ": 239,
    "Admitting ": 240,
    "Top-level let-bindings must be total; this term may have effects": 272,
    "Tactics admitted goal <": 296,
    "Tactics admitted guard <": 296,
}
_FAULT_BEGINNING = "ASSERTION FAILURE: "
_FAULT_WORDS = "F* may be in an inconsistent state"
_TACTIC_BEGINNING = "user tactic failed: "  # what follows is the tactic's to choose
_SOLVER_ANSWER = "Could not run Z3"
_OUT_OF_RESOURCES = "The SMT query timed out, you might want to increase the rlimit"
_DETAILS = (
    "The solver found a (partial) counterexample, try to spell your proof in more detail or "
    "increase fuel/ifuel",
    "Try with --query_stats to get more details",
    _OUT_OF_RESOURCES,
)
"""What F* appends to the message of a failed query, whatever the message quotes before it."""

_SYNTAX = re.compile(
    r"Syntax error|unterminated string\Z|unexpected char\Z|Unexpected position in is_typ_lapp|"
    r"Out-of-range character literal|This is not a valid numeric literal: |"
    r"\S+ is a reserved prefix for an identifier\Z"
)
_UNRESOLVED = re.compile(
    r"Identifier not found|Constructor \S+ not found|Data constructor (?:or effect )?\S+ not found|"
    r"Namespace \S+ cannot be found|(?:include: )?Module \S+ (?:cannot be found|could not be )|"
    r"Name \"\S+\" not found|Variable \"\S+\" not found|Effect (?:name )?\S+ not found"
)
_CLASS_OF = {
    RejectReason.PARSE: ErrorClass.SYNTAX,
    RejectReason.SMT_FAILURE: ErrorClass.SMT,
    RejectReason.UNSOLVED_GOALS: ErrorClass.TYPE,
    RejectReason.ELABORATION: ErrorClass.TYPE,
}


def judge(issues: Sequence[Issue]) -> Judgement:
    """Turn the issues of one push into a reason.

    A warning behind which an unproved statement can pass refuses, like an error. An exhausted
    resource limit leaves the candidate undecided only when nothing definite is wrong.

    Raises:
        InternalFault: F* reports a fault of its own.
        SolverMissing: F* reports that it cannot run Z3.
    """
    errors = [i for i in issues if i.is_error]
    for issue in errors:
        if _is_solver_missing(issue):
            raise SolverMissing(issue.message)
        if _is_fault(issue):
            raise InternalFault(issue.message)
    for issue in issues:
        number = _unsound_number(issue)
        if number is not None:
            told = f"{UNSOUND[number]} (F*'s {number}): {issue.message.strip()}"
            return Judgement(RejectReason.ADMIT, told)
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
    if verdict.reason is RejectReason.ELABORATION and _UNRESOLVED.match(verdict.message or ""):
        return ErrorClass.UNRESOLVED_NAME
    return _CLASS_OF.get(verdict.reason, ErrorClass.POLICY)


def _is_solver_missing(issue: Issue) -> bool:
    if issue.number is not None:
        return issue.number == _SOLVER_NUMBER
    return issue.message.strip() == _SOLVER_ANSWER


def _is_fault(issue: Issue) -> bool:
    if issue.number is not None:
        return issue.number == _FAULT_NUMBER
    text = issue.message.strip()
    return text.startswith(_FAULT_BEGINNING) and _FAULT_WORDS in text


def _unsound_number(issue: Issue) -> int | None:
    """The number among :data:`UNSOUND` that an issue of any level has, or None."""
    if issue.number is not None:
        return issue.number if issue.number in UNSOUND else None
    text = issue.message.strip()
    return next((n for words, n in _UNSOUND_BEGINNINGS.items() if text.startswith(words)), None)


def _reason(issue: Issue) -> RejectReason | UndecidedReason:
    text = issue.message.strip().rstrip(".")
    detail = next((d for d in _DETAILS if text.endswith(d)), None)
    if issue.number is not None:
        if issue.number in _SMT_NUMBERS:
            exhausted = detail == _OUT_OF_RESOURCES
            return UndecidedReason.RLIMIT if exhausted else RejectReason.SMT_FAILURE
        is_syntax = issue.number in _SYNTAX_NUMBERS
        return RejectReason.PARSE if is_syntax else RejectReason.ELABORATION
    if text.startswith(_TACTIC_BEGINNING):
        return RejectReason.ELABORATION
    if detail is not None and (text == detail or text.endswith(f"; {detail}")):
        exhausted = detail == _OUT_OF_RESOURCES
        return UndecidedReason.RLIMIT if exhausted else RejectReason.SMT_FAILURE
    return RejectReason.PARSE if _SYNTAX.match(text) else RejectReason.ELABORATION
