"""Reward functions for verl: ``reward.custom_reward_function.path=pkg://aludel.adapters.verl``.

:func:`compute_score` is for the managers ``naive`` and ``dapo``, which await a call for each
sample; calls that come within 20 ms are checked as one job. :func:`compute_score_sync` is for the
manager ``remote``, whose workers cannot await. Imports nothing of verl.

A sample without a decision has to be given a number: verl makes a tensor of all scores, where None
is an error, and NaN would spread to every sample of its group. It is ``undecided``, 0.0 unless
``reward_kwargs`` say otherwise, and ``decided`` is 0.0 beside it.
"""

from __future__ import annotations

import asyncio
from typing import Any, TypedDict

from aludel.client.coalescing import shared
from aludel.jobs import Item
from aludel.rewards import WALL_S, asked, outcome_of


class Score(TypedDict):
    """The result for a sample; verl wants the same keys in all of them.

    Attributes:
        score: the reward.
        acc: 1.0 for an accepted proof, else 0.0; verl's validation and group filter read it.
        decided: 1.0, or 0.0 where neither an acceptance nor a rejection was reached.
        reason: ``accepted``, or why not.
    """

    score: float
    acc: float
    decided: float
    reason: str


async def compute_score(
    data_source: str,  # noqa: ARG001 - verl's signature
    solution_str: str,
    ground_truth: str,
    extra_info: Any = None,  # noqa: ANN401, ARG001
    *,
    url: str | None = None,
    key: str | None = None,
    wall_s: float = WALL_S,
    undecided: float = 0.0,
    project: str | None = None,
    **_: Any,  # noqa: ANN401 - what verl passes to reward models
) -> Score:
    """Return the score of one sample.

    Args:
        data_source: not used.
        solution_str: the model's answer.
        ground_truth: the statement that was to be proved.
        extra_info: not used.
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        key: its API key; by default ``ALUDEL_API_KEY``.
        wall_s: seconds that the check may take.
        undecided: the score of a sample without a decision.
        project: name of the service's project in which it is judged.

    Raises:
        BackendUnavailable: the machine failed.
        InvalidRequest: the statement is wrong. Neither is the model's doing.
    """
    request = await asyncio.to_thread(
        asked, ground_truth, solution_str, wall_s=wall_s, project=project
    )
    item = await asyncio.wrap_future(shared(url, key).submit(request))
    return _score(item, undecided)


def compute_score_sync(
    data_source: str,  # noqa: ARG001 - verl's signature
    solution_str: str,
    ground_truth: str,
    extra_info: Any = None,  # noqa: ANN401, ARG001
    *,
    url: str | None = None,
    key: str | None = None,
    wall_s: float = WALL_S,
    undecided: float = 0.0,
    project: str | None = None,
    **_: Any,  # noqa: ANN401
) -> Score:
    """Return the score of one sample, blocking; the twin of :func:`compute_score`."""
    request = asked(ground_truth, solution_str, wall_s=wall_s, project=project)
    return _score(shared(url, key).submit(request).result(), undecided)


def _score(item: Item, undecided: float) -> Score:
    outcome = outcome_of(item)
    return Score(
        score=outcome.score(undecided),
        acc=outcome.score(0.0),
        decided=float(outcome.reward is not None),
        reason=outcome.reason,
    )
