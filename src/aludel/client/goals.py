"""Stepwise proofs over HTTP: ``Client.goals`` and ``AsyncClient.goals``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from aludel.client.transport import Call, Flow, ask, parsed
from aludel.goals import GoalRequest, GoalState, Step
from aludel.http_models import StepRequest, Steps
from aludel.models import MAX_WALL_S, CheckRequest

T = TypeVar("T")

_PATH = "/v1/goals"
_SLACK_S = 120.0  # a session waits for its process
_STEP_S = MAX_WALL_S + _SLACK_S


def open_session(request: GoalRequest, retries: int) -> Flow[GoalState]:
    """Start a session. A lost answer leaves one behind that expires."""
    body = request.model_dump(mode="json")
    read_s = request.wall_s * (1 + len(request.tactics)) + _SLACK_S
    call = Call("POST", _PATH, json=body, read_s=read_s)
    return parsed(GoalState, (yield from ask(call, retries)))


def step(session: str, state: int, tactics: Sequence[str], retries: int) -> Flow[list[Step]]:
    """Try each tactic on a state. A lost answer leaves states behind that nobody asks for."""
    body = StepRequest(state=state, tactics=tuple(tactics)).model_dump(mode="json")
    call = Call("POST", f"{_PATH}/{session}/steps", json=body, read_s=_STEP_S)
    return list(parsed(Steps, (yield from ask(call, retries))).steps)


def get(session: str, state: int, retries: int) -> Flow[GoalState]:
    """Return a state again."""
    call = Call("GET", f"{_PATH}/{session}/states/{state}")
    return parsed(GoalState, (yield from ask(call, retries)))


def script(session: str, state: int, retries: int) -> Flow[CheckRequest]:
    """Return the proof so far as a candidate."""
    call = Call("GET", f"{_PATH}/{session}/states/{state}/script")
    return parsed(CheckRequest, (yield from ask(call, retries)))


def close(session: str, retries: int) -> Flow[None]:
    """End a session."""
    yield from ask(Call("DELETE", f"{_PATH}/{session}", read_s=_SLACK_S), retries)


class Runner(Protocol):
    """Carries out flows, blocking."""

    def __call__(self, flow: Flow[T]) -> T:
        """Return what the flow ends with."""
        ...


class AsyncRunner(Protocol):
    """Carries out flows, awaiting."""

    async def __call__(self, flow: Flow[T]) -> T:
        """Return what the flow ends with."""
        ...


class RemoteGoals:
    """:class:`aludel.goals.Goals` of a service; made by ``Client.goals``."""

    def __init__(self, run: Runner, retries: int) -> None:
        self._run = run
        self._retries = retries

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`."""
        return self._run(open_session(request, self._retries))

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        return self._run(step(session, state, tactics, self._retries))

    def get(self, session: str, state: int) -> GoalState:
        """Return a state; see :meth:`aludel.goals.Goals.get`."""
        return self._run(get(session, state, self._retries))

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; see :meth:`aludel.goals.Goals.script`."""
        return self._run(script(session, state, self._retries))

    def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        self._run(close(session, self._retries))


class AsyncGoals:
    """What :class:`RemoteGoals` does, awaiting; made by ``AsyncClient.goals``."""

    def __init__(self, run: AsyncRunner, retries: int) -> None:
        self._run = run
        self._retries = retries

    async def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`."""
        return await self._run(open_session(request, self._retries))

    async def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        return await self._run(step(session, state, tactics, self._retries))

    async def get(self, session: str, state: int) -> GoalState:
        """Return a state; see :meth:`aludel.goals.Goals.get`."""
        return await self._run(get(session, state, self._retries))

    async def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; see :meth:`aludel.goals.Goals.script`."""
        return await self._run(script(session, state, self._retries))

    async def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        await self._run(close(session, self._retries))
