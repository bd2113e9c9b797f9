"""Unbiased pass@k with confidence intervals."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence

from aludel.models import Model

_Z95 = 1.959963984540054
_BOOTSTRAP_AT_MOST = 1_000


class Estimate(Model):
    """A share with its 95 % interval, over ``count`` problems."""

    value: float
    low: float
    high: float
    count: int


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """Return the probability that one of ``k`` samples is correct, estimated from ``samples``.

    The unbiased estimator of Chen and others (2021): one minus the share of k-subsets without a
    correct sample.

    Raises:
        ValueError: not ``0 <= correct <= samples`` and ``1 <= k <= samples``.
    """
    if not (0 <= correct <= samples and 1 <= k <= samples):
        raise ValueError(f"pass@{k} needs at least {k} samples, {correct} correct of {samples}")
    if samples - correct < k:
        return 1.0
    return 1.0 - math.comb(samples - correct, k) / math.comb(samples, k)


def wilson(successes: int, trials: int) -> Estimate:
    """Return a share of independent trials with Wilson's interval.

    Raises:
        ValueError: there are no trials, or more successes than trials.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials} trials")
    share, z2 = successes / trials, _Z95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    spread = math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    half = _Z95 * spread / (1 + z2 / trials)
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    high = 1.0 if successes == trials else min(1.0, middle + half)
    return Estimate(value=share, low=low, high=high, count=trials)


def mean_pass_at_k(
    outcomes: Sequence[tuple[int, int]], k: int, *, resamples: int = 2_000, seed: int = 0
) -> Estimate:
    """Return the mean of pass@k over problems, with a bootstrap interval over the problems.

    Where the bootstrap has no spread (all alike), Wilson's interval stands in; of more than 1,000
    problems the mean is normal enough, and its interval is computed at once.

    Args:
        outcomes: samples and correct ones of each problem.
        k: how many tries count as one.
        resamples: draws of the bootstrap.
        seed: of the bootstrap; equal seeds give equal intervals.

    Raises:
        ValueError: there are no problems, or one has fewer than ``k`` samples.
    """
    if not outcomes:
        raise ValueError("pass@k of no problems")
    values = [pass_at_k(samples, correct, k) for samples, correct in outcomes]
    value = math.fsum(values) / len(values)
    if len(set(values)) == 1:
        edge = wilson(round(value * len(values)), len(values))
        return edge.model_copy(update={"value": value})
    if len(values) > _BOOTSTRAP_AT_MOST:
        return _normal(value, statistics.stdev(values), len(values))
    draw = random.Random(seed)  # noqa: S311 - a bootstrap, not a secret
    means = sorted(math.fsum(draw.choices(values, k=len(values))) for _ in range(resamples))
    low, high = means[int(0.025 * resamples)], means[min(resamples - 1, int(0.975 * resamples))]
    return Estimate(value=value, low=low / len(values), high=high / len(values), count=len(values))


def tallied_pass_at_k(tally: Mapping[tuple[int, int], int], k: int) -> Estimate:
    """Return what :func:`mean_pass_at_k` does, of problems that are counted and not listed.

    Args:
        tally: how many problems have these samples and correct ones.
        k: how many tries count as one.

    Raises:
        ValueError: there are no problems, or one has fewer than ``k`` samples.
    """
    total = sum(tally.values())
    if total <= _BOOTSTRAP_AT_MOST:
        return mean_pass_at_k([o for o in sorted(tally) for _ in range(tally[o])], k)
    shares = [(pass_at_k(*outcome, k), count) for outcome, count in tally.items()]
    value = math.fsum(share * count for share, count in shares) / total
    if len({share for share, _ in shares}) == 1:
        edge = wilson(round(value * total), total)
        return edge.model_copy(update={"value": value})
    squares = math.fsum(count * (share - value) ** 2 for share, count in shares)
    return _normal(value, math.sqrt(squares / (total - 1)), total)


def _normal(value: float, deviation: float, count: int) -> Estimate:
    half = _Z95 * deviation / math.sqrt(count)
    low, high = max(0.0, value - half), min(1.0, value + half)
    return Estimate(value=value, low=low, high=high, count=count)
