"""Jobs: accepted work, its items, and their states.

The same models answer over HTTP, in the store and in a client. A job is a row before it is a
message; items are its units of work.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from aludel.attempts import ProblemOutcome
from aludel.errors import AludelError
from aludel.job_requests import ExportRequest, ProveRequest
from aludel.models import Model, Verdict
from aludel.records import VariantRecord

MAX_PATTERN_CHARS = 1_000
MAX_VARIANTS = 100_000
MAX_LEMMAS = 10_000
MAX_ROUNDS = 10

MutationRule = Literal["rw", "apply", "forward"]
MutationFilter = Literal[
    "duplicate", "unchanged", "trivial", "vacuous", "unused_hypothesis", "too_large", "overlap"
]


class JobKind(StrEnum):
    """What a job does."""

    CHECK = "check"
    MUTATE = "mutate"
    PROVE = "prove"
    EXPORT = "export"


class JobState(StrEnum):
    """Where a job stands.

    It is ``failed`` when none of its items could be carried out, ``cancelled`` when some were
    cancelled before they ended.
    """

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """Where an item stands.

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
    """What a mutation job shall do.

    Attributes:
        pattern: glob over the names of theorems, for example ``Nat.*``.
        limit: accepted variants after which the job ends.
        imports: import set whose theorems are rewritten.
        lemmas: names of the lemmas to rewrite with; ``None`` retrieves them.
        rules: operations: ``rw``, ``apply``, ``forward``.
        conditional: whether a rewrite may leave side goals, which become hypotheses.
        filters: reasons for which an accepted statement is left out; ``None`` means all of them.
        avoid: statements of evaluation sets, which no variant may repeat.
        per_target: statements made from one theorem.
        max_targets: theorems after which the first round ends; ``None`` means all that match.
        rounds: how often variants become targets themselves, the first round included.
        round_targets: variants that become targets of the next round.
        seed: decides the order of targets; equal seeds give equal variants.
    """

    pattern: str = Field(min_length=1, max_length=MAX_PATTERN_CHARS)
    limit: int = Field(default=50, ge=1, le=MAX_VARIANTS)
    imports: tuple[str, ...] = ("Init",)
    lemmas: tuple[str, ...] | None = Field(default=None, max_length=MAX_LEMMAS)
    rules: tuple[MutationRule, ...] = Field(default=("rw",), min_length=1)
    conditional: bool = False
    filters: tuple[MutationFilter, ...] | None = None
    avoid: tuple[str, ...] = Field(default=(), max_length=MAX_LEMMAS)
    per_target: int = Field(default=20, ge=1)
    max_targets: int | None = Field(default=None, ge=1)
    rounds: int = Field(default=1, ge=1, le=MAX_ROUNDS)
    round_targets: int = Field(default=100, ge=1)
    seed: int = 0


JobRequest = MutationRequest | ProveRequest | ExportRequest
REQUESTS: Mapping[JobKind, type[JobRequest]] = {
    JobKind.MUTATE: MutationRequest,
    JobKind.PROVE: ProveRequest,
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
