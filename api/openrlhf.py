"""``POST /compat/openrlhf``: rewards as OpenRLHF asks a remote reward model for them.

Source: what its own program sends and its own server answers (OpenRLHF 0.11.2,
``utils/agent.py`` and ``cli/serve_rm.py``).
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import Field, model_validator

from aludel.api.auth import Submitter
from aludel.api.examples import OPENRLHF_EXAMPLES
from aludel.api.rewarding import WallSeconds, outcomes_of
from aludel.api.service import ProjectQuery, ServiceDep
from aludel.api.strays import Foreign
from aludel.api.text import StrictRoute
from aludel.http_models import MAX_BATCH, RolloutRewards
from aludel.models import CandidateText
from aludel.rewards import PROMPT_CHANGED, WALL_S, rollout_rewards
from aludel.rollouts import answer_of

_UNDECIDED = "the reward of an answer without a decision"


class _QueryRoute(StrictRoute):
    judged = frozenset({"query"})


router = APIRouter(route_class=_QueryRoute, prefix="/compat", tags=["trainers"])


class Rollouts(Foreign):
    """Prompts with the answers behind them, the prompts, and the statements to be proved."""

    query: tuple[CandidateText, ...] = Field(min_length=1, max_length=MAX_BATCH)
    prompts: tuple[str, ...] = Field(max_length=MAX_BATCH)
    labels: tuple[str, ...] = Field(max_length=MAX_BATCH)

    @model_validator(mode="after")
    def _have_one_length(self) -> Rollouts:
        if not len(self.query) == len(self.prompts) == len(self.labels):
            raise ValueError("query, prompts and labels have one entry for each sample")
        return self


@router.post("/openrlhf")
async def openrlhf(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[Rollouts, Body(openapi_examples=OPENRLHF_EXAMPLES)],
    wall_s: WallSeconds = WALL_S,
    undecided: Annotated[float, Query(allow_inf_nan=False, description=_UNDECIDED)] = 0.0,
    project: ProjectQuery = None,
) -> RolloutRewards:
    """Reward answers as OpenRLHF asks for it (`--reward.remote_url`); the labels are statements.

    Answers when all are judged.
    """
    answers = await run_in_threadpool(_answers, body)
    known = [
        (label, answer)
        for label, answer in zip(body.labels, answers, strict=True)
        if answer is not None
    ]
    found = iter(await outcomes_of(service, caller, request, known, wall_s, project))
    outcomes = [PROMPT_CHANGED if answer is None else next(found) for answer in answers]
    return rollout_rewards(outcomes, undecided)


def _answers(body: Rollouts) -> list[str | None]:
    return [answer_of(*pair) for pair in zip(body.query, body.prompts, strict=True)]
