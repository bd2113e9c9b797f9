"""Attempts without a model: a problem's statement is its candidate, which the fake prover reads.

``theorem`` is no word of the fake prover's, so statements here are ``accept 1``, ``sleep 0.1
reject`` and so on; sample ``n`` (after the first) has its number at the end.
"""

from __future__ import annotations

from aludel.attempts import AttemptPlan, AttemptRecord, ProblemOutcome
from aludel.errors import InvalidRequest
from aludel.generators import LocalModel
from aludel.job_requests import ProveRequest
from aludel.models import CheckRequest
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from aludel.settings import Settings
from aludel.workers.guarding import Guard, GuardedChecker
from aludel.workers.proving import Attempted, Prepared


class FakeProving:
    """A fake ``workers.proving.Proving``; a local model has a bad name."""

    def __init__(self, _checker: Checker | None = None, _settings: Settings | None = None) -> None:
        self.prepared: list[ProveRequest] = []
        self.closed = False

    def prepare(self, request: ProveRequest, checker: Checker) -> Prepared:
        self.prepared.append(request)
        if isinstance(request.generator, LocalModel):
            raise InvalidRequest(f"there is no model {request.generator.model!r}", field="model")
        plan = AttemptPlan(
            generator="fake",
            toolchain_digest=checker.toolchain.digest,
            problems_digest=request.problems_digest,
            **request.options.planned(),
        )

        def attempt(problem: TheoremProblem, guard: Guard) -> Attempted:
            return _attempt(problem, request.options.samples, GuardedChecker(checker, guard))

        return Prepared(plan, attempt)

    def close(self) -> None:
        self.closed = True


def _attempt(problem: TheoremProblem, samples: int, checker: GuardedChecker) -> Attempted:
    codes = [problem.statement, *(f"{problem.statement} {n}" for n in range(1, samples))]
    records = []
    for position, code in enumerate(codes):
        candidate = CheckRequest(code=code)
        verdict = checker.check(candidate)
        records.append(
            AttemptRecord(
                problem=problem.name,
                position=position,
                candidate=candidate,
                verdict=verdict,
                prompt_hash="0" * 64,
                price=0.5,
            )
        )
    outcome = ProblemOutcome(
        problem=problem.name,
        statement=problem.statement,
        samples=samples,
        accepted=sum(record.verdict.kind == "accepted" for record in records),
        tried=samples,
        price=0.5 * samples,
        wall_s=2.0,
        prover_s=1.0,
    )
    return outcome, records
