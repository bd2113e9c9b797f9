"""Answers of models judged for the routes of trainers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated

from fastapi import Query, Request
from fastapi.concurrency import run_in_threadpool

from aludel.api.auth import Caller
from aludel.api.service import Service
from aludel.models import MAX_WALL_S, CheckRequest
from aludel.rewards import Outcome, asked, outcome_of

_LONG = 100_000

WallSeconds = Annotated[float, Query(gt=0, le=MAX_WALL_S, description="seconds of each check")]


async def outcomes_of(
    service: Service,
    caller: Caller,
    request: Request,
    answers: Sequence[tuple[str, str]],
    wall_s: float,
    project: str | None,
) -> list[Outcome]:
    """Have the answers to statements judged as one job, and return what they are worth.

    Args:
        service: the application's state.
        caller: who asks.
        request: to see whether the caller is still there.
        answers: pairs of a statement and what a model wrote.
        wall_s: seconds of each check.
        project: name of the project in which all are judged.

    Raises:
        InvalidRequest: a statement is wrong, or there is no such project.
        BackendUnavailable: the machine failed.
        QueueFull: there is too much to do.
    """
    if not answers:
        return []
    length = sum(len(answer) for _, answer in answers)
    async with service.reading if length > _LONG else nullcontext():
        requests = await run_in_threadpool(_requests, answers, wall_s, project)
    _, items = await service.judged(requests, caller, request, together=True)
    return [outcome_of(item) for item in items]


def _requests(
    answers: Sequence[tuple[str, str]], wall_s: float, project: str | None
) -> list[CheckRequest]:
    return [
        asked(statement, answer, wall_s=wall_s, project=project) for statement, answer in answers
    ]
