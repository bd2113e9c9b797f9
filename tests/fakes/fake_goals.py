"""Proof states without a prover: a statement is a number to be brought to 0 by tactics.

``dec`` subtracts 1, ``half`` halves an even number, ``split`` makes two goals of it, ``zap``
closes it, ``kill`` ends the session, ``rw?`` changes nothing and offers ``rw [half]``; everything
else fails. The statement is ``theorem t : N``.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from aludel.errors import InvalidRequest, NotFound, SessionEnded
from aludel.goals import Goal, GoalRequest, GoalState, Step, StepError, assemble, tactic_fault
from aludel.models import CheckRequest

_OFFERS = (
    "Try this:\n  [apply] rw [half]\n  -- n / 2",
    "Try this:\n  [apply] rw [nothing]\n  -- lines\n    that go on",
    "found an applicable rewrite lemma, but the corresponding tactic failed:\n  rw [other]",
)


class FakeGoals:
    """Keeps the promises of :class:`aludel.goals.Goals`."""

    def __init__(self) -> None:
        self.stepped: list[tuple[str, ...]] = []
        self._sessions: dict[str, tuple[GoalRequest, list[tuple[GoalState, list[int]]]]] = {}
        self._ids = (f"s{number}" for number in itertools.count())

    def open(self, request: GoalRequest) -> GoalState:
        session = next(self._ids)
        numbers = [int(request.statement.split()[-1])]
        first = GoalState(session=session, state=0, goals=_goals(numbers))
        self._sessions[session] = (request, [(first, numbers)])
        at = first
        for tactic in request.tactics:
            [step] = self.step(session, at.state, [tactic])
            if step.state is None:
                raise InvalidRequest(f"{tactic} fails", field="tactics")
            at = step.state
        return at

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        self.stepped.append(tuple(tactics))
        _, states = self._find(session, state)
        if "kill" in tactics:
            del self._sessions[session]
            raise SessionEnded("the session is over: 'kill'", field="session")
        steps = []
        for tactic in tactics:
            if (fault := tactic_fault(tactic)) is not None:
                steps.append(Step(tactic=tactic, error=fault))
                continue
            numbers = _apply(tactic, states[state][1])
            if numbers is None:
                error = StepError(code="tactic", message="it fails")
                steps.append(Step(tactic=tactic, error=error))
                continue
            made = GoalState(
                session=session,
                state=len(states),
                parent=state,
                tactic=tactic,
                goals=_goals(numbers),
                messages=_OFFERS if tactic == "rw?" else (),
            )
            states.append((made, numbers))
            steps.append(Step(tactic=tactic, state=made))
        return steps

    def get(self, session: str, state: int) -> GoalState:
        return self._find(session, state)[1][state][0]

    def script(self, session: str, state: int) -> CheckRequest:
        request, states = self._find(session, state)
        path: list[str] = []
        at = states[state][0]
        while at.parent is not None:
            path.append(at.tactic or "")
            at = states[at.parent][0]
        return assemble(request, path[::-1])

    def close(self, session: str) -> None:
        self._sessions.pop(session, None)

    @property
    def open_sessions(self) -> int:
        return len(self._sessions)

    def _find(
        self, session: str, state: int
    ) -> tuple[GoalRequest, list[tuple[GoalState, list[int]]]]:
        if session not in self._sessions:
            raise NotFound("there is no such session", field="session")
        if state >= len(self._sessions[session][1]):
            raise NotFound(f"the session has no state {state}", field="state")
        return self._sessions[session]


def _goals(numbers: list[int]) -> tuple[Goal, ...]:
    return tuple(Goal(case="", hypotheses=(), target=str(n), pretty=f"⊢ {n}") for n in numbers if n)


def _apply(tactic: str, numbers: list[int]) -> list[int] | None:
    if not any(numbers):
        return None
    first, *rest = [n for n in numbers if n]
    match tactic:
        case "dec":
            return [first - 1, *rest]
        case "zap":
            return rest
        case "half" | "rw [half]" if first % 2 == 0:
            return [first // 2, *rest]
        case "rw?":
            return [first, *rest]
        case "split" if first > 1:
            return [first // 2, first - first // 2, *rest]
    return None
