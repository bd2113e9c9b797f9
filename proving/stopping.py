"""Ending a long attempt between two steps: when its run was stopped, or its time is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aludel.deadline import Deadline
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.goals import GoalRequest, Goals, GoalState, Step
from aludel.models import CheckRequest, Toolchain, Verdict
from aludel.protocols import Checker

Guard = Callable[[], None]
"""Raises when the attempt shall end."""


def unguarded() -> None:
    """Let every attempt go on; a :data:`Guard`."""


def guard_of(stopping: Callable[[], bool], seconds: float) -> Guard:
    """Return a guard for one problem, which ends it when told or after ``seconds``."""
    deadline = Deadline.after(seconds)

    def guard() -> None:
        if stopping():
            raise BackendUnavailable("the worker was told to stop", fix="another one goes on")
        if deadline.passed:
            raise InvalidRequest(
                f"one problem took longer than {seconds:g} s",
                field="options",
                fix="ask for fewer samples or a smaller budget",
            )

    return guard


class GuardedChecker:
    """A checker that asks a guard before each check."""

    def __init__(self, checker: Checker, guard: Guard) -> None:
        self._checker = checker
        self._guard = guard

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._checker.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        """Judge a candidate; raises also as the guard does."""
        self._guard()
        return self._checker.check(request)

    def close(self) -> None:
        """Do nothing: whoever opened the prover closes it."""


class GuardedGoals:
    """Sessions of tactics that ask a guard before each step."""

    def __init__(self, goals: Goals, guard: Guard) -> None:
        self._goals = goals
        self._guard = guard

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; raises also as the guard does."""
        self._guard()
        return self._goals.open(request)

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics; raises also as the guard does."""
        self._guard()
        return self._goals.step(session, state, tactics)

    def get(self, session: str, state: int) -> GoalState:
        """Return a state again."""
        return self._goals.get(session, state)

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far."""
        return self._goals.script(session, state)

    def close(self, session: str) -> None:
        """End a session."""
        self._goals.close(session)
