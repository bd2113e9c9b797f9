"""Reward functions for OpenRLHF: a file that names one is its ``--reward.remote_url``.

Where no API key is needed, ``--reward.remote_url http://HOST:8321/compat/openrlhf`` does without a
file; OpenRLHF sends no header with a key. Imports nothing of OpenRLHF.

OpenRLHF calls the function for each sample, in threads; calls that come within 20 ms are checked as
one job. A sample without a decision has to be given a number: a reward of None ends its training,
and NaN would spread to every sample of its group. It is ``undecided``, 0.0 unless told otherwise,
and the log of that name counts it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from aludel.client.coalescing import shared
from aludel.rewards import PROMPT_CHANGED, WALL_S, asked, outcome_of, rollout_rewards
from aludel.rollouts import answer_of

RewardFunc = Callable[[Sequence[str], Sequence[str], Sequence[str]], dict[str, Any]]


def make_reward_func(
    url: str | None = None,
    *,
    key: str | None = None,
    wall_s: float = WALL_S,
    undecided: float = 0.0,
    project: str | None = None,
) -> RewardFunc:
    """Return a function ``reward_func(queries, prompts, labels)``; ``labels`` are the statements.

    Args:
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        key: its API key; by default ``ALUDEL_API_KEY``.
        wall_s: seconds that each check may take.
        undecided: the reward of a sample without a decision.
        project: name of the service's project in which all is judged.

    The function raises ``BackendUnavailable`` where the machine failed and ``InvalidRequest`` where
    a statement is wrong; OpenRLHF logs that and has no reward.
    """

    def reward_func(
        queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str]
    ) -> dict[str, Any]:
        checks = shared(url, key)
        answers = [answer_of(*pair) for pair in zip(queries, prompts, strict=True)]
        requests = [
            None if answer is None else asked(label, answer, wall_s=wall_s, project=project)
            for answer, label in zip(answers, labels, strict=True)
        ]
        under_way = [None if each is None else checks.submit(each) for each in requests]
        outcomes = [
            PROMPT_CHANGED if one is None else outcome_of(one.result()) for one in under_way
        ]
        return rollout_rewards(outcomes, undecided).model_dump(mode="json")

    return reward_func


reward_func = make_reward_func()
