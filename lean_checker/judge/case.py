"""One claim on its way to a verdict."""

from __future__ import annotations

from aludel.lean_checker.claims import Claim
from aludel.lean_checker.judge.lean_kernel import KernelAnswer
from aludel.lean_checker.judge.printing import propositions_of
from aludel.lean_checker.judge.question import Question, Statement
from aludel.lean_checker.policy import Finding, refused
from aludel.lean_checker.policy import Question as Asked
from aludel.models import Accepted, CheckRequest, Evidence, Usage, Verdict
from aludel.vouching import axioms_in_words

FORBIDDEN_CHECK = "forbidden_constants"
"""Name of the check that the proof does without what the policy forbids."""


class Case:
    """One claim on its way to a verdict, with what it has cost so far."""

    def __init__(self, request: CheckRequest, claim: Claim, accepted: Accepted) -> None:
        self.request = request
        self.asked = Asked(request.statement, request.policy, request.code)
        self.usage: Usage = accepted.usage
        self.imports = claim.facts.imports
        self.claimed_axioms = claim.facts.axioms
        self._claim = claim
        self._accepted = accepted

    def refuse(self, finding: Finding, axioms: tuple[str, ...] | None = None) -> Verdict:
        """Return the verdict that states ``finding``."""
        return refused(
            self._claim.facts,
            self.asked,
            finding,
            content_hash=self._accepted.hash,
            usage=self.usage,
            axioms=axioms,
        )

    def accept(
        self,
        question: Question,
        statement: Statement | None,
        answer: KernelAnswer,
        kernels: tuple[str, ...],
        advisories: tuple[int, ...],
    ) -> Verdict:
        """Return the acceptance, with evidence that rests on the answers alone."""
        claimed = self._accepted.evidence
        axioms = tuple(one.name for one in answer.axioms)
        evidence = Evidence(
            statement_match=question.match,
            binders=claimed.binders,
            declarations=question.declared,
            checks=(*claimed.checks, *([FORBIDDEN_CHECK] if self.request.policy.forbidden else [])),
            kernels=kernels,
            advisories=advisories,
            tables_hash=question.digest,
            statement_hash=None if statement is None else statement.digest,
            attribution="elaborator",
            propositions=() if statement is not None else propositions_of(self._claim.terms),
            hidden=answer.hidden,
        )
        return self._accepted.model_copy(
            update={
                "evidence": evidence,
                "axioms": axioms,
                "message": axioms_in_words(axioms, answer.hidden) if answer.hidden else None,
                "usage": self.usage,
            }
        )
