"""Attempts without a model: a problem's statement is its candidate, which the fake prover reads.

``theorem`` is no word of the fake prover's, so statements here are ``accept 1``, ``sleep 0.1
reject`` and so on; sample ``n`` (after the first) has its number at the end.
"""

from __future__ import annotations

from aludel.attempts import AttemptOptions, AttemptPlan, AttemptRecord, ProblemOutcome
from aludel.errors import InvalidRequest
from aludel.generators import GeneratorSpec, LocalModel
from aludel.models import CheckRequest, Prover
from aludel.problems import FStarHints, Posable, Problem, TheoremProblem
from aludel.protocols import Checker
from aludel.proving.attempting import Done
from aludel.proving.run import Attempter, Prepared
from aludel.proving.stopping import Guard, GuardedChecker
from aludel.settings import Settings


class FakeAttempter(Attempter):
    """An attempter whose generator is the problem itself; a local model has a bad name."""

    def __init__(self, _checker: Checker | None = None, _settings: Settings | None = None) -> None:
        super().__init__(Prover.LEAN)
        self.closed = False

    def prepare(
        self,
        spec: GeneratorSpec,
        options: AttemptOptions,
        problems: str,
        checker: Checker,
        hints: FStarHints | None = None,
    ) -> Prepared:
        if isinstance(spec, LocalModel):
            raise InvalidRequest(f"there is no model {spec.model!r}", field="model")
        plan = AttemptPlan(
            generator="fake",
            toolchain_digest=checker.toolchain.digest,
            problems_digest=problems,
            **options.planned(),
        )

        def attempt(problem: Posable, guard: Guard) -> Done:
            assert isinstance(problem, TheoremProblem)
            return _attempt(problem, options.samples, GuardedChecker(checker, guard))

        return Prepared(plan, attempt)

    def close(self) -> None:
        self.closed = True


def _attempt(problem: Problem, samples: int, checker: GuardedChecker) -> Done:
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
