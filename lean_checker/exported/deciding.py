"""From what kernels say of two exports to a verdict."""

from __future__ import annotations

import hashlib

from aludel.distribution import installed_version
from aludel.lean_checker.exported.comparing import Compared
from aludel.lean_checker.exported.second import Replayed
from aludel.lean_checker.exported.texts import Question
from aludel.lean_checker.places import extent
from aludel.lean_checker.policy import SORRY_AXIOM, Finding, refusal
from aludel.models import (
    Accepted,
    CheckRequest,
    Diagnostic,
    Evidence,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    UndecidedReason,
    Usage,
)

CHECKS = ("compiled_and_exported", "kernel", "axioms", "statement")
_BEGIN = Position(line=1, column=0)
_UNREADABLE = frozenset(
    {"json", "export", "index", "number", "numeral", "text", "term", "declaration", "names"}
)
"""Rules of the form of an export; the others are the kernel's."""
_REASONS = {
    "statement": RejectReason.STATEMENT_MISMATCH,
    "closure": RejectReason.STATEMENT_MISMATCH,
    "axiom": RejectReason.AXIOM,
}


class Case:
    """One candidate on its way to a verdict.

    Attributes:
        request: what was asked.
        hash: content hash of the request.
        usage: what it has cost so far.
        diagnostics: what Lean said of the candidate's text.
    """

    def __init__(self, request: CheckRequest, digest: str) -> None:
        self.request = request
        self.hash = digest
        self.usage = Usage()
        self.diagnostics: tuple[Diagnostic, ...] = ()

    def queued(self, seconds: float) -> None:
        """Note how long it waited."""
        self.usage += Usage(queue_s=seconds)

    def refuse(self, finding: Finding, axioms: tuple[str, ...] = ()) -> Rejected | Undecided:
        """Return the verdict that states a finding, with a place in the text where none is said."""
        said = self.diagnostics
        placed = any(one.start and one.severity is Severity.ERROR for one in said)
        if isinstance(finding.reason, RejectReason) and not placed:
            start, end = extent(self.request.code)
            pointer = Diagnostic(
                severity=Severity.ERROR, message=finding.message, start=start or _BEGIN, end=end
            )
            said = (*said, pointer)
        return refusal(
            finding, content_hash=self.hash, usage=self.usage, diagnostics=said, axioms=axioms
        )

    def refuse_whole(self, finding: Finding) -> Rejected | Undecided:
        """Return the verdict on a text that no prover is given."""
        whole = Diagnostic(severity=Severity.ERROR, message=finding.message, start=_BEGIN)
        return refusal(finding, content_hash=self.hash, usage=self.usage, diagnostics=(whole,))

    def accept(
        self, question: Question, challenge: bytes, compared: Compared, replayed: Replayed | None
    ) -> Accepted:
        """Return the acceptance, with evidence of the kernels that read the export."""
        evidence = Evidence(
            statement_match="identical",
            declarations=(question.name,),
            checks=CHECKS,
            kernels=(f"aludel {installed_version()}", *([replayed.kernel] if replayed else ())),
            advisories=replayed.advisories if replayed else (),
            tables_hash=hashlib.sha256(compared.tables).hexdigest(),
            statement_hash=hashlib.sha256(challenge).hexdigest(),
            # The processes that compiled and exported it have read no other candidate.
            attribution="confirmed",
            hidden=0,
        )
        return Accepted(
            diagnostics=self.diagnostics,
            axioms=compared.axioms,
            usage=self.usage,
            hash=self.hash,
            evidence=evidence,
        )


def reject_comparison(case: Case, compared: Compared) -> Rejected | Undecided:
    """Return the verdict on a solution that our kernel does not accept as the challenge's proof."""
    finding = _finding(compared)
    axioms = (finding.culprit,) if finding.culprit else ()
    return case.refuse(finding, axioms)


def _finding(compared: Compared) -> Finding:
    rule, message = compared.rule, compared.message
    if compared.verdict != "rejected":
        words = f"our kernel has not decided ({compared.verdict}: {message})"
        return Finding(UndecidedReason.SECOND_KERNEL, words)
    if compared.failed == "solution":
        if rule in _UNREADABLE:
            words = f"the compiled candidate's export cannot be read: {message}"
            return Finding(UndecidedReason.ELABORATOR, words)
        return Finding(RejectReason.KERNEL, f"our kernel does not accept it: {rule}: {message}")
    if rule == "solution":
        absent = " is missing in " in message
        reason = RejectReason.MISSING_DECLARATION if absent else RejectReason.STATEMENT_MISMATCH
        return Finding(reason, message)
    if rule == "axiom" and message.startswith(f"{SORRY_AXIOM} "):
        return Finding(RejectReason.SORRY, "the proof rests on `sorry`", SORRY_AXIOM)
    if rule == "axiom":
        return Finding(RejectReason.AXIOM, message, message.split(" ", 1)[0])
    return Finding(_REASONS.get(rule, RejectReason.KERNEL), message)
