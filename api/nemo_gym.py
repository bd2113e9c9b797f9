"""``POST /compat/nemo-gym/verify``: the ``/verify`` of a NeMo Gym resources server.

Source: the bodies of NeMo Gym 0.5.1 (``nemo_gym/base_resources_server.py``, ``nemo_gym/judge.py``,
and the columns of its ``resources_servers/math_formal_lean``).
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, model_validator

from aludel.api.auth import Submitter
from aludel.api.examples import NEMO_GYM_EXAMPLES
from aludel.api.rewarding import WallSeconds, outcomes_of
from aludel.api.service import ProjectQuery, ServiceDep
from aludel.api.text import storable
from aludel.errors import InvalidRequest
from aludel.rewards import WALL_S, Outcome

router = APIRouter(prefix="/compat", tags=["trainers"])


class GymResponse(BaseModel):
    """A response of a model: an object of OpenAI's Responses API."""

    model_config = ConfigDict(extra="allow")

    output: tuple[dict[str, Any], ...]

    @property
    def text(self) -> str:
        """The texts of its messages, joined."""
        messages = (item.get("content") for item in self.output if item.get("type") == "message")
        parts = [part for content in messages if isinstance(content, list) for part in content]
        texts = (
            part.get("text")
            for part in parts
            if isinstance(part, dict) and part.get("type") == "output_text"
        )
        return "".join(text for text in texts if isinstance(text, str))


class GymRollout(BaseModel):
    """A row of a data set, and the response to it.

    Attributes:
        statement: column with what was to be proved; or ``formal_statement``, behind ``header``.
    """

    model_config = ConfigDict(extra="allow")

    responses_create_params: dict[str, Any]
    response: GymResponse
    statement: str | None = None
    header: str = ""
    formal_statement: str | None = None

    @model_validator(mode="after")
    def _has_a_statement(self) -> GymRollout:
        if self.statement is None and self.formal_statement is None:
            raise ValueError("statement or formal_statement must be given")
        if not storable(self.asked):
            raise ValueError("the statement holds a NUL character or half of a surrogate pair")
        return self

    @property
    def asked(self) -> str:
        """The statement, with what stands before it."""
        if self.statement is not None:
            return self.statement
        return "\n".join(part for part in (self.header, self.formal_statement) if part)


class GymReward(BaseModel):
    """What was sent, with a reward.

    Attributes:
        reward: 1.0 for an accepted proof, else 0.0.
        reward_components: ``proved``, which is the reward.
        undecided: 1.0 where neither an acceptance nor a rejection was reached; the key
            ``_ng_failure_class`` is ``judge_failed`` then, and NeMo Gym leaves the row out.
        reason: ``accepted``, or why not.
        message: what the checker says, for another try; empty for an accepted proof.
    """

    model_config = ConfigDict(extra="allow")

    reward: float
    reward_components: dict[str, float]
    proved: float
    undecided: float
    reason: str
    message: str


@router.post("/nemo-gym/verify", response_model=GymReward)
async def nemo_gym(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[GymRollout, Body(openapi_examples=NEMO_GYM_EXAMPLES)],
    wall_s: WallSeconds = WALL_S,
    project: ProjectQuery = None,
) -> Response:
    """Reward a response as the `/verify` of a NeMo Gym resources server does."""
    answers = [(body.asked, body.response.text)]
    [outcome] = await outcomes_of(service, caller, request, answers, wall_s, project)
    return _with(await request.json(), outcome)


def _with(sent: dict[str, Any], outcome: Outcome) -> Response:
    proved = outcome.score(0.0)
    found = GymReward(
        reward=proved,
        reward_components={"proved": proved},
        proved=proved,
        undecided=float(outcome.reward is None),
        reason=outcome.reason,
        message=outcome.message,
    ).model_dump()
    if outcome.reward is None:
        why = f"{outcome.reason}: {outcome.message}" if outcome.message else outcome.reason
        found |= {"_ng_failure_class": "judge_failed", "_ng_failure_judge_error": why}
    try:
        # In ASCII, for a response may hold half of a surrogate pair.
        text = json.dumps(sent | found, ensure_ascii=True)
    except RecursionError as error:
        raise InvalidRequest(
            "the body is nested too deeply", field="body", fix="send less of the response"
        ) from error
    return Response(text, media_type="application/json")
