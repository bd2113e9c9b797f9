"""The search for a proof of a negation, as requests to a checker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from aludel.deadline import Deadline
from aludel.disproofs.models import Disproof, DisproofRequest
from aludel.disproofs.negation import negation_of
from aludel.disproofs.refutations import AUTOMATION, scripts
from aludel.errors import InvalidRequest
from aludel.lean_text import indented
from aludel.models import (
    Budget,
    CheckRequest,
    LeanContext,
    Rejected,
    RejectReason,
    Severity,
    Verdict,
)
from aludel.statements import with_proof

AT_ONCE = 6
"""Proofs that are judged together where they are judged together."""


class Disproving:
    """The steps of a search for one disproof: requests to judge, until there is an answer.

    Args:
        request: the statement.

    Raises:
        InvalidRequest: it is none.
    """

    def __init__(self, request: DisproofRequest) -> None:
        self._request = request
        self._negation = negation_of(request.statement, request.imports)
        self._deadline = Deadline.after(request.wall_s)
        self._tried = 0
        self._unended = False
        self._accepted: CheckRequest | None = None
        self._verdict: Verdict | None = None
        self._applied: Verdict | None = None

    def batches(self) -> Iterator[list[CheckRequest]]:
        """Yield what to judge next; :meth:`take` is told the verdicts before more is asked for."""
        proofs = [*scripts(self._negation.binders), *AUTOMATION]
        for at in range(0, len(proofs), AT_ONCE):
            if self._accepted is None and self._deadline.passed:
                self._unended = True
            if self._accepted is not None or self._unended:
                break
            yield [self._candidate(proof) for proof in proofs[at : at + AT_ONCE]]
        if self._accepted is None:
            return
        if self._request.tier == "replay":
            yield [self._accepted.model_copy(update={"tier": "replay"})]
        yield [self._application(self._accepted, levels) for levels in self._levels()]

    def take(self, request: CheckRequest, verdict: Verdict) -> bool:
        """Note a verdict; return whether the rest of its batch need not be judged."""
        if request.metadata == _APPLICATION:
            if self._applied is None or not _is_applied(self._applied):
                self._applied = verdict
            return _is_applied(verdict)
        if request.tier == "replay":
            self._accepted, self._verdict = request, verdict
            return True
        self._tried += 1
        self._unended = self._unended or verdict.kind == "undecided"
        if verdict.kind == "accepted" and self._accepted is None:
            self._accepted, self._verdict = request, verdict
        return verdict.kind == "accepted"

    def result(self) -> Disproof:
        """Return the answer, once no batch is left.

        Raises:
            InvalidRequest: the negation that was accepted is not that of the statement.
        """
        if self._accepted is not None and self._verdict is not None:
            return self._found(self._accepted, self._verdict)
        if self._unended:
            said = f"time or heartbeats ran out; none of {self._tried} proofs was accepted"
            return self._answer("undecided", said)
        return self._answer("not_found", f"none of {self._tried} proofs of its negation is right")

    def _found(self, candidate: CheckRequest, verdict: Verdict) -> Disproof:
        if verdict.kind != "accepted":
            return self._answer("undecided", f"no fresh process confirmed it: {verdict.message}")
        if self._applied is None or self._applied.kind == "undecided":
            return self._answer("undecided", "there was no time to apply its negation to it")
        if not _is_applied(self._applied):
            said = next(iter(_complaints(self._applied)), self._applied.message)
            raise InvalidRequest(
                f"its negation cannot be written as text: {said}",
                field="statement",
                fix="state it as `theorem NAME : ∀ …, …`",
            )
        found = self._answer("statement_false", "its negation is proved")
        return found.model_copy(update={"candidate": candidate, "verdict": verdict})

    def _answer(
        self, outcome: Literal["statement_false", "not_found", "undecided"], message: str
    ) -> Disproof:
        negation = self._negation.statement
        return Disproof(outcome=outcome, negation=negation, tried=self._tried, message=message)

    def _candidate(self, proof: str) -> CheckRequest:
        statement = self._negation.statement
        return self._asked(with_proof(statement, f"by\n{indented(proof)}"), statement)

    def _levels(self) -> Iterator[str]:
        """Yield universes at which the negation is applied; how many Lean binds is not known."""
        if declared := self._negation.universes:
            yield f".{{{', '.join('0' for _ in declared.split(','))}}}"
            return
        yield from ("", ".{0}", ".{0, 0}", ".{0, 0, 0}")

    def _application(self, accepted: CheckRequest, levels: str) -> CheckRequest:
        """A text in which the negation is applied to the statement, assumed by ``sorry``."""
        found = self._negation
        code = (
            f"{with_proof(found.original, 'by sorry')}\n{accepted.code}\n"
            f"theorem {found.negated}.applied : False :=\n"
            f"  {found.negated}{levels} @{found.name}{levels}\n"
        )
        return self._asked(code, None).model_copy(update={"metadata": _APPLICATION})

    def _asked(self, code: str, statement: str | None) -> CheckRequest:
        seconds = min(self._request.attempt_s, max(1.0, self._deadline.remaining()))
        context = LeanContext(imports=self._negation.imports, project=self._request.project)
        budget = Budget(wall_s=seconds)
        return CheckRequest(context=context, statement=statement, code=code, budget=budget)


_APPLICATION = {"role": "application"}


def _complaints(verdict: Verdict) -> list[str]:
    """Return what Lean has against a text, besides the verdict's own words."""
    errors = (d.message for d in verdict.diagnostics if d.severity is Severity.ERROR)
    return [message for message in errors if message != verdict.message]


def _is_applied(verdict: Verdict) -> bool:
    """Whether Lean had nothing against a text but the ``sorry`` that we put there."""
    by_sorry = isinstance(verdict, Rejected) and verdict.reason is RejectReason.SORRY
    return by_sorry and not _complaints(verdict)


def disprove(request: DisproofRequest, judge: Callable[[CheckRequest], Verdict]) -> Disproof:
    """Look for a proof of a statement's negation, one candidate after the other.

    Args:
        request: the statement.
        judge: judges a candidate.

    Raises:
        InvalidRequest: the text is no statement, or does not elaborate.
        BackendUnavailable: the machine failed.
    """
    search = Disproving(request)
    for batch in search.batches():
        any(search.take(candidate, judge(candidate)) for candidate in batch)
    return search.result()
