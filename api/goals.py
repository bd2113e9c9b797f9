"""``/v1/goals``: sessions in which a proof is made tactic by tactic."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from aludel.api.auth import Submitter
from aludel.api.checks import submit_checks
from aludel.api.examples import GOAL_EXAMPLES, STEP_EXAMPLES
from aludel.api.service import Service, ServiceDep, ensure_unicode, of_this_process
from aludel.api.sessions import KeyedGoals
from aludel.api.submission import How
from aludel.api.text import StrictRoute, TacticsRoute
from aludel.goals import GoalRequest, GoalState
from aludel.http_models import MAX_WAIT_S, StepRequest, Steps, Submitted
from aludel.models import CheckRequest

router = APIRouter(route_class=StrictRoute, prefix="/v1/goals", tags=["goals"])
_steps = APIRouter(route_class=TacticsRoute)

SessionId = Annotated[str, Path(max_length=64, description="`session` of a state")]
StateNumber = Annotated[int, Path(ge=0, le=2**31 - 1)]


def _goals(service: Service) -> KeyedGoals:
    return of_this_process(service.goals, "sessions of tactics live in")


@router.post("", status_code=201)
def open_session(
    service: ServiceDep,
    caller: Submitter,
    response: Response,
    body: Annotated[GoalRequest, Body(openapi_examples=GOAL_EXAMPLES)],
) -> GoalState:
    """Start a session and return its state; `tactics` replays an earlier one."""
    ensure_unicode(body)
    state = _goals(service).open(caller.key, body)
    response.headers["Location"] = f"/v1/goals/{state.session}/states/{state.state}"
    return state


@_steps.post("/{session}/steps")
def step(
    service: ServiceDep,
    caller: Submitter,
    session: SessionId,
    body: Annotated[StepRequest, Body(openapi_examples=STEP_EXAMPLES)],
) -> Steps:
    """Try each tactic on the same state; each that works makes a new one."""
    return Steps(steps=tuple(_goals(service).step(caller.key, session, body.state, body.tactics)))


@router.get("/{session}/states/{state}")
def get_state(
    service: ServiceDep, caller: Submitter, session: SessionId, state: StateNumber
) -> GoalState:
    """Return a state again; its `parent` is the state before its tactic."""
    return _goals(service).get(caller.key, session, state)


@router.get("/{session}/states/{state}/script")
def get_script(
    service: ServiceDep, caller: Submitter, session: SessionId, state: StateNumber
) -> CheckRequest:
    """Return the proof so far as a candidate to be checked."""
    return _goals(service).script(caller.key, session, state)


@router.post(
    "/{session}/states/{state}/check",
    status_code=202,
    responses={200: {"model": Submitted, "description": "Finished within the wait"}},
)
async def check_state(
    service: ServiceDep,
    caller: Submitter,
    how: How,
    request: Request,
    response: Response,
    session: SessionId,
    state: StateNumber,
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds")] = 0.0,
) -> Submitted:
    """Have the proof judged as `POST /v1/checks` does; only this accepts anything."""
    candidate = await run_in_threadpool(_goals(service).script, caller.key, session, state)
    return await submit_checks(service, caller, how, request, response, candidate, wait)


@router.delete("/{session}", status_code=204)
def close_session(service: ServiceDep, caller: Submitter, session: SessionId) -> None:
    """End a session; safe to call twice."""
    _goals(service).close(caller.key, session)


router.include_router(_steps)
