"""The tables. Types are portable between SQLite and PostgreSQL; times are UTC and aware."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

DIGEST = String(64)
ANONYMOUS = "anonymous"
# Sorted by code points on both databases, whatever the language of a PostgreSQL server.
NAME = Text().with_variant(Text(collation="C"), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time, also on SQLite, which knows no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy decides
        """Convert to UTC; a time without zone is a mistake."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy decides
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base of the tables."""

    type_annotation_map: ClassVar = {
        datetime: UtcDateTime,
        dict[str, Any]: JSON(none_as_null=True),
        list[str]: JSON,
        str: Text,
    }


class ToolchainRow(Base):
    """A prover that a worker has registered."""

    __tablename__ = "toolchains"

    digest: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    prover: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200), index=True)
    version: Mapped[str] = mapped_column(String(200))
    commit: Mapped[str | None] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    registered_at: Mapped[datetime]
    seen_at: Mapped[datetime | None]


class ProjectRow(Base):
    """The toolchain that workers serve under a project's name; the empty one is the default."""

    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    toolchain_digest: Mapped[str] = mapped_column(ForeignKey("toolchains.digest"))
    seen_at: Mapped[datetime]


class TheoremRow(Base):
    """A theorem of a toolchain's library."""

    __tablename__ = "theorems"

    toolchain_digest: Mapped[str] = mapped_column(ForeignKey("toolchains.digest"), primary_key=True)
    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    module: Mapped[str]
    statement: Mapped[str]


class VerdictRow(Base):
    """A decided check; the key is the content hash. Written once, unless it is taken back."""

    __tablename__ = "verdicts"
    __table_args__ = (Index("ix_verdicts_taken_back", "taken_back_at"),)

    hash: Mapped[str] = mapped_column(DIGEST, primary_key=True)
    toolchain_digest: Mapped[str] = mapped_column(ForeignKey("toolchains.digest"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(40))
    request: Mapped[dict[str, Any]]
    verdict: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    taken_back_at: Mapped[datetime | None]


class TakenBackRow(Base):
    """What a verdict said that was taken back, and why it was."""

    __tablename__ = "verdicts_taken_back"
    __table_args__ = (Index("ix_verdicts_taken_back_hash", "hash"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    hash: Mapped[str] = mapped_column(DIGEST)
    toolchain_digest: Mapped[str] = mapped_column(DIGEST)
    verdict: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
    taken_back_at: Mapped[datetime]
    why: Mapped[str]


class VariantRow(Base):
    """A new theorem, resting on a recorded verdict."""

    __tablename__ = "variants"
    __table_args__ = (UniqueConstraint("toolchain_digest", "name", name="uq_variants_name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    statement: Mapped[str]
    proof: Mapped[str]
    rule: Mapped[str] = mapped_column(String(16))
    lemma: Mapped[str]
    direction: Mapped[str | None] = mapped_column(String(16))
    position: Mapped[str] = mapped_column(String(16))
    hypothesis: Mapped[str | None]
    round: Mapped[int]
    imports: Mapped[list[str]]
    toolchain_digest: Mapped[str] = mapped_column(ForeignKey("toolchains.digest"))
    verdict_hash: Mapped[str] = mapped_column(ForeignKey("verdicts.hash"), index=True)
    term_hash: Mapped[str] = mapped_column(index=True)
    shape_hash: Mapped[str] = mapped_column(index=True)
    preamble: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(server_default="{}")
    usage: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class VariantParentRow(Base):
    """The parents of a variant: the target (ordinal 0) and the lemma (ordinal 1)."""

    __tablename__ = "variant_parents"

    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"), primary_key=True)
    ordinal: Mapped[int] = mapped_column(primary_key=True)
    parent: Mapped[str] = mapped_column(index=True)


class ApiKeyRow(Base):
    """Somebody who submits work. ``anonymous``, who has no secret, stands for those without a key.

    ``place`` is where its next job goes in the line (see :mod:`aludel.store.line`).
    """

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str]
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    max_waiting: Mapped[int | None]
    per_minute: Mapped[int | None]
    minute: Mapped[datetime | None]
    minute_used: Mapped[int] = mapped_column(server_default="0")
    place: Mapped[int] = mapped_column(BigInteger, server_default="0")
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class JobRow(Base):
    """Accepted work. ``enqueued_at`` is when the broker last took a message for it.

    ``n_...`` count its items that have ended; ``events`` numbers them as they end. ``rank`` is the
    negated priority and ``place`` the place in the line of its rank, so that an index sorts both.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("key_id", "idempotency_key", name="uq_jobs_idempotency"),
        Index("ix_jobs_listed", "created_at", "id"),
        Index("ix_jobs_of_key", "key_id", "created_at", "id"),
        Index(
            "ix_jobs_open",
            "kind",
            "rank",
            "place",
            sqlite_where=text("finished_at IS NULL"),
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    state: Mapped[str] = mapped_column(String(16), index=True)
    total: Mapped[int]
    payload: Mapped[dict[str, Any] | None]
    summary: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    enqueued_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    n_done: Mapped[int] = mapped_column(server_default="0")
    n_failed: Mapped[int] = mapped_column(server_default="0")
    n_cancelled: Mapped[int] = mapped_column(server_default="0")
    n_accepted: Mapped[int] = mapped_column(server_default="0")
    n_rejected: Mapped[int] = mapped_column(server_default="0")
    n_undecided: Mapped[int] = mapped_column(server_default="0")
    events: Mapped[int] = mapped_column(server_default="0")
    rank: Mapped[int] = mapped_column(server_default="0")
    place: Mapped[int] = mapped_column(BigInteger, server_default="0")
    key_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("api_keys.id", name="fk_jobs_key"), server_default=ANONYMOUS
    )
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_digest: Mapped[str | None] = mapped_column(DIGEST)


class ItemRow(Base):
    """A unit of work. ``verdict`` holds undecided ones only; decided ones are referenced.

    ``event`` is its place among the items of the job that have ended, in the order in which they
    did; it only grows.
    """

    __tablename__ = "items"
    __table_args__ = (
        UniqueConstraint("job_id", "position", name="uq_items_position"),
        Index("ix_items_job_state", "job_id", "state", "prover", "position"),
        Index("ix_items_lease", "state", "lease_expires_at"),
        Index("ix_items_event", "job_id", "event"),
        Index("ix_items_verdict", "verdict_hash"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"))
    position: Mapped[int]
    state: Mapped[str] = mapped_column(String(16))
    prover: Mapped[str | None] = mapped_column(String(16))
    toolchain: Mapped[str | None] = mapped_column(String(200))
    payload: Mapped[dict[str, Any]]
    attempts: Mapped[int]
    leased_by: Mapped[str | None] = mapped_column(String(200))
    lease_expires_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(16))
    verdict_hash: Mapped[str | None] = mapped_column(ForeignKey("verdicts.hash"))
    verdict: Mapped[dict[str, Any] | None]
    error: Mapped[dict[str, Any] | None]
    event: Mapped[int | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class JobVariantRow(Base):
    """A variant that a mutation job recorded, in order."""

    __tablename__ = "job_variants"
    __table_args__ = (UniqueConstraint("job_id", "variant_id", name="uq_job_variants_variant"),)

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    variant_id: Mapped[int] = mapped_column(ForeignKey("variants.id"))


class AttemptRunRow(Base):
    """A run of attempts; it goes on only under an equal plan. ``key_id`` is who started it."""

    __tablename__ = "attempt_runs"
    __table_args__ = (Index("ix_attempt_runs_listed", "created_at", "name"),)

    name: Mapped[str] = mapped_column(NAME, primary_key=True)
    digest: Mapped[str] = mapped_column(DIGEST)
    plan: Mapped[dict[str, Any]]
    problems: Mapped[int]
    created_at: Mapped[datetime]
    key_id: Mapped[str] = mapped_column(
        String(32), ForeignKey("api_keys.id", name="fk_attempt_runs_key"), server_default=ANONYMOUS
    )


class AttemptOutcomeRow(Base):
    """A problem that a run is done with."""

    __tablename__ = "attempt_outcomes"

    run: Mapped[str] = mapped_column(NAME, ForeignKey("attempt_runs.name"), primary_key=True)
    problem: Mapped[str] = mapped_column(NAME, primary_key=True)
    outcome: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class AttemptRow(Base):
    """One candidate that was tried. ``verdict_hash`` is that of accepted ones, which stays."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_verdict", "verdict_hash"),)

    run: Mapped[str] = mapped_column(NAME, ForeignKey("attempt_runs.name"), primary_key=True)
    problem: Mapped[str] = mapped_column(NAME, primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    round: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    attempt: Mapped[dict[str, Any]]
    verdict_hash: Mapped[str | None] = mapped_column(DIGEST)


class ProofStepsRow(Base):
    """The tactic steps of an accepted candidate, under the verdict's hash. Written once."""

    __tablename__ = "proof_steps"

    verdict_hash: Mapped[str] = mapped_column(ForeignKey("verdicts.hash"), primary_key=True)
    steps: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]
