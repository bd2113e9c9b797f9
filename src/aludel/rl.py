"""Reward functions for trainers: 1 for a proof that the service accepts, 0 for one it rejects.

:func:`make_reward` has the signature of TRL's ``reward_funcs``; :func:`make_async_reward` awaits.
:func:`length_shaped` lets the length of a completion count too.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aludel.client import AsyncClient, Client
from aludel.columns import FORBIDDEN, forbidden_in
from aludel.errors import InvalidRequest
from aludel.jobs import Item
from aludel.models import CheckRequest
from aludel.rewards import WALL_S, asked, outcome_of
from aludel.statements import UnusableText

Completion = str | Sequence[Mapping[str, Any]]
"""An answer of a model: its text, or the messages of a conversation, of which the last counts."""

Rewards = list[float | None]


def make_reward(
    client: Client | str,
    statement: str = "statement",
    *,
    key: str | None = None,
    wall_s: float = WALL_S,
    deadline: float | None = None,
    project: str | None = None,
) -> Callable[..., Rewards]:
    """Return a reward function for TRL's ``GRPOTrainer(reward_funcs=...)``.

    Called with ``completions`` and the data set's columns (of these ``statement``, and
    ``forbidden`` where there is one: what each proof may not use) it returns 1.0 for an accepted
    proof, 0.0 for a rejected one, and None, which TRL leaves out, for one that was not decided, or
    that Lean's kernel alone accepted (a warning of the logger says so). Where the trainer passes
    ``log_metric``, the shares of the three are logged as ``proof/accepted``, ``proof/rejected`` and
    ``proof/undecided``.

    Args:
        client: a client, or the address of a service.
        statement: name of the column that holds what each completion is to prove, which
            may end in ``:= by``.
        key: the API key for an address; a client has its own.
        wall_s: seconds that each check may take.
        deadline: seconds that a call may take; what is not judged by then is None.
        project: name of the service's project in which all is judged.

    The function raises ``BackendUnavailable`` where the machine failed and ``InvalidRequest`` where
    a statement is wrong: neither is the model's doing.
    """

    def proved(*, completions: Sequence[Completion], **passed: Any) -> Rewards:  # noqa: ANN401
        forbidden = passed.get(FORBIDDEN)
        requests = _requests(passed[statement], completions, wall_s, project, forbidden)
        if isinstance(client, str):
            with Client(client, key=key) as opened:
                items = list(opened.verify_many(requests, deadline=deadline))
        else:
            items = list(client.verify_many(requests, deadline=deadline))
        return _rewards(items, passed.get("log_metric"))

    return proved


def make_async_reward(
    client: AsyncClient | str,
    statement: str = "statement",
    *,
    key: str | None = None,
    wall_s: float = WALL_S,
    deadline: float | None = None,
    project: str | None = None,
) -> Callable[..., Awaitable[Rewards]]:
    """Return the awaiting twin of :func:`make_reward`, with the same arguments."""

    async def proved(*, completions: Sequence[Completion], **passed: Any) -> Rewards:  # noqa: ANN401
        forbidden = passed.get(FORBIDDEN)
        requests = _requests(passed[statement], completions, wall_s, project, forbidden)
        if isinstance(client, str):
            async with AsyncClient(client, key=key) as opened:
                items = [item async for item in opened.verify_many(requests, deadline=deadline)]
        else:
            items = [item async for item in client.verify_many(requests, deadline=deadline)]
        return _rewards(items, passed.get("log_metric"))

    return proved


def length_shaped(
    reward: Callable[..., Any], budget: float | Callable[[int], float], *, weight: float = 0.5
) -> Callable[..., Any]:
    """Return a reward function in which the length of what earns something counts too.

    A reward is multiplied by ``1 - weight + weight * s``, where ``s`` rises from 0 to 1 at a length
    of ``budget`` and falls to 0 again at twice that. So a wrong proof earns nothing at any length,
    and None stays None.

    Args:
        reward: a reward function, awaited or not, as :func:`make_reward` returns; what is returned
            is of the same kind.
        budget: the best length in tokens; or a function of the trainer's step, for a budget that
            shrinks (``lambda step: max(64, 256 * 0.7 ** (step // 150))``).
        weight: the share of a reward that depends on the length, from 0 to 1.

    Raises:
        InvalidRequest: ``weight`` or ``budget`` does not fit. The function raises it where the
            trainer passes no ``completion_ids``, which TRL does.
    """
    if not 0 <= weight <= 1 or (not callable(budget) and budget <= 0):
        raise InvalidRequest("weight is from 0 to 1, and budget above 0", field="weight, budget")

    def shaped(rewards: Rewards, passed: Mapping[str, Any]) -> Rewards:
        if passed.get("completion_ids") is None:
            fix = "pass the tokens of each completion"
            raise InvalidRequest("there are none", field="completion_ids", fix=fix)
        step = getattr(passed.get("trainer_state"), "global_step", 0)
        best = budget(step) if callable(budget) else budget
        factors = (
            1 - weight + weight * max(0.0, 1 - abs(len(ids) / best - 1))
            for ids in passed["completion_ids"]
        )
        pairs = zip(rewards, factors, strict=True)
        return [None if one is None else one * factor for one, factor in pairs]

    if inspect.iscoroutinefunction(reward):

        async def proved_later(**passed: Any) -> Rewards:  # noqa: ANN401
            return shaped(await reward(**passed), passed)

        return proved_later

    def proved(**passed: Any) -> Rewards:  # noqa: ANN401
        return shaped(reward(**passed), passed)

    return proved


def _requests(
    statements: Sequence[str],
    completions: Sequence[Completion],
    wall_s: float,
    project: str | None,
    forbidden: Sequence[Sequence[str] | str | None] | None,
) -> list[CheckRequest]:
    without = [_patterns(one) for one in forbidden or [None] * len(statements)]
    return [
        asked(statement, text_of(completion), wall_s=wall_s, project=project, forbidden=patterns)
        for statement, completion, patterns in zip(statements, completions, without, strict=True)
    ]


def _patterns(value: object) -> tuple[str, ...]:
    try:
        return forbidden_in({FORBIDDEN: value})
    except UnusableText as error:
        fix = "give each row a list of names"
        raise InvalidRequest(error.message, field=FORBIDDEN, fix=fix) from error


def text_of(completion: Completion) -> str:
    """Return the text of a completion; of messages, that of the last, which may have none."""
    if isinstance(completion, str):
        return completion
    content = completion[-1].get("content") if completion else None
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, Sequence) else ()
    texts = (part.get("text") for part in parts if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def _rewards(items: Sequence[Item], log_metric: Callable[[str, float], None] | None) -> Rewards:
    rewards = [outcome_of(item).reward for item in items]
    if log_metric is not None and rewards:
        for name, reward in (("accepted", 1.0), ("rejected", 0.0), ("undecided", None)):
            log_metric(f"proof/{name}", rewards.count(reward) / len(rewards))
    return rewards
