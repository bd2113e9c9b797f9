"""Stepwise proofs: goals as data, branches, and the resulting script.

A session starts from a statement. Its states are never changed: a tactic makes a new state from any
earlier one, so undoing is going on from the parent, and branching is using a state twice. A state
without goals is no verdict: its script is checked like any candidate (:meth:`Goals.script`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Literal, Protocol

from pydantic import Field

from aludel import html
from aludel.candidates import MAX_LINES, MAX_NESTING, nesting
from aludel.lean_text import UnreadableText, indented
from aludel.models import (
    MAX_CODE_BYTES,
    MAX_STATEMENT_BYTES,
    MAX_WALL_S,
    UNREADABLE,
    CandidateText,
    CheckRequest,
    LeanContext,
    Model,
    canonical_json,
)
from aludel.statements import with_proof

MAX_TACTICS = 64
MAX_TACTIC_CHARS = 20_000
MAX_TTL_S = 86_400.0
_ELIDED = "⋯"
_NO_TEXT = re.compile(f"[\0\ud800-\udfff{UNREADABLE}]")


class Hypothesis(Model):
    """One hypothesis of a goal; ``value`` is there for a ``let``, not for a ``have``."""

    names: tuple[str, ...]
    type: str
    value: str | None = None


class Goal(Model):
    """A goal as data; ``case`` is its name, empty if it has none, ``pretty`` Lean's own print."""

    case: str
    hypotheses: tuple[Hypothesis, ...]
    target: str
    pretty: str

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return html.pre(self.pretty)


class GoalRequest(Model):
    """A proof to be made step by step.

    Attributes:
        context: import set and options; ``imports: null`` means ``Init`` alone.
        statement: header of the declaration without its proof, meaningful by itself.
        preamble: declarations and ``open`` commands before the statement, for the tactics' use.
        tactics: run one after the other at once; this is how an ended session is replayed.
        heartbeats: limit of each tactic, in thousands.
        wall_s: seconds that opening, and later each request, may take.
        ttl_s: seconds of silence after which the session is closed.
    """

    context: LeanContext = Field(default_factory=LeanContext)
    statement: str = Field(min_length=1, max_length=MAX_STATEMENT_BYTES)
    preamble: str = Field(default="", max_length=MAX_CODE_BYTES)
    tactics: tuple[str, ...] = Field(default=(), max_length=1_000)
    heartbeats: int = Field(default=200_000, ge=1)
    wall_s: float = Field(default=60.0, gt=0, le=MAX_WALL_S)
    ttl_s: float = Field(default=600.0, gt=0, le=MAX_TTL_S)


class GoalState(Model):
    """One state of a session.

    Attributes:
        session: id of the session.
        state: number of the state; 0 is the statement itself.
        parent: the state it was made from.
        tactic: what made it.
        goals: what is left to prove, the first is worked on.
        messages: what the tactic said, ``Try this`` suggestions for example, and then its traces
            (``trace "…"``, ``trace_state``).
    """

    session: str
    state: int
    parent: int | None = None
    tactic: str | None = None
    goals: tuple[Goal, ...]
    messages: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether no goals are left; the script has still to be checked."""
        return not self.goals

    @property
    def key(self) -> str:
        """SHA-256 of the goals without case names; equal keys are equal states to a search.

        A state that Lean printed with omissions is equal to itself only.
        """
        if any(_ELIDED in goal.pretty for goal in self.goals):
            return f"{self.session}/{self.state}"
        shown = [
            [[[*h.names], h.type, h.value] for h in goal.hypotheses] + [[[], goal.target, None]]
            for goal in self.goals
        ]
        return hashlib.sha256(canonical_json(shown).encode()).hexdigest()

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        left = len(self.goals)
        count = "no goals left" if not left else "1 goal" if left == 1 else f"{left} goals"
        goals = "".join(html.pre(goal.pretty) for goal in self.goals)
        said = html.table(("message", message) for message in self.messages)
        return html.heading(f"state {self.state}", self.tactic, count) + goals + said


class StepError(Model):
    """The reason for which a tactic made no state.

    ``parse``: it is no tactic; ``forbidden``: policy does not let it run; ``sorry``: it leaves the
    proof open; ``tactic``: it failed; ``limit``: it ran out of heartbeats or made too many goals.
    """

    code: Literal["parse", "forbidden", "sorry", "tactic", "limit"]
    message: str


class Step(Model):
    """The result of one tactic: a new state, or an error, which changes nothing."""

    tactic: CandidateText
    state: GoalState | None = None
    error: StepError | None = None

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        if self.error is None:
            return self.state._repr_html_() if self.state else html.heading("step", self.tactic)
        return html.heading("no step", self.error.code, self.tactic) + html.pre(self.error.message)


class Goals(Protocol):
    """Sessions of stepwise proofs. Safe to call from several threads."""

    def open(self, request: GoalRequest) -> GoalState:
        """Start a session; returns the state after ``request.tactics``.

        Raises:
            InvalidRequest: statement, preamble or imports do not elaborate, or a tactic fails.
            QueueFull: there are as many sessions as there may be.
            BackendUnavailable: the machine failed, or opening took too long.
        """
        ...

    def step(self, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try each tactic on the same state; what came out, in order.

        Raises:
            NotFound: there is no such session or state.
            SessionEnded: the session is over; ``fix`` says how to replay it.
            InvalidRequest: there are no tactics or too many, or no states are left. A tactic that
                no prover can be given (:func:`tactic_fault`) is a failed step like others.
        """
        ...

    def get(self, session: str, state: int) -> GoalState:
        """Return a state again; raises as :meth:`step`."""
        ...

    def script(self, session: str, state: int) -> CheckRequest:
        """Return the proof so far as a candidate to be checked; raises as :meth:`step`."""
        ...

    def close(self, session: str) -> None:
        """End a session; safe to call twice."""
        ...


def tactic_fault(text: str) -> StepError | None:
    """Return why no prover is given a tactic, or None for one that it can be given."""
    size, lines = len(text), text.count("\n") + 1
    faults = (
        (not text.strip(), "it is empty"),
        (size > MAX_TACTIC_CHARS, f"{size} characters, more than the {MAX_TACTIC_CHARS} allowed"),
        (_NO_TEXT.search(text), "it holds a NUL character or one that is none of Unicode's"),
        (lines > MAX_LINES, f"{lines} lines, more than the {MAX_LINES} allowed"),
        (nesting(text) > MAX_NESTING, f"brackets nested more than {MAX_NESTING} deep"),
    )
    found = next((message for is_fault, message in faults if is_fault), None)
    return None if found is None else StepError(code="parse", message=found)


def assemble(request: GoalRequest, tactics: Sequence[str]) -> CheckRequest:
    """Return the candidate that proves the statement with ``tactics``, for the full policy."""
    lines = [_indented(tactic) for tactic in tactics] or ["  skip"]
    preamble = f"{request.preamble.rstrip()}\n\n" if request.preamble.strip() else ""
    code = preamble + with_proof(request.statement, "by\n" + "\n".join(lines))
    imports = ("Init",) if request.context.imports is None else request.context.imports
    context = request.context.model_copy(update={"imports": imports})
    return CheckRequest(context=context, statement=request.statement, code=code)


def _indented(tactic: str) -> str:
    try:
        return indented(tactic.strip())
    except UnreadableText:  # a candidate like others: the checker says what is wrong with it
        return "\n".join("  " + line for line in tactic.strip().split("\n"))


class Stepper:
    """A hand on one session: a current state, with ``run``, ``undo``, ``go`` and ``restart``.

    Args:
        goals: sessions of this process or of a service.
        request: what to prove.
    """

    def __init__(self, goals: Goals, request: GoalRequest) -> None:
        self._goals = goals
        self._request = request
        self._states: dict[int, GoalState] = {}
        self.current = self._enter(request)

    def try_each(self, tactics: Sequence[str]) -> list[Step]:
        """Try each tactic on the current state, which stays current."""
        steps = self._goals.step(self.current.session, self.current.state, tactics)
        self._states.update((s.state.state, s.state) for s in steps if s.state is not None)
        return steps

    def run(self, tactic: str) -> Step:
        """Run a tactic on the current state; if it works, what it made becomes current."""
        [step] = self.try_each([tactic])
        if step.state is not None:
            self.current = step.state
        return step

    def undo(self) -> GoalState:
        """Go back to the parent of the current state; the first state is its own."""
        return self.current if self.current.parent is None else self.go(self.current.parent)

    def go(self, state: int) -> GoalState:
        """Make ``state`` current and return it."""
        session = self.current.session
        self.current = self._states.get(state) or self._goals.get(session, state)
        return self.current

    def tactics(self) -> tuple[str, ...]:
        """Return the tactics that lead from the statement to the current state."""
        found: list[str] = []
        at: GoalState | None = self.current
        while at is not None and at.parent is not None:
            found.append(at.tactic or "")
            at = self._states.get(at.parent)
        return tuple(reversed(found))

    def restart(self) -> GoalState:
        """Start a new session and replay the tactics of the current state there.

        Raises as :meth:`Goals.open`.
        """
        self.current = self._enter(self._request.model_copy(update={"tactics": self.tactics()}))
        return self.current

    def candidate(self) -> CheckRequest:
        """Return the current state's proof as a candidate to be checked."""
        return assemble(self._request, self.tactics())

    def close(self) -> None:
        """End the session; safe to call twice."""
        self._goals.close(self.current.session)

    def _enter(self, request: GoalRequest) -> GoalState:
        state = self._goals.open(request)
        self._states = {state.state: state}
        at = state
        while at.parent is not None:
            at = self._goals.get(at.session, at.parent)
            self._states[at.state] = at
        return state
