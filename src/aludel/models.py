"""The contract: frozen models whose JSON is the same in Python, HTTP, the store and exports.

A :data:`Verdict` is a union by ``kind``; infrastructure faults are
never verdicts, they are exceptions (:mod:`aludel.errors`).
"""

from __future__ import annotations

import hashlib
import json
import re
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, field_validator

from aludel import html
from aludel.policies import STANDARD_AXIOMS as STANDARD_AXIOMS
from aludel.policies import Policy as Policy

MAX_CODE_BYTES = 1_000_000
MAX_STATEMENT_BYTES = 100_000
MAX_WALL_S = 3_600.0
PROJECT_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$"
"""A project's name is a part of its queue's name, so it holds no dots."""
UNREADABLE = "\N{REPLACEMENT CHARACTER}"
_N = TypeVar("_N", int, float)
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def _readable(text: object) -> object:
    """Replace what neither UTF-8 nor a database holds; a checker rejects the text that has it."""
    return NO_TEXT.sub(UNREADABLE, text) if isinstance(text, str) else text


CandidateText = Annotated[str, BeforeValidator(_readable)]
"""A candidate's text. NUL and half surrogate pairs become U+FFFD, which no candidate may hold."""


class Model(BaseModel):
    """Base of the contract: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Prover(StrEnum):
    """A proof assistant."""

    LEAN = "lean"
    FSTAR = "fstar"


class Toolchain(Model):
    """One installed prover. ``digest`` is the SHA-256 of everything that decides a verdict."""

    prover: Prover
    name: str
    version: str
    commit: str | None = None
    kind: Literal["embedded", "native", "container"]
    digest: str


class LeanContext(Model):
    """The context in which a Lean candidate is elaborated.

    ``imports`` is the import set; ``None`` takes it from the candidate's own header. When it is
    given, the candidate's header may only name modules of this set. ``project`` is the name of one
    that the service serves beside its own toolchain (``ALUDEL_PROJECTS``).
    """

    prover: Literal[Prover.LEAN] = Prover.LEAN
    project: str | None = Field(default=None, pattern=PROJECT_NAME)
    imports: tuple[str, ...] | None = None
    options: dict[str, bool | int | str] = Field(default_factory=dict)


class FStarContext(Model):
    """The context in which an F* candidate is checked.

    Attributes:
        module: module that the candidate belongs to; ``None`` reads it from the prefix or the code.
        opens: what is opened before the candidate: ``FStar.Mul``, or ``L=FStar.List.Tot`` for an
            abbreviation, in order.
        options: command-line options in force (``--z3rlimit``, ``20``), from a closed list.
        prefix: text of the module before the candidate; trusted, and checked.
        until: full name of the definition up to which the module's checked file is loaded, where
            F* offers it; the prefix stands in where it does not.
        dataset: name of an installed folder of sources and checked files that F* searches.
        tactics: tactic names, besides the built-in list, that the context vouches for.
    """

    prover: Literal[Prover.FSTAR] = Prover.FSTAR
    module: str | None = None
    opens: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    prefix: str = ""
    until: str | None = None
    dataset: str | None = None
    tactics: tuple[str, ...] = ()


Context = Annotated[LeanContext | FStarContext, Field(discriminator="prover")]


class Budget(Model):
    """The limits of a check. Heartbeats count in thousands, as ``maxHeartbeats`` does."""

    wall_s: float = Field(default=60.0, gt=0, le=MAX_WALL_S)
    heartbeats: int = Field(default=200_000, ge=1)
    z3rlimit: int | None = Field(default=None, ge=1)
    memory_mb: int | None = Field(default=None, ge=1)


class CheckRequest(Model):
    """One candidate to be judged.

    Attributes:
        statement: header of a declaration without its proof, elaborated apart from the candidate;
            ``None`` judges every declaration of ``code``.
        code: the candidate's whole text.
        toolchain: name of an installed toolchain; ``None`` is the prover's default.
        metadata: the client's own labels; returned untouched, not part of the content hash.
        tier: ``fast`` judges in a warm process; ``replay`` has the terms of an accepted candidate
            checked again in a fresh one (Lean only).
    """

    context: Context = Field(default_factory=LeanContext)
    statement: str | None = None
    code: CandidateText
    toolchain: str | None = None
    policy: Policy = Field(default_factory=Policy)
    budget: Budget = Field(default_factory=Budget)
    tier: Literal["fast", "replay"] = "fast"
    metadata: dict[str, str] = Field(default_factory=dict)

    @field_validator("context", mode="before")
    @classmethod
    def _lean_by_default(cls, value: object) -> object:
        """Take a context that names no prover for Lean's, as a missing one is."""
        if isinstance(value, dict) and "prover" not in value:
            return {**value, "prover": Prover.LEAN.value}
        return value


class Severity(StrEnum):
    """Severity of a diagnostic."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Position(Model):
    """A place in the user's own text: ``line`` from 1, ``column`` from 0 in code points."""

    line: int
    column: int


class Diagnostic(Model):
    """One message about the user's own text; ``end`` is absent when the prover gives none."""

    severity: Severity
    message: str
    start: Position | None = None
    end: Position | None = None


def _placed(diagnostic: Diagnostic) -> str:
    """Return a diagnostic's text after its place, ``line:column``, where it has one."""
    start = diagnostic.start
    return f"{start.line}:{start.column} {diagnostic.message}" if start else diagnostic.message


def _sum(one: _N | None, other: _N | None) -> _N | None:
    """Return the sum of what was measured, None when nothing was."""
    if one is None or other is None:
        return other if one is None else one
    return one + other


class Usage(Model):
    """The cost of a check: seconds, megabytes (2**20 bytes), heartbeats in thousands.

    ``process`` and ``request`` say who made the claim that was judged: a random name, and the
    number of the request among those that process was sent. When a process is caught at a false
    claim, they tell what else it said.
    """

    wall_s: float = 0.0
    cpu_s: float | None = None
    prover_s: float | None = None
    heartbeats: int | None = None
    peak_memory_mb: float | None = None
    queue_s: float | None = None
    process: str | None = None
    request: int | None = None

    def __add__(self, more: Usage) -> Usage:
        """Return what two parts of one piece of work cost: sums, and the higher of two peaks.

        What neither part measured stays None; ``Usage()`` changes nothing.
        """
        peaks = [peak for peak in (self.peak_memory_mb, more.peak_memory_mb) if peak is not None]
        return Usage(
            wall_s=self.wall_s + more.wall_s,
            cpu_s=_sum(self.cpu_s, more.cpu_s),
            prover_s=_sum(self.prover_s, more.prover_s),
            heartbeats=_sum(self.heartbeats, more.heartbeats),
            peak_memory_mb=max(peaks, default=None),
            queue_s=_sum(self.queue_s, more.queue_s),
            process=self.process or more.process,
            request=self.request if self.process else more.request,
        )


class Evidence(Model):
    """Evidence that was established outside the candidate's control.

    Attributes:
        statement_match: how the declared type compares to the asked one; ``None`` when
            no statement was asked (``reducible_defeq`` in older verdicts).
        declarations: new constants that the kernels checked in the clean import environment.
        checks: names of the checks that were run, in order.
        kernels: those that accepted the proof, each with its version.
        advisories: pull requests that mend a known soundness bug which Lean's kernel of this
            version has (``aludel doctor`` lists them).
        tables_hash: SHA-256 of the tables that they read.
        statement_hash: SHA-256 of the statement's table.
        attribution: who says that this text holds the proof: the ``elaborator``, or
            ``confirmed``, when a fresh process that saw only this candidate gave the same tables.
        propositions: what was proved, where no statement was asked, cut short.
        hidden: imported theorems among what the proof mentions whose own proofs are not there to
            be searched for axioms.
    """

    statement_match: Literal["identical", "defeq", "reducible_defeq"] | None = None
    binders: Literal["same", "different"] | None = None
    declarations: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    kernels: tuple[str, ...] = ()
    advisories: tuple[int, ...] = ()
    tables_hash: str | None = None
    statement_hash: str | None = None
    attribution: Literal["elaborator", "confirmed"] | None = None
    propositions: tuple[str, ...] = ()
    hidden: int | None = None


class RejectReason(StrEnum):
    """Reasons for which a candidate is refused."""

    PARSE = "parse"
    ELABORATION = "elaboration"
    UNSOLVED_GOALS = "unsolved_goals"
    KERNEL = "kernel"
    SORRY = "sorry"
    AXIOM = "axiom"
    STATEMENT_MISMATCH = "statement_mismatch"
    MISSING_DECLARATION = "missing_declaration"
    FORBIDDEN_CONSTRUCT = "forbidden_construct"
    EXTRA_DECLARATION = "extra_declaration"
    SMT_FAILURE = "smt_failure"
    ADMIT = "admit"
    TOO_LARGE = "too_large"
    KERNEL_DISAGREEMENT = "kernel_disagreement"
    TOO_DEEP = "too_deep"
    FORBIDDEN_CONSTANT = "forbidden_constant"


class UndecidedReason(StrEnum):
    """Reasons for which no verdict was reached; never counted as rejections."""

    TIMEOUT = "timeout"
    HEARTBEATS = "heartbeats"
    RLIMIT = "rlimit"
    MEMORY = "memory"
    CANCELLED = "cancelled"
    ELABORATOR = "elaborator"
    SECOND_KERNEL = "second_kernel"
    DECLARATION_ORDER = "declaration_order"


class _Judged(Model):
    """Fields every verdict has. ``hash`` is the content hash of the request."""

    diagnostics: tuple[Diagnostic, ...] = ()
    axioms: tuple[str, ...] = ()
    usage: Usage = Field(default_factory=Usage)
    hash: str
    message: str | None = None

    def _html(self, kind: str, reason: str | None, more: html.Rows = ()) -> str:
        """Return what the three kinds show in a notebook."""
        rows = [*more, ("axioms", ", ".join(self.axioms))]
        rows += [(each.severity.value, _placed(each)) for each in self.diagnostics]
        seconds = f"{self.usage.wall_s:.2f} s"
        return html.heading(kind, reason, self.message, seconds) + html.table(rows)


class Accepted(_Judged):
    """The prover accepted the candidate, on evidence outside its control."""

    kind: Literal["accepted"] = "accepted"
    reason: None = None
    evidence: Evidence

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        found = self.evidence
        rows = (
            ("kernels", ", ".join(found.kernels)),
            ("statement", found.statement_match),
            ("declarations", ", ".join(found.declarations)),
            ("proved", "\n".join(found.propositions)),
        )
        return self._html(self.kind, None, rows)


class Rejected(_Judged):
    """The candidate is refused; ``message`` says why in a sentence."""

    kind: Literal["rejected"] = "rejected"
    reason: RejectReason

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return self._html(self.kind, self.reason.value)


class Undecided(_Judged):
    """A limit was reached first; may be retried with a larger budget, and is never cached."""

    kind: Literal["undecided"] = "undecided"
    reason: UndecidedReason

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return self._html(self.kind, self.reason.value)


Verdict = Annotated[Accepted | Rejected | Undecided, Field(discriminator="kind")]
VERDICT: TypeAdapter[Accepted | Rejected | Undecided] = TypeAdapter(Verdict)


def canonical_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Serialise ``value`` to the one JSON text that hashes are taken of: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash(toolchain_digest: str, request: CheckRequest) -> str:
    """Key of the result cache: SHA-256 over (toolchain digest, context, statement, code, policy,
    tier).

    Budget and metadata are left out: a larger budget cannot turn a recorded acceptance or
    rejection, and ``undecided`` is never recorded under this key. So is a project's name, for its
    modules are part of the toolchain's digest.
    """
    payload = {
        "toolchain": toolchain_digest,
        "context": request.context.model_dump(mode="json", exclude={"project"}),
        "statement": request.statement,
        "code": request.code,
        "policy": request.policy.model_dump(mode="json"),
        "tier": request.tier,
    }
    return hashlib.sha256(canonical_json(payload).encode()).hexdigest()
