"""Figures of runs of attempts: pass@k, cost, and the comparison of two runs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from aludel.attempts import AttemptRun, ProblemOutcome
from aludel.errors import InvalidRequest
from aludel.estimate import Estimate, mean_pass_at_k
from aludel.models import Model

_KS = (1, 2, 4, 8, 16, 32, 64, 128)


class RunFigures(Model):
    """A run in figures.

    Attributes:
        problems, done: how many there are, and how many the run is done with.
        invalid: problems whose statement does not elaborate; they count for nothing else.
        proved: problems with an accepted proof.
        automation: whether the proofs were a fixed list in a fixed order, as standard tactics are,
            and no samples.
        pass_at_k: by ``k``, with intervals, for each ``k`` that every problem has samples for. Of
            ``automation`` it is the share that the first ``k`` close: not what a sampler's is.
        tried: proofs, or tactics of searches.
        price: in the currency of the generator's price list.
        worker_seconds: of all problems; ``prover_share`` of them were spent waiting for the prover.
    """

    run: str
    generator: str
    search: str
    problems: int
    done: int
    invalid: int
    proved: int
    automation: bool = False
    pass_at_k: dict[str, Estimate] = Field(default_factory=dict)
    tried: int
    price: float
    prompt_tokens: int
    completion_tokens: int
    worker_seconds: float
    prover_share: float | None = None


def figures(run: AttemptRun, outcomes: Sequence[ProblemOutcome]) -> RunFigures:
    """Return the figures of a run, over what it is done with."""
    wall = sum(o.wall_s for o in outcomes)
    return RunFigures(
        run=run.name,
        generator=run.plan.generator,
        search=run.plan.search,
        problems=run.problems,
        done=run.done,
        invalid=len(outcomes) - len(_valid(outcomes)),
        proved=sum(o.accepted > 0 for o in outcomes),
        automation=bool(_valid(outcomes)) and all(o.ordered for o in _valid(outcomes)),
        pass_at_k={str(k): value for k, value in pass_table(outcomes, _KS).items()},
        tried=sum(o.tried for o in outcomes),
        price=sum(o.price for o in outcomes),
        prompt_tokens=sum(o.prompt_tokens for o in outcomes),
        completion_tokens=sum(o.completion_tokens for o in outcomes),
        worker_seconds=round(wall, 3),
        prover_share=round(sum(o.prover_s for o in outcomes) / wall, 4) if wall else None,
    )


def pass_table(outcomes: Sequence[ProblemOutcome], ks: Sequence[int]) -> dict[int, Estimate]:
    """Return pass@k for each ``k`` that every problem has samples for.

    Of samples in order of promise the first ``k`` count; for others it is the unbiased estimate.
    Problems whose statement does not elaborate are left out.
    """
    valid = _valid(outcomes)
    least = min((o.samples for o in valid), default=0)
    return {k: mean_pass_at_k([_counts(o, k) for o in valid], k) for k in ks if k <= least}


def _valid(outcomes: Sequence[ProblemOutcome]) -> list[ProblemOutcome]:
    return [o for o in outcomes if not o.end.startswith("invalid")]


def _counts(outcome: ProblemOutcome, k: int) -> tuple[int, int]:
    """Return samples and accepted ones, such that ``k`` of them decide pass@k."""
    if not outcome.ordered:
        return outcome.samples, outcome.accepted
    return k, int(outcome.first is not None and outcome.first < k)


class Cost(Model):
    """The cost of attempts on some problems.

    Attributes:
        tried: proofs, or tactics of searches.
        prover_s, other_s: worker seconds waiting for the prover, and all others (the generator's).
        price: in the currency of the generator's price list.
    """

    tried: int
    prover_s: float
    other_s: float
    prompt_tokens: int
    completion_tokens: int
    price: float


class Comparison(Model):
    """Two runs over the problems that both are done with.

    Attributes:
        first, second: problems solved by each; ``only_first``, ``only_second`` by that one alone.
        p_value: two-sided exact McNemar test of the difference.
        first_cost, second_cost: over these problems.
    """

    problems: int
    first: int
    second: int
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    p_value: float
    first_cost: Cost
    second_cost: Cost


def compare(first: Sequence[ProblemOutcome], second: Sequence[ProblemOutcome]) -> Comparison:
    """Compare what two runs solved.

    Raises:
        InvalidRequest: no problem is in both with the same statement.
    """
    ours = {(o.problem, o.statement): o for o in first}
    theirs = {(o.problem, o.statement): o for o in second}
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        raise InvalidRequest("the runs have no problem in common", field="runs")
    solved = {key: (ours[key].accepted > 0, theirs[key].accepted > 0) for key in common}
    only_first = tuple(key[0] for key in common if solved[key] == (True, False))
    only_second = tuple(key[0] for key in common if solved[key] == (False, True))
    return Comparison(
        problems=len(common),
        first=sum(one for one, _ in solved.values()),
        second=sum(other for _, other in solved.values()),
        only_first=only_first,
        only_second=only_second,
        p_value=_mcnemar(len(only_first), len(only_second)),
        first_cost=_cost([ours[key] for key in common]),
        second_cost=_cost([theirs[key] for key in common]),
    )


def _cost(outcomes: Sequence[ProblemOutcome]) -> Cost:
    prover_s = sum(o.prover_s for o in outcomes)
    return Cost(
        tried=sum(o.tried for o in outcomes),
        prover_s=round(prover_s, 3),
        other_s=round(max(0.0, sum(o.wall_s for o in outcomes) - prover_s), 3),
        prompt_tokens=sum(o.prompt_tokens for o in outcomes),
        completion_tokens=sum(o.completion_tokens for o in outcomes),
        price=sum(o.price for o in outcomes),
    )


def _mcnemar(b: int, c: int) -> float:
    """Return the two-sided exact p-value: a fair coin thrown ``b + c`` times."""
    n = b + c
    tail = sum(math.comb(n, i) for i in range(min(b, c) + 1))
    return float(min(1.0, 2 * tail / 2**n))  # a ratio of integers, which do not overflow
