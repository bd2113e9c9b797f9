"""Stepwise proofs on the processes of a pool: :class:`aludel.goals.Goals` with the real Lean.

A session lives in one process, which is lent for the length of a request: one of the pool's, shared
with all else that it does, or the one for the sessions of a key. When the process dies, or is ended
for a tactic that does not stop, the session is over, says so, and can be replayed
(docs/decisions/0085-sessions-of-tactics.md).
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from aludel.deadline import Deadline
from aludel.errors import (
    AludelError,
    BackendCrashed,
    BackendUnavailable,
    InvalidRequest,
    NotFound,
    QueueFull,
    SessionEnded,
)
from aludel.goals import (
    MAX_TACTICS,
    Goal,
    GoalRequest,
    GoalState,
    Step,
    StepError,
    assemble,
    tactic_fault,
)
from aludel.lean_checker.intake import validate_goals
from aludel.lean_checker.key_processes import KeyProcesses
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess, Reply
from aludel.models import CheckRequest
from aludel.projects import ensure_own
from aludel.settings import Settings
from aludel.tenants import current_tenant

_TURN_S = 60.0  # shorter than QUEUE_S: a person may be waiting for the step
_REMEMBERED = 256


@dataclass
class _Session:
    """A session as this side knows it; ``used_at`` is monotonic time in seconds."""

    id: str
    request: GoalRequest
    pool: LeanPool
    process: LeanProcess
    key: str
    used_at: float = field(default_factory=time.monotonic)
    states: dict[int, GoalState] = field(default_factory=dict)

    def path(self, state: int | None) -> list[str]:
        """Return the tactics from the statement to ``state``."""
        found: list[str] = []
        at = None if state is None else self.states.get(state)
        while at is not None and at.parent is not None:
            found.append(at.tactic or "")
            at = self.states.get(at.parent)
        return found[::-1]


class LeanGoals:
    """Sessions of tactics in Lean processes. Thread-safe.

    Args:
        pool: where processes come from; the caller closes it.
        settings: how many sessions, and states of each, there may be.
        processes: those of keys, which the caller closes; without, all sessions are the pool's.
    """

    def __init__(
        self, pool: LeanPool, settings: Settings, processes: KeyProcesses | None = None
    ) -> None:
        self._pool = pool
        self._processes = processes
        self._project = settings.project_name
        self._max_sessions = settings.goal_sessions
        self._max_states = settings.goal_states
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}
        self._opening = 0
        self._garbage: list[_Session] = []
        self._ended: OrderedDict[str, tuple[_Session, str]] = OrderedDict()

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; see :meth:`aludel.goals.Goals.open`.

        Raises:
            InvalidRequest: it names another project than this prover's, too.
        """
        ensure_own(request, self._project)
        validate_goals(request)
        self._expire()
        with self._lock:
            if len(self._sessions) + self._opening >= self._max_sessions:
                raise QueueFull(
                    f"there are {self._max_sessions} sessions already; close one, or wait until "
                    "one expires",
                    retry_after_s=10,
                )
            self._opening += 1
        try:
            session, state = self._start(request)
        finally:
            with self._lock:
                self._opening -= 1
        for index, tactic in enumerate(request.tactics):
            [step] = self.step(session.id, state.state, [tactic])
            if step.state is None:
                self.close(session.id)
                said = step.error.message if step.error else ""
                raise InvalidRequest(f"it fails: {said}", field=f"tactics.{index}")
            state = step.state
        return state

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics on a state; see :meth:`aludel.goals.Goals.step`."""
        if not 1 <= len(tactics) <= MAX_TACTICS:
            raise InvalidRequest(
                f"1 to {MAX_TACTICS} tactics at once, not {len(tactics)}", field="tactics"
            )
        faults = [tactic_fault(tactic) for tactic in tactics]
        asked = [text for text, fault in zip(tactics, faults, strict=True) if fault is None]
        found, _ = self._find(session, state)
        if len(found.states) + len(asked) > self._max_states:
            raise InvalidRequest(
                f"a session has at most {self._max_states} states",
                field="state",
                fix=f"open another one with tactics={json.dumps(found.path(state))}",
            )
        answers = iter(self._ask_steps(found, state, asked) if asked else ())
        with self._lock:
            return [
                self._step_of(found, state, tactic, next(answers))
                if fault is None
                else Step(tactic=tactic, error=fault)
                for tactic, fault in zip(tactics, faults, strict=True)
            ]

    def get(self, session: str, state: int) -> GoalState:
        """Return a state; see :meth:`aludel.goals.Goals.get`."""
        return self._find(session, state)[1]

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far; see :meth:`aludel.goals.Goals.script`."""
        found, _ = self._find(session, state)
        return assemble(found.request, found.path(state))

    def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        with self._lock:
            found = self._sessions.get(session)
        if found is not None:
            self._release(found, "it was closed")

    def _start(self, request: GoalRequest) -> tuple[_Session, GoalState]:
        imports = request.context.imports or ("Init",)
        session_id = secrets.token_hex(16)
        body = {
            "session": session_id,
            "imports": list(imports),
            "options": request.context.options,
            "statement": request.statement,
            "preamble": request.preamble,
            "heartbeats": request.heartbeats,
        }
        pool = self._place()
        with pool.lease(imports, Deadline.after(_TURN_S)) as process:
            reply = _opened(process, body, request.wall_s)
            session = _Session(session_id, request, pool, process, current_tenant())
            state = GoalState(session=session_id, state=0, goals=_goals(reply.result))
            session.states[0] = state
            process.pins += 1
        with self._lock:
            self._sessions[session_id] = session
        return session, state

    def _place(self) -> LeanPool:
        """Return where the key that this thread works for has its sessions."""
        if self._processes is None:
            return self._pool
        pool, gone = self._processes.open(current_tenant())
        with self._lock:
            over = [session for session in self._sessions.values() if session.pool is gone]
        for session in over:
            self._forget(session, "another key needed its process")
        return pool

    def _ask_steps(self, session: _Session, state: int, tactics: list[str]) -> list[dict[str, Any]]:
        body = {"session": session.id, "state": state, "tactics": tactics}
        answers: list[dict[str, Any]] = []
        if self._processes is not None:
            self._processes.used(session.key)
        try:
            with session.pool.lease_again(session.process, Deadline.after(_TURN_S)) as process:
                deadline = Deadline.after(session.request.wall_s)
                for part in process.ask_stream("session_step", body, deadline):
                    if not isinstance(part, Reply):
                        answers.append(part)
        except (LimitReached, BackendCrashed) as error:
            culprit = tactics[len(answers)] if len(answers) < len(tactics) else ""
            raise self._over(session, state, _why(error, culprit, session)) from error
        if len(answers) != len(tactics):
            raise BackendCrashed("the Lean server did not answer for every tactic")
        return answers

    def _step_of(self, session: _Session, parent: int, tactic: str, answer: dict[str, Any]) -> Step:
        try:
            if answer["error"] is not None:
                return Step(tactic=tactic, error=StepError.model_validate(answer["error"]))
            state = GoalState(
                session=session.id,
                state=answer["state"],
                parent=parent,
                tactic=tactic,
                goals=_goals(answer),
                messages=tuple(answer["messages"]),
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise BackendCrashed(f"the Lean server answered no step: {error}") from error
        session.states[state.state] = state
        return Step(tactic=tactic, state=state)

    def _find(self, session: str, state: int) -> tuple[_Session, GoalState]:
        self._expire()
        with self._lock:
            found = self._sessions.get(session)
            if found is None:
                raise self._gone(session, state)
            if state not in found.states:
                raise NotFound(f"the session has no state {state}", field="state")
            found.used_at = time.monotonic()
            return found, found.states[state]

    def _gone(self, session: str, state: int) -> AludelError:
        if session not in self._ended:
            return NotFound("there is no such session", field="session")
        ended, why = self._ended[session]
        return SessionEnded(
            f"the session is over: {why}", field="session", fix=_replay(ended, state)
        )

    def _over(self, session: _Session, state: int, why: str) -> SessionEnded:
        self._forget(session, why)
        return SessionEnded(
            f"the session is over: {why}", field="session", fix=_replay(session, state)
        )

    def _forget(self, session: _Session, why: str) -> bool:
        with self._lock:
            if self._sessions.pop(session.id, None) is None:
                return False
            session.process.pins -= 1
            self._ended[session.id] = (session, why)
            while len(self._ended) > _REMEMBERED:
                self._ended.popitem(last=False)
            return True

    def _release(self, session: _Session, why: str) -> None:
        """Forget a session; its memory in the prover is freed when that is not busy."""
        if self._forget(session, why):
            with self._lock:
                self._garbage.append(session)
            self._collect()

    def _collect(self) -> None:
        """Free the memory of sessions that are over, where that needs no waiting."""
        with self._lock:
            garbage, self._garbage = self._garbage, []
        for session in garbage:
            body = {"session": session.id}
            try:
                with session.pool.lease_again(session.process, Deadline.after(0)) as process:
                    process.ask("session_close", body, Deadline.after(_TURN_S))
            except QueueFull:
                with self._lock:
                    self._garbage.append(session)
            except (BackendUnavailable, LimitReached):
                continue  # a dead prover holds no memory

    def _expire(self) -> None:
        now = time.monotonic()
        with self._lock:
            silent = [s for s in self._sessions.values() if now - s.used_at > s.request.ttl_s]
        for session in silent:
            self._release(session, f"nothing was asked for {session.request.ttl_s:g} s")
        self._collect()


def _opened(process: LeanProcess, body: dict[str, Any], wall_s: float) -> Reply:
    """Ask for a session; one that takes too much never was, so there is none to end."""
    try:
        return process.ask("session_open", body, Deadline.after(wall_s))
    except LimitReached as reached:
        raise BackendUnavailable(
            f"the session was not opened: {reached.message}", fix="give it more time with wall_s"
        ) from reached


def _goals(answer: dict[str, Any]) -> tuple[Goal, ...]:
    try:
        return tuple(Goal.model_validate(goal) for goal in answer["goals"])
    except (KeyError, TypeError, ValidationError) as error:
        raise BackendCrashed(f"the Lean server answered no goals: {error}") from error


def _why(error: LimitReached | BackendCrashed, culprit: str, session: _Session) -> str:
    if not isinstance(error, LimitReached):
        return f"its prover crashed ({error.message})"
    if error.limit == "timeout":
        return f"{culprit!r} did not end within {session.request.wall_s:g} s"
    return f"{culprit!r} took too much memory"


def _replay(session: _Session, state: int) -> str:
    tactics = json.dumps(session.path(state), ensure_ascii=False)
    return f"open it again with tactics={tactics}"
