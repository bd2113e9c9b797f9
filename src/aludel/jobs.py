"""Jobs: accepted work, its items, and their states.

The same models answer over HTTP, in the store and in a client. A job is a row before it is a
message; items are its units of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from aludel.attempts import ProblemOutcome
from aludel.errors import AludelError
from aludel.job_requests import AttemptRequest, ExportRequest
from aludel.models import MAX_STATEMENT_BYTES, Model, Verdict
from aludel.records import VariantRecord

MAX_PATTERN_CHARS = 1_000
MAX_VARIANTS = 100_000
MAX_LEMMAS = 10_000
MAX_ROUNDS = 10
MAX_SCREEN_BUDGET = 1_000_000
SCREEN_BUDGET = 5_000

MutationRule = Literal["rw", "apply", "forward"]
MutationFilter = Literal[
    "duplicate", "unchanged", "trivial", "vacuous", "unused_hypothesis", "too_large", "overlap"
]


class JobKind(StrEnum):
    """The kinds of jobs."""

    CHECK = "check"
    MUTATE = "mutate"
    PROVE = "prove"
    EXPORT = "export"


class JobState(StrEnum):
    """The states of a job.

    It is ``failed`` when none of its items could be carried out, ``cancelled`` when some were
    cancelled before they ended.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """The states of an item.

    ``done`` has an outcome (refusals included), ``failed`` an error, ``cancelled`` neither.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = frozenset({JobState.DONE, JobState.FAILED, JobState.CANCELLED})
MAX_PRIORITY = 100


class MutationRequest(Model):
    """The request of a mutation job.

    Attributes:
        pattern: glob over the names of theorems, for example ``Nat.*``.
        statement: text of a theorem with its proof, which is a target as well.
        modules: globs over the modules of the worker's project whose theorems are targets.
        limit: accepted variants after which the job ends.
        imports: import set whose theorems are rewritten.
        lemmas: names of the lemmas to rewrite with; ``None`` retrieves them.
        rules: operations: ``rw``, ``apply``, ``forward``.
        conditional: whether a rewrite may leave side goals, which become hypotheses.
        filters: reasons for which an accepted statement is left out; ``None`` means all of them.
        avoid: statements of evaluation sets, which no variant may repeat.
        per_target: statements made from one theorem.
        max_attempts: rewriting attempts on one theorem after which it is done.
        max_targets: theorems after which the first round ends; ``None`` means all that match.
        shard: the part of the theorems to take, ``[1, 4]`` is the first of four.
        screen_budget: heartbeats of each search of a filter, in thousands.
        max_statement: characters of a statement above which it is too large.
        rounds: how often variants become targets themselves, the first round included.
        round_targets: variants that become targets of the next round.
        seed: decides the order of targets; equal seeds give equal variants.
    """

    statement: str | None = Field(default=None, min_length=1, max_length=MAX_STATEMENT_BYTES)
    modules: tuple[str, ...] = Field(default=(), max_length=MAX_LEMMAS)
    pattern: str | None = Field(
        default=None, min_length=1, max_length=MAX_PATTERN_CHARS, validate_default=True
    )
    limit: int = Field(default=50, ge=1, le=MAX_VARIANTS)
    imports: tuple[str, ...] = ("Init",)
    lemmas: tuple[str, ...] | None = Field(default=None, max_length=MAX_LEMMAS)
    rules: tuple[MutationRule, ...] = Field(default=("rw",), min_length=1)
    conditional: bool = False
    filters: tuple[MutationFilter, ...] | None = None
    avoid: tuple[str, ...] = Field(default=(), max_length=MAX_LEMMAS)
    per_target: int = Field(default=20, ge=1)
    max_attempts: int = Field(default=2_000, ge=1)
    max_targets: int | None = Field(default=None, ge=1)
    shard: tuple[int, int] = (1, 1)
    screen_budget: int = Field(default=SCREEN_BUDGET, ge=1, le=MAX_SCREEN_BUDGET)
    max_statement: int = Field(default=1_000, ge=1)
    rounds: int = Field(default=1, ge=1, le=MAX_ROUNDS)
    round_targets: int = Field(default=100, ge=1)
    seed: int = 0

    @field_validator("pattern")
    @classmethod
    def _has_targets(cls, pattern: str | None, info: ValidationInfo) -> str | None:
        if pattern is None and not (info.data.get("statement") or info.data.get("modules")):
            raise ValueError("give a pattern, a statement or modules")
        return pattern

    @field_validator("shard")
    @classmethod
    def _is_a_part(cls, shard: tuple[int, int]) -> tuple[int, int]:
        if not 1 <= shard[0] <= shard[1]:
            raise ValueError(f"there is no shard {shard[0]} of {shard[1]}")
        return shard


JobRequest = MutationRequest | AttemptRequest | ExportRequest
REQUESTS: Mapping[JobKind, type[JobRequest]] = {
    JobKind.MUTATE: MutationRequest,
    JobKind.PROVE: AttemptRequest,
    JobKind.EXPORT: ExportRequest,
}


class Failure(Model):
    """An error that was recorded: the machine failed, or the request turned out to be wrong.

    Attributes:
        code: the error's name in :mod:`aludel.errors`.
        message: what is wrong, in one sentence.
        field: the input field at fault, if one is.
        fix: what the caller can do about it.
    """

    code: str
    message: str
    field: str | None = None
    fix: str | None = None

    @classmethod
    def of(cls, error: AludelError) -> Failure:
        """Return the record of ``error``."""
        return cls(code=error.code, message=error.message, field=error.field, fix=error.fix)


class JobProgress(Model):
    """Counts of a job's items: by state, and of those done by outcome.

    Of a prove job, ``accepted`` are the problems with an accepted proof; those without are done.
    """

    queued: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    accepted: int = 0
    rejected: int = 0
    undecided: int = 0


class Job(Model):
    """A job as it stands.

    Attributes:
        total: number of items.
        priority: jobs of a higher one are served first.
        request: what was asked, for jobs that are one request (all but checks).
        summary: figures of a mutation or an export.
        error: why the job failed, if it did.
    """

    id: str
    kind: JobKind
    state: JobState
    total: int
    priority: int = 0
    progress: JobProgress
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    request: JobRequest | None = None
    summary: dict[str, Any] | None = None
    error: Failure | None = None


class Item(Model):
    """One result of a job: a verdict, a variant of a mutation, or what became of a problem.

    Attributes:
        position: place in the job, from 0; the cursor of a listing.
        metadata: the client's own labels of the request.
        attempts: how often a worker took it up.
        problem: name of the problem that a prove job attempts.
        outcome: what became of it.
    """

    position: int
    state: ItemState
    attempts: int = 0
    metadata: dict[str, str] = Field(default_factory=dict)
    verdict: Verdict | None = None
    variant: VariantRecord | None = None
    problem: str | None = None
    outcome: ProblemOutcome | None = None
    error: Failure | None = None

    @classmethod
    def of_variant(cls, position: int, variant: VariantRecord) -> Item:
        """Return a variant as an item of its mutation job."""
        return cls(position=position, state=ItemState.DONE, attempts=1, variant=variant)
