"""Findings: what an examination by Lean, and the text itself, say to each question."""

from __future__ import annotations

import re

from aludel.audits import NO, NOT_DECIDED, NOT_FOUND, UNDECIDED, YES, Audit, Finding
from aludel.lean_checker.examining import Examination
from aludel.lean_text import UnreadableText, pieces, significant

LIMIT = "(deterministic) timeout"
_LIMITS = (LIMIT, "maximum recursion depth", "it declares no ")
"""How Lean, or our server, begins to say that it cannot say whether a statement is one."""
_UNKNOWN = re.compile(r"[Uu]nknown (?:identifier|constant|universe level) [`'‘“]([^`'’”]+)[`'’”]")
_SORRY_IN_TYPE = "its type contains `sorry`"


def audit_of(text: str, found: Examination, *, searched: bool = True) -> Audit:
    """Return what is found out about a statement.

    Args:
        text: the statement, without comments.
        found: what Lean says of it.
        searched: whether it searched, too.
    """
    asked = searched and found.error is None
    return Audit(
        statement=text,
        elaborates=_elaborates(found),
        holds_sorry=_holds_sorry(text, found),
        auto_bound=_auto_bound(found) if asked else NOT_DECIDED,
        vacuous=_searched(found.vacuous, found.exhausted.vacuous) if asked else NOT_DECIDED,
        false=_searched(found.refuted, found.exhausted.refuted) if asked else NOT_DECIDED,
        trivial=_searched(found.trivial, found.exhausted.trivial) if asked else NOT_DECIDED,
        unused_hypotheses=_unused_hypotheses(found) if asked else NOT_DECIDED,
        unused_variables=_unused_variables(found) if asked else NOT_DECIDED,
        shape=found.shape_hash,
    )


def with_own_notation(text: str, command: str) -> Audit:
    """Return what can be said of a text whose statement needs declarations of its own.

    Args:
        text: as it was given.
        command: the first declaration before the statement.
    """
    unknown = dict.fromkeys(
        (
            "holds_sorry", "auto_bound", "vacuous", "false", "trivial",
            "unused_hypotheses", "unused_variables",
        ),
        NOT_DECIDED,
    )  # fmt: skip
    why = Finding(answer=UNDECIDED, by=("it needs a declaration of its own",))
    own = Finding(answer=YES, by=(command[:200],))
    return Audit.model_validate(
        {"statement": text, "elaborates": why, "own_notation": own, **unknown}
    )


def _elaborates(found: Examination) -> Finding:
    if found.error is None:
        return Finding(answer=YES)
    return Finding(answer=UNDECIDED if _is_limit(found.error) else NO, by=(found.error,))


def _is_limit(error: str) -> bool:
    return any(limit in error for limit in _LIMITS)


def _holds_sorry(text: str, found: Examination) -> Finding:
    try:
        words = {piece.text for piece in significant(pieces(text))}
    except UnreadableText:
        return NOT_DECIDED
    held: tuple[str, ...] = tuple(word for word in ("sorry", "admit") if word in words)
    if not held and found.error == _SORRY_IN_TYPE:
        held = (found.error,)
    return Finding(answer=YES, by=held) if held else NOT_FOUND


def _auto_bound(found: Examination) -> Finding:
    """Whether the statement elaborates because Lean binds names itself."""
    if found.strict_error is None:
        return NOT_FOUND
    unknown = _UNKNOWN.search(found.strict_error)
    return Finding(answer=YES, by=(unknown[1],)) if unknown else NOT_DECIDED


def _searched(tactic: str | None, ran_out: tuple[str, ...]) -> Finding:
    if tactic is not None:
        return Finding(answer=YES, by=(tactic,))
    return Finding(answer=UNDECIDED, by=ran_out) if ran_out else NOT_FOUND


def _unused_hypotheses(found: Examination) -> Finding:
    """Whether some hypotheses are of no use; not asked of ones that contradict each other."""
    apart = () if found.vacuous is not None else found.apart
    unused = dict.fromkeys((*apart, *(found.unused_in_proof or ())))
    if unused:
        return Finding(answer=YES, by=tuple(unused))
    if not found.unmentioned or found.unused_in_proof is not None:
        return NOT_FOUND  # the statement, or the proof that was found, mentions each of them
    return NOT_DECIDED


def _unused_variables(found: Examination) -> Finding:
    if found.unused_variables is None:
        return NOT_DECIDED
    if found.unused_variables:
        return Finding(answer=YES, by=found.unused_variables)
    doubtful = found.doubtful_variables
    return Finding(answer=UNDECIDED, by=doubtful) if doubtful else NOT_FOUND
