"""Answers of models as requests, and verdicts as rewards: what every adapter for a trainer needs.

:func:`asked` makes a request of what a model wrote, :func:`outcome_of` a reward of its verdict.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from aludel.candidates import bare_statement, extract
from aludel.client.flows import verdict_of
from aludel.errors import InvalidRequest
from aludel.http_models import RolloutRewards
from aludel.jobs import Item, ItemState
from aludel.models import Accepted, Budget, CheckRequest, LeanContext, Policy, Rejected
from aludel.vouching import one_kernel_alone

_LOG = logging.getLogger(__name__)
WALL_S = 20.0
"""Seconds that a check of a reward may take, unless its caller says otherwise."""


class Outcome(NamedTuple):
    """The outcome of a check, as trainers want it.

    Attributes:
        reward: 1.0 for an accepted proof, 0.0 for a rejected one; None for no decision.
        reason: ``accepted``, the reason of a rejection or of no decision (``timeout``), or
            ``cancelled``, ``one_kernel``, ``invalid_request``, ``prompt_changed`` where there is no
            verdict to go by.
        message: what the checker says, in one line or more; may be empty.
    """

    reward: float | None
    reason: str
    message: str = ""

    def score(self, undecided: float) -> float:
        """Return the reward, or ``undecided`` for a trainer that has no way to leave one out."""
        return undecided if self.reward is None else self.reward


PROMPT_CHANGED = Outcome(None, "prompt_changed", "the query does not begin with its prompt")


def asked(
    statement: str,
    answer: str,
    *,
    wall_s: float = WALL_S,
    project: str | None = None,
    forbidden: Sequence[str] = (),
) -> CheckRequest:
    """Return the request that judges a model's answer; nothing that a model writes is an error.

    Args:
        statement: what was to be proved; may end in ``:= by``.
        answer: the model's words (:func:`aludel.candidates.extract` finds the proof in them).
        wall_s: seconds that the check may take.
        project: name of the service's project in which it is judged.
        forbidden: what the proof may not use, as in a policy.
    """
    return CheckRequest(
        context=LeanContext(project=project),
        statement=bare_statement(statement),
        code=extract(answer, statement),
        budget=Budget(wall_s=wall_s),
        policy=Policy(forbidden=tuple(forbidden)),
    )


def outcome_of(item: Item) -> Outcome:
    """Return what an item that has ended is worth.

    What Lean's kernel alone accepted is worth no reward, which requests of a reward do not ask for.

    Raises:
        BackendUnavailable: the machine failed.
        InvalidRequest: the statement is wrong. Neither is the model's doing.
    """
    if item.state is ItemState.CANCELLED:
        return Outcome(None, "cancelled")
    wrong = item.error
    if wrong is not None and (wrong.code, wrong.field) == (InvalidRequest.code, "code"):
        # The prover could not be given it: that is no refutation.
        return Outcome(None, InvalidRequest.code, wrong.message)
    verdict = verdict_of(item)
    if one_kernel_alone(verdict):
        _LOG.warning("no reward for %s: Lean's kernel alone accepted it", verdict.hash)
        return Outcome(None, "one_kernel")
    if isinstance(verdict, Accepted):
        return Outcome(1.0, verdict.kind)
    reward = 0.0 if isinstance(verdict, Rejected) else None
    return Outcome(reward, verdict.reason.value, verdict.message or "")


def rollout_rewards(outcomes: Sequence[Outcome], undecided: float) -> RolloutRewards:
    """Return outcomes as OpenRLHF takes them, ``undecided`` for those without a decision."""
    return RolloutRewards(
        rewards=tuple(outcome.score(undecided) for outcome in outcomes),
        scores=tuple(outcome.score(0.0) for outcome in outcomes),
        extra_logs={"undecided": tuple(float(one.reward is None) for one in outcomes)},
    )
