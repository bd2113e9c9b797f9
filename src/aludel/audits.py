"""Audits: what a statement has against it, before anyone trains on it or is graded by it."""

from __future__ import annotations

from enum import StrEnum

from aludel.models import Model


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


class Audit(Model):
    """What was found out about one statement.

    Attributes:
        statement: the statement itself, without comments and an open end.
        elaborates: whether Lean understands it; an error of Lean's says why not.
        holds_sorry: whether ``sorry`` or ``admit`` stands in what it says.
        auto_bound: whether Lean made a variable of a name that nothing declares (``α``, a typo, or
            ``ℕ`` without Mathlib); the first such name.
        vacuous: whether its hypotheses contradict each other; the tactic that shows it.
        trivial: whether one standard tactic closes it; which.
        unused_hypotheses: whether the proof that the trivial tactic finds does without some; their
            names. Undecided where no such proof is known and the statement does not mention some.
    """

    statement: str
    elaborates: Finding
    holds_sorry: Finding
    auto_bound: Finding
    vacuous: Finding
    trivial: Finding
    unused_hypotheses: Finding
