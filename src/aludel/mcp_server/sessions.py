"""Sessions of tactics for agents, who open many and close none."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

from aludel.goals import GoalRequest, Goals, GoalState, Step
from aludel.models import CheckRequest

MOST_SESSIONS = 16
"""Sessions open at once; one more closes the one that was used the longest time ago."""
SILENCE_S = 600.0
"""Seconds of silence after which a session is closed."""


class Sessions:
    """At most so many sessions of ``goals``. Thread-safe.

    Args:
        goals: of this process, or of a service.
        most: how many are open at once.
    """

    def __init__(self, goals: Goals, most: int = MOST_SESSIONS) -> None:
        self._goals = goals
        self._most = most
        self._lock = threading.Lock()
        self._open: OrderedDict[str, None] = OrderedDict()

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`."""
        with self._lock:
            over = [self._open.popitem(last=False)[0] for _ in range(self._surplus())]
        for session in over:
            self._goals.close(session)
        state = self._goals.open(request)
        self._used(state.session)
        return state

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        steps = self._goals.step(session, state, tactics)
        self._used(session)
        return steps

    def get(self, session: str, state: int) -> tuple[GoalState, CheckRequest]:
        """Return a state and the proof so far; raises as :meth:`aludel.goals.Goals.get`."""
        found = self._goals.get(session, state), self._goals.script(session, state)
        self._used(session)
        return found

    def _surplus(self) -> int:
        return max(0, len(self._open) + 1 - self._most)

    def _used(self, session: str) -> None:
        with self._lock:
            self._open[session] = None
            self._open.move_to_end(session)
