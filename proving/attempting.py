"""Runs of attempts over a set of problems: several at once, recorded one by one, resumable."""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from itertools import islice

from aludel.attempts import AttemptRecord, ProblemOutcome, SearchBudget
from aludel.errors import InvalidRequest
from aludel.goals import Goals
from aludel.models import Model, canonical_json
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from proving.estimate import Estimate, mean_pass_at_k
from proving.generators import ProofGenerator, TacticGenerator
from proving.sampling import outcomes as counted
from proving.sampling import sample_proofs
from proving.search import best_first

Done = tuple[ProblemOutcome, list[AttemptRecord]]
Attempt = Callable[[TheoremProblem], Done]


def problems_digest(problems: Sequence[TheoremProblem]) -> str:
    """Return the SHA-256 over a set of problems, whatever their order.

    Raises:
        InvalidRequest: there are none, or two have one name.
    """
    shown = sorted((p.name, p.statement, list(p.imports)) for p in problems)
    names = {name for name, _, _ in shown}
    if not shown or len(names) != len(shown):
        raise InvalidRequest(
            "there are no problems" if not shown else "two problems have the same name",
            field="problems",
            fix="give each a name of its own",
        )
    return hashlib.sha256(canonical_json(shown).encode()).hexdigest()


def sampling(
    generator: ProofGenerator, checker: Checker, samples: int, seed: int, repairs: int
) -> Attempt:
    """Return the attempt that samples whole proofs."""

    def attempt(problem: TheoremProblem) -> Done:
        begun = time.monotonic()
        made = list(sample_proofs(problem, generator, checker, samples, seed=seed, repairs=repairs))
        tried, accepted = counted(made)
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
    generator: TacticGenerator, goals: Goals, checker: Checker, budget: SearchBudget
) -> Attempt:
    """Return the attempt that searches over tactics."""

    def attempt(problem: TheoremProblem) -> Done:
        found = best_first(problem, goals, generator, checker, budget)
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
    problems: Sequence[TheoremProblem],
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

    def one(problem: TheoremProblem) -> Done | None:
        return None if stop.is_set() else _attempted(problem, attempt)

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


def _attempted(problem: TheoremProblem, attempt: Attempt) -> Done:
    try:
        return attempt(problem)
    except InvalidRequest as error:
        if error.field not in ("statement", "imports"):
            raise
        outcome = ProblemOutcome(
            problem=problem.name,
            statement=problem.statement,
            samples=1,
            accepted=0,
            end=f"invalid: {error.message}"[:500],
        )
        return outcome, []


class Comparison(Model):
    """Two runs over the problems that both are done with.

    Attributes:
        first, second: problems solved by each; ``only_first``, ``only_second`` by that one alone.
        p_value: two-sided exact McNemar test of the difference.
    """

    problems: int
    first: int
    second: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    p_value: float


def compare(first: Sequence[ProblemOutcome], second: Sequence[ProblemOutcome]) -> Comparison:
    """Compare what two runs solved.

    Raises:
        InvalidRequest: no problem is in both with the same statement.
    """
    ours = {(o.problem, o.statement): o.accepted > 0 for o in first}
    theirs = {(o.problem, o.statement): o.accepted > 0 for o in second}
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        raise InvalidRequest("the runs have no problem in common", field="runs")
    only_first = tuple(key[0] for key in common if ours[key] and not theirs[key])
    only_second = tuple(key[0] for key in common if theirs[key] and not ours[key])
    return Comparison(
        problems=len(common),
        first=sum(ours[key] for key in common),
        second=sum(theirs[key] for key in common),
        only_first=only_first,
        only_second=only_second,
        p_value=_mcnemar(len(only_first), len(only_second)),
    )


def pass_table(outcomes: Sequence[ProblemOutcome], ks: Sequence[int]) -> dict[int, Estimate]:
    """Return pass@k for each ``k`` that every problem has samples for.

    Raises:
        ValueError: there are no outcomes.
    """
    valid = [o for o in outcomes if not o.end.startswith("invalid")]
    least = min((o.samples for o in valid), default=0)
    counts = [(o.samples, o.accepted) for o in valid]
    return {k: mean_pass_at_k(counts, k) for k in ks if k <= least}


def _mcnemar(b: int, c: int) -> float:
    """Return the two-sided exact p-value: a fair coin thrown ``b + c`` times."""
    n = b + c
    tail = sum(math.comb(n, i) for i in range(min(b, c) + 1))
    return float(min(1.0, tail / 2.0 ** (n - 1)))
