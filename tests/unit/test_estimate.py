"""Figures of many problems: fast, and the same as those of few."""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from aludel.attempt_figures import compare, pass_table
from aludel.attempts import ProblemOutcome
from aludel.estimate import mean_pass_at_k, tallied_pass_at_k


def _counts(problems: int) -> list[tuple[int, int]]:
    return [(8, accepted) for accepted in (0, 0, 1, 3, 8)] * (problems // 5)


def test_intervals_of_many_problems_are_those_of_the_bootstrap() -> None:
    for k in (1, 4):
        few, many = mean_pass_at_k(_counts(1_000), k), mean_pass_at_k(_counts(1_005), k)
        assert many.value == pytest.approx(few.value)
        assert many.low == pytest.approx(few.low, abs=0.003)
        assert many.high == pytest.approx(few.high, abs=0.003)


def test_figures_of_ten_thousand_problems_are_quick() -> None:
    ours = [
        ProblemOutcome(problem=f"p{n}", statement="s", samples=samples, accepted=accepted)
        for n, (samples, accepted) in enumerate(_counts(10_000))
    ]
    begun = time.process_time()
    assert list(pass_table(ours, (1, 2, 4, 8))) == [1, 2, 4, 8]
    theirs = [outcome.model_copy(update={"accepted": 0}) for outcome in ours]
    found = compare(ours, theirs)
    assert (len(found.only_first), found.p_value) == (6_000, 0.0)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("problems", [40, 4_000])
def test_counted_problems_have_the_estimate_of_listed_ones(problems: int) -> None:
    draw = random.Random(7)
    outcomes = sorted((8, draw.choice((0, 0, 1, 3, 8))) for _ in range(problems))
    for k in (1, 4):
        one, other = tallied_pass_at_k(Counter(outcomes), k), mean_pass_at_k(outcomes, k)
        assert one.count == other.count == problems
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
    same = tallied_pass_at_k({(8, 0): problems}, 8)
    assert (same.value, same.low) == (0.0, 0.0) and 0 < same.high < 0.1
