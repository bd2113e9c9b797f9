"""Stepwise proofs over HTTP: ``Client.goals`` and ``AsyncClient.goals``."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.client.base import AsyncResource, Resource
from aludel.client.transport import Call, Flow, answer_to, fetch
from aludel.goals import GoalRequest, GoalState, Step
from aludel.http_models import StepRequest, Steps
from aludel.models import MAX_WALL_S, CheckRequest

_PATH = "/v1/goals"
_SLACK_S = 120.0  # a session waits for its process
_STEP_S = MAX_WALL_S + _SLACK_S


def open_session(request: GoalRequest) -> Flow[GoalState]:
    """Start a session. A lost answer leaves one behind that expires."""
    body = request.model_dump(mode="json")
    read_s = request.wall_s * (1 + len(request.tactics)) + _SLACK_S
    return fetch(GoalState, Call("POST", _PATH, json=body, read_s=read_s))


def step(session: str, state: int, tactics: Sequence[str]) -> Flow[list[Step]]:
    """Try each tactic on a state. A lost answer leaves states behind that nobody asks for."""
    body = StepRequest(state=state, tactics=tuple(tactics)).model_dump(mode="json")
    call = Call("POST", f"{_PATH}/{session}/steps", json=body, read_s=_STEP_S)
    return list((yield from fetch(Steps, call)).steps)


def get(session: str, state: int) -> Flow[GoalState]:
    """Return a state again."""
    return fetch(GoalState, Call("GET", f"{_PATH}/{session}/states/{state}"))


def script(session: str, state: int) -> Flow[CheckRequest]:
    """Return the proof so far as a candidate."""
    return fetch(CheckRequest, Call("GET", f"{_PATH}/{session}/states/{state}/script"))


def close(session: str) -> Flow[None]:
    """End a session."""
    yield from answer_to(Call("DELETE", f"{_PATH}/{session}", read_s=_SLACK_S))


class RemoteGoals(Resource):
    """:class:`aludel.goals.Goals` of a service; made by ``Client.goals``."""

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`."""
        return self._run(open_session(request))

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        return self._run(step(session, state, tactics))

    def get(self, session: str, state: int) -> GoalState:
        """Return a state; see :meth:`aludel.goals.Goals.get`."""
        return self._run(get(session, state))

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; see :meth:`aludel.goals.Goals.script`."""
        return self._run(script(session, state))

    def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        self._run(close(session))


class AsyncGoals(AsyncResource):
    """The asynchronous :class:`RemoteGoals`; made by ``AsyncClient.goals``."""

    async def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`."""
        return await self._run(open_session(request))

    async def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        return await self._run(step(session, state, tactics))

    async def get(self, session: str, state: int) -> GoalState:
        """Return a state; see :meth:`aludel.goals.Goals.get`."""
        return await self._run(get(session, state))

    async def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; see :meth:`aludel.goals.Goals.script`."""
        return await self._run(script(session, state))

    async def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        await self._run(close(session))
