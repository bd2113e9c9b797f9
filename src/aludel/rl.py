"""Reward functions for trainers: 1 for a proof that the service accepts, 0 for one it rejects.

:func:`make_reward` has the signature of TRL's ``reward_funcs``; :func:`make_async_reward` awaits.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aludel.candidates import bare_statement, extract
from aludel.client import AsyncClient, Client
from aludel.client.flows import verdict_of
from aludel.errors import InvalidRequest
from aludel.jobs import Item, ItemState
from aludel.models import Budget, CheckRequest
from aludel.vouching import one_kernel_alone

_LOG = logging.getLogger(__name__)
Completion = str | Sequence[Mapping[str, Any]]
"""An answer of a model: its text, or the messages of a conversation, of which the last counts."""

Rewards = list[float | None]


def make_reward(
    client: Client | str,
    statement: str = "statement",
    *,
    wall_s: float = 20.0,
    deadline: float | None = None,
) -> Callable[..., Rewards]:
    """Return a reward function for TRL's ``GRPOTrainer(reward_funcs=...)``.

    Called with ``completions`` and the data set's columns it returns 1.0 for an accepted proof, 0.0
    for a rejected one, and None, which TRL leaves out, for one that was not decided, or that Lean's
    kernel alone accepted (a warning of the logger says so). Where the
    trainer passes ``log_metric``, the shares of the three are logged as ``proof/accepted``,
    ``proof/rejected`` and ``proof/undecided``.

    Args:
        client: a client, or the address of a service.
        statement: name of the column that holds what each completion is to prove, which
            may end in ``:= by``.
        wall_s: seconds that each check may take.
        deadline: seconds that a call may take; what is not judged by then is None.

    The function raises ``BackendUnavailable`` where the machine failed and ``InvalidRequest`` where
    a statement is wrong: neither is the model's doing.
    """

    def proved(*, completions: Sequence[Completion], **passed: Any) -> Rewards:  # noqa: ANN401
        requests = _requests(passed[statement], completions, wall_s)
        if isinstance(client, str):
            with Client(client) as opened:
                items = list(opened.verify_many(requests, deadline=deadline))
        else:
            items = list(client.verify_many(requests, deadline=deadline))
        return _rewards(items, passed.get("log_metric"))

    return proved


def make_async_reward(
    client: AsyncClient | str,
    statement: str = "statement",
    *,
    wall_s: float = 20.0,
    deadline: float | None = None,
) -> Callable[..., Awaitable[Rewards]]:
    """Return the awaiting twin of :func:`make_reward`, with the same arguments."""

    async def proved(*, completions: Sequence[Completion], **passed: Any) -> Rewards:  # noqa: ANN401
        requests = _requests(passed[statement], completions, wall_s)
        if isinstance(client, str):
            async with AsyncClient(client) as opened:
                items = [item async for item in opened.verify_many(requests, deadline=deadline)]
        else:
            items = [item async for item in client.verify_many(requests, deadline=deadline)]
        return _rewards(items, passed.get("log_metric"))

    return proved


def _requests(
    statements: Sequence[str], completions: Sequence[Completion], wall_s: float
) -> list[CheckRequest]:
    budget = Budget(wall_s=wall_s)
    return [
        CheckRequest(
            statement=bare_statement(asked), code=extract(_text(answer), asked), budget=budget
        )
        for asked, answer in zip(statements, completions, strict=True)
    ]


def _text(completion: Completion) -> str:
    return completion if isinstance(completion, str) else str(completion[-1]["content"])


def _rewards(items: Sequence[Item], log_metric: Callable[[str, float], None] | None) -> Rewards:
    rewards = [_reward(item) for item in items]
    if log_metric is not None and rewards:
        for name, reward in (("accepted", 1.0), ("rejected", 0.0), ("undecided", None)):
            log_metric(f"proof/{name}", rewards.count(reward) / len(rewards))
    return rewards


def _reward(item: Item) -> float | None:
    if item.state is ItemState.CANCELLED:
        return None
    wrong = item.error
    if wrong is not None and (wrong.code, wrong.field) == (InvalidRequest.code, "code"):
        return None  # the prover could not be given it: that is no refutation
    verdict = verdict_of(item)
    if one_kernel_alone(verdict):
        _LOG.warning("no reward for %s: Lean's kernel alone accepted it", verdict.hash)
        return None
    return {"accepted": 1.0, "rejected": 0.0}.get(verdict.kind)
