"""Runs of attempts over a set of problems: several at once, recorded one by one, resumable."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice
from typing import TypeVar

from aludel.attempts import AttemptRecord, ProblemOutcome, SearchBudget
from aludel.errors import InvalidRequest
from aludel.goals import Goals
from aludel.problems import Posable, Problem, TheoremProblem
from aludel.protocols import Checker
from aludel.proving.generators import ProofGenerator, TacticGenerator
from aludel.proving.sampling import outcomes as counted
from aludel.proving.sampling import sample_proofs
from aludel.proving.search import best_first
from aludel.tenants import for_same_tenant

_POSES = ("statement", "imports", "context", "policy")  # fields of a problem, not of a candidate

P = TypeVar("P", bound=Posable)
Done = tuple[ProblemOutcome, list[AttemptRecord]]
Attempt = Callable[[Problem], Done]
Premised = Callable[[TacticGenerator, TheoremProblem], TacticGenerator]


def sampling(
    generator: ProofGenerator, checker: Checker, samples: int, seed: int, repairs: int
) -> Attempt:
    """Return the attempt that samples whole proofs."""

    def attempt(problem: Problem) -> Done:
        begun = time.monotonic()
        made = list(sample_proofs(problem, generator, checker, samples, seed=seed, repairs=repairs))
        tried, accepted = counted(made)
        first = next((s.index for s in made if s.verdict.kind == "accepted"), None)
        records = [
            AttemptRecord(
                problem=problem.name,
                position=sample.index,
                round=sample.round,
                candidate=sample.candidate,
                verdict=sample.verdict,
                prompt_hash=sample.calls.prompt_hash,
                prompt_tokens=sample.calls.prompt_tokens,
                completion_tokens=sample.calls.completion_tokens,
                price=sample.calls.price,
                wall_s=sample.calls.wall_s,
            )
            for sample in made
        ]
        outcome = ProblemOutcome(
            problem=problem.name,
            statement=problem.statement,
            # An answer without a proof in it is a sample that failed.
            samples=max(tried, samples),
            accepted=accepted,
            ordered=any(sample.calls.ordered for sample in made),
            first=first,
            tried=len(made),
            wall_s=time.monotonic() - begun,
            prover_s=sum(sample.check_s for sample in made),
            price=sum(record.price for record in records),
            prompt_tokens=sum(record.prompt_tokens for record in records),
            completion_tokens=sum(record.completion_tokens for record in records),
        )
        return outcome, records

    return attempt


def searching(
    generator: TacticGenerator,
    goals: Goals,
    checker: Checker,
    budget: SearchBudget,
    premised: Premised = lambda generator, _: generator,
) -> Attempt:
    """Return the attempt that searches over tactics.

    ``premised`` returns the generator that gives ``generator`` premises for a problem.
    """

    def attempt(problem: Problem) -> Done:
        if not isinstance(problem, TheoremProblem):
            raise InvalidRequest(
                "F* has no goals to search over", field="search", fix="sample whole proofs"
            )
        found = best_first(problem, goals, premised(generator, problem), checker, budget)
        outcome = ProblemOutcome(
            problem=problem.name,
            statement=problem.statement,
            samples=1,
            accepted=int(found.end == "proved"),
            end=found.end,
            tried=found.tried,
            wall_s=found.wall_s,
            prover_s=found.prover_s,
            price=found.price,
            prompt_tokens=found.prompt_tokens,
            completion_tokens=found.completion_tokens,
        )
        if found.candidate is None or found.verdict is None:
            return outcome, []
        record = AttemptRecord(
            problem=problem.name, position=0, candidate=found.candidate, verdict=found.verdict
        )
        return outcome, [record]

    return attempt


def attempt_all(
    problems: Sequence[Problem],
    attempt: Attempt,
    done: frozenset[str],
    concurrency: int,
) -> Iterator[Done]:
    """Attempt the problems that are not ``done``, ``concurrency`` at once; yield as they end.

    A problem whose statement does not elaborate has an outcome without accepted samples.

    Raises:
        BackendUnavailable: prover or generator failed; what was yielded before is done.
    """
    waiting = iter([problem for problem in problems if problem.name not in done])
    stop = threading.Event()

    @for_same_tenant
    def one(problem: Problem) -> Done | None:
        return None if stop.is_set() else attempted(problem, attempt)

    with ThreadPoolExecutor(concurrency) as threads:
        running = {threads.submit(one, problem) for problem in islice(waiting, concurrency)}
        try:
            while running:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                for future in ended:
                    found = future.result()
                    if found is not None:
                        yield found
                    running |= {threads.submit(one, p) for p in islice(waiting, 1)}
        finally:
            stop.set()


def attempted(problem: P, attempt: Callable[[P], Done]) -> Done:
    """Attempt a problem; one that the prover cannot be posed has no accepted samples.

    Raises:
        InvalidRequest: something else than the statement and its context is wrong.
        BackendUnavailable: prover or generator failed.
    """
    try:
        return attempt(problem)
    except InvalidRequest as error:
        field = error.field or ""
        if field.partition(".")[0] not in _POSES or field == "context.prover":
            raise
        outcome = ProblemOutcome(
            problem=problem.name,
            statement=problem.statement,
            samples=1,
            accepted=0,
            end=f"invalid: {error.message}"[:500],
        )
        return outcome, []
