"""The tools themselves: what an agent asks, and the models that answer.

No tool takes a path, and none changes anything outside of this server.
"""

from __future__ import annotations

import contextlib
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from aludel import lemma_search
from aludel.audits import Audit
from aludel.deadline import Deadline
from aludel.disproofs import Disproof, DisproofRequest
from aludel.errors import InvalidRequest
from aludel.goals import MAX_TACTICS, GoalRequest, GoalState
from aludel.http_models import Steps
from aludel.jobs import MAX_PATTERN_CHARS, MutationRequest, MutationRule
from aludel.lemma_search import LemmasFound
from aludel.mcp_server.backend import Backend, Library
from aludel.mcp_server.calls import Calls, OutOfTime, as_tool_errors
from aludel.mcp_server.sessions import SILENCE_S, Sessions
from aludel.models import (
    MAX_STATEMENT_BYTES,
    PROJECT_NAME,
    Budget,
    CandidateText,
    CheckRequest,
    LeanContext,
    Model,
    Policy,
    Verdict,
)
from aludel.policies import MAX_FORBIDDEN, ForbiddenPattern
from aludel.receipts import Receipt
from aludel.records import VariantRecord

MOST_SECONDS = 600.0
MOST_VARIANTS = 50
SLACK_S = 120.0
"""Seconds beside its budget that a call may take: to wait for a process, or for Lean's start."""
_INDEXING = "the index of these imports is still being made (once); ask again"

Code = Annotated[CandidateText, Field(description="Lean 4 text: declarations with their proofs.")]
Statement = Annotated[
    str,
    Field(
        description="Header of a theorem without its proof: `theorem NAME BINDERS : TYPE`.",
        max_length=MAX_STATEMENT_BYTES,
    ),
]
Imports = Annotated[
    tuple[str, ...] | None,
    Field(
        description="Modules to import; by default those of the text's own header, or `Init`.",
        max_length=200,
    ),
]
Project = Annotated[
    str,
    Field(
        description="Name of a project that is served beside the default; empty for the default.",
        pattern=f"^$|{PROJECT_NAME}",
    ),
]
Forbidden = Annotated[
    tuple[ForbiddenPattern, ...],
    Field(
        description="What the proof may not use: names, globs such as `Nat.add_*`, `self` "
        "for the asked theorem, `after:NAME`.",
        max_length=MAX_FORBIDDEN,
    ),
]
Seconds = Annotated[
    float,
    Field(description="Seconds that it may take.", gt=0, le=MOST_SECONDS, allow_inf_nan=False),
]
# It becomes a part of an address where the sessions are a service's.
Session = Annotated[
    str, Field(description="`session` of a state.", max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
]
State = Annotated[int, Field(description="Number of a state; 0 is the statement.", ge=0, lt=2**31)]


class OpenGoal(Model):
    """A state with the proof that leads to it.

    Attributes:
        state: what is left to prove.
        finished: whether nothing is left; only `check` accepts the proof.
        script: the text so far, for `check`.
    """

    state: GoalState
    finished: bool
    script: str


class Variants(Model):
    """New theorems, each accepted by the checker; ``ended`` is false when time ran out before."""

    variants: tuple[VariantRecord, ...]
    ended: bool


class Tools:
    """The tools that every backend offers."""

    def __init__(self, backend: Backend, calls: Calls) -> None:
        self._backend = backend
        self._calls = calls
        self._sessions = Sessions(backend.goals)

    async def check(
        self,
        code: Code,
        statement: Statement = "",
        imports: Imports = None,
        timeout_s: Seconds = 60.0,
        project: Project = "",
        forbidden: Forbidden = (),
    ) -> Verdict:
        """Judge Lean text with two kernels: accepted, rejected or undecided, with messages.

        With `statement` the text must prove exactly that; without, every declaration is judged.
        """
        request = _candidate(code, statement, _context(imports, project), timeout_s, forbidden)
        with as_tool_errors():
            return await self._calls.run(timeout_s + SLACK_S, lambda: self._backend.check(request))

    async def receipt(
        self,
        code: Code,
        statement: Statement = "",
        imports: Imports = None,
        timeout_s: Seconds = 120.0,
        project: Project = "",
        forbidden: Forbidden = (),
    ) -> Receipt:
        """Judge Lean text once more in a fresh process, and return a receipt of the verdict.

        `aludel receipt verify` checks it, anywhere.
        """
        asked = _candidate(code, statement, _context(imports, project), timeout_s, forbidden)
        request = asked.model_copy(update={"tier": "replay"})
        with as_tool_errors():
            return await self._calls.run(
                timeout_s + SLACK_S, lambda: self._backend.receipt(request)
            )

    async def disprove(
        self,
        statement: Statement,
        imports: Imports = None,
        timeout_s: Seconds = 60.0,
        project: Project = "",
    ) -> Disproof:
        """Look for a proof that a statement is false: by small values, then by automation.

        `not_found` is no proof of the statement.
        """
        with as_tool_errors():
            try:
                request = DisproofRequest(
                    statement=statement,
                    imports=imports,
                    project=project or None,
                    wall_s=timeout_s,
                )
            except ValidationError as error:
                raise _invalid(error) from error
            return await self._calls.run(
                timeout_s + SLACK_S, lambda: self._backend.disprove(request)
            )

    async def open_goal(
        self,
        statement: Statement,
        imports: Imports = None,
        preamble: Annotated[
            str, Field(description="Declarations and `open` lines before it.", max_length=100_000)
        ] = "",
        tactics: Annotated[
            tuple[CandidateText, ...],
            Field(description="Run at once; this replays a session that ended.", max_length=200),
        ] = (),
        timeout_s: Seconds = 60.0,
        project: Project = "",
    ) -> GoalState:
        """Begin a proof by tactics; returns its first state. Ten minutes of silence end it.

        `timeout_s` is for opening, and for each call of `try_tactics` later.
        """
        with as_tool_errors():
            request = _goal_request(
                statement, _context(imports, project), preamble, tactics, timeout_s
            )
            seconds = timeout_s * (1 + len(tactics)) + SLACK_S
            return await self._calls.run(
                min(seconds, MOST_SECONDS + SLACK_S), lambda: self._sessions.open(request)
            )

    async def try_tactics(
        self,
        session: Session,
        state: State,
        tactics: Annotated[
            tuple[CandidateText, ...],
            Field(
                description="Each is tried on the same state.", min_length=1, max_length=MAX_TACTICS
            ),
        ],
    ) -> Steps:
        """Try each tactic on one state: each makes a new state, or says why it fails."""
        with as_tool_errors():
            steps = await self._calls.run(
                MOST_SECONDS + SLACK_S, lambda: self._sessions.step(session, state, tactics)
            )
        return Steps(steps=tuple(steps))

    async def goal(self, session: Session, state: State) -> OpenGoal:
        """Return a state again, with the proof so far as text for `check`."""
        with as_tool_errors():
            found, candidate = await self._calls.run(
                SLACK_S, lambda: self._sessions.get(session, state)
            )
        return OpenGoal(state=found, finished=found.finished, script=candidate.code)


class LibraryTools:
    """The tools that need a Lean in this process."""

    def __init__(self, library: Library, calls: Calls) -> None:
        self._library = library
        self._calls = calls

    async def search_lemmas(
        self,
        text: Annotated[
            str,
            Field(
                description="A statement or goal, as Lean prints it: lemmas share its symbols.",
                max_length=MAX_STATEMENT_BYTES,
            ),
        ] = "",
        pattern: Annotated[
            str,
            Field(
                description="A term with holes that stands in the lemmas: `_ + _ = _ + _`, "
                "`List.length (?a ++ ?b)`. After `⊢` it is the whole conclusion.",
                max_length=lemma_search.MAX_PATTERN_CHARS,
            ),
        ] = "",
        name: Annotated[
            str,
            Field(
                description="A part of the lemmas' names, or a glob with `*`.",
                max_length=lemma_search.MAX_WORDS_CHARS,
            ),
        ] = "",
        words: Annotated[
            str,
            Field(
                description="English words of names and docstrings.",
                max_length=lemma_search.MAX_WORDS_CHARS,
            ),
        ] = "",
        proves: Annotated[
            str,
            Field(
                description="A goal: lemmas that apply to it, those that leave least first.",
                max_length=MAX_STATEMENT_BYTES,
            ),
        ] = "",
        imports: Imports = None,
        count: Annotated[
            int, Field(description="Lemmas at most.", ge=1, le=lemma_search.MOST_LEMMAS)
        ] = 10,
        timeout_s: Seconds = 60.0,
    ) -> LemmasFound:
        """Find theorems of the imports that meet every criterion given; give at least one."""
        with as_tool_errors():
            asked = lemma_search.search_of(
                text=text,
                pattern=pattern,
                name=name,
                words=words,
                proves=proves,
                imports=imports or ("Init",),
                count=count,
                wall_s=timeout_s,
            )
            try:
                return await self._calls.run(timeout_s, lambda: self._library.search(asked))
            except OutOfTime as error:
                raise OutOfTime(timeout_s, _INDEXING) from error

    async def mutate(
        self,
        pattern: Annotated[
            str, Field(description="Glob over names of theorems.", max_length=MAX_PATTERN_CHARS)
        ] = "",
        statement: Annotated[
            str,
            Field(
                description="Or a theorem of your own, with its proof.",
                max_length=MAX_STATEMENT_BYTES,
            ),
        ] = "",
        imports: Imports = None,
        rules: Annotated[tuple[MutationRule, ...], Field(min_length=1, max_length=3)] = ("rw",),
        limit: Annotated[int, Field(description="Variants at most.", ge=1, le=MOST_VARIANTS)] = 5,
        seed: Annotated[int, Field(description="Equal seeds, equal variants.", ge=0, lt=2**31)] = 0,
        timeout_s: Seconds = 120.0,
    ) -> Variants:
        """Make new theorems from known ones by rewriting; each was accepted by the checker."""
        variants: list[VariantRecord] = []
        deadline = Deadline.after(timeout_s)
        with as_tool_errors():
            request = _mutation(pattern, statement, imports, rules, limit, seed)
            with contextlib.suppress(OutOfTime):  # what was found is an answer
                await self._calls.run(
                    timeout_s,
                    lambda: variants.extend(self._library.mutate(request, timeout_s)),
                )
        return Variants(variants=tuple(variants), ended=not deadline.passed)

    async def audit(
        self, statement: Statement, imports: Imports = None, timeout_s: Seconds = 60.0
    ) -> Audit:
        """Ask what is wrong with a statement: each answer is yes, no or undecided.

        Does it elaborate, hold a `sorry`, bind names that nothing declares; do its hypotheses
        contradict, do small values refute it, does one tactic close it, are binders unused?
        """
        with as_tool_errors():
            return await self._calls.run(
                3 * timeout_s + SLACK_S,
                lambda: self._library.audit(statement, imports, timeout_s),
            )


def _context(imports: Imports, project: str) -> LeanContext:
    return LeanContext(imports=imports, project=project or None)


def _candidate(
    code: str,
    statement: str,
    context: LeanContext,
    timeout_s: float,
    forbidden: tuple[str, ...],
) -> CheckRequest:
    return CheckRequest(
        context=context,
        statement=statement or None,
        code=code,
        budget=Budget(wall_s=timeout_s),
        policy=Policy(forbidden=forbidden),
    )


def _goal_request(
    statement: str,
    context: LeanContext,
    preamble: str,
    tactics: tuple[str, ...],
    timeout_s: float,
) -> GoalRequest:
    try:
        return GoalRequest(
            context=context,
            statement=statement,
            preamble=preamble,
            tactics=tactics,
            wall_s=timeout_s,
            ttl_s=SILENCE_S,
        )
    except ValidationError as error:
        raise _invalid(error) from error


def _mutation(
    pattern: str,
    statement: str,
    imports: Imports,
    rules: tuple[Literal["rw", "apply", "forward"], ...],
    limit: int,
    seed: int,
) -> MutationRequest:
    try:
        return MutationRequest(
            pattern=pattern or None,
            statement=statement or None,
            imports=imports or ("Init",),
            rules=rules,
            limit=limit,
            seed=seed,
        )
    except ValidationError as error:
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidRequest:
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"])) or None
    return InvalidRequest(first["msg"].removeprefix("Value error, "), field=field)
