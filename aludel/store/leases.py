"""Leases on items: who works on what, until when.

An item is ``queued``, or ``running`` under a lease that its worker keeps alive, or finished. The
number of the attempt and the worker's name fence the lease: a worker that was paused beyond its
lease cannot finish an item that another one has taken up since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select, tuple_, update
from sqlalchemy.orm import Session

from aludel.errors import BackendCrashed
from aludel.jobs import Failure, ItemState, JobKind, JobState
from aludel.models import Undecided, Verdict
from aludel.store.clock import Clock
from aludel.store.database import Database, affected
from aludel.store.tables import ItemRow, JobRow

MAX_ATTEMPTS = 5
_UNFINISHED = (ItemState.QUEUED.value, ItemState.RUNNING.value)


@dataclass(frozen=True, slots=True)
class Claim:
    """An item under lease. ``payload`` is the request's JSON; ``attempt`` counts from 1."""

    item_id: int
    worker: str
    job_id: str
    position: int
    attempt: int
    payload: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stalled:
    """A job that needs a message to the broker, and how many of its items wait."""

    job_id: str
    kind: JobKind
    queued: int


class Items:
    """The table of items, from a worker's side."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def claim(self, job_id: str, worker: str, limit: int, lease_s: float) -> list[Claim]:
        """Take up to ``limit`` queued items of a job for ``lease_s`` seconds, in order.

        Raises:
            StoreError: the database cannot be written; nothing was taken.
        """
        now = self._clock()
        query = (
            select(ItemRow)
            .where(ItemRow.job_id == job_id, ItemRow.state == ItemState.QUEUED.value)
            .order_by(ItemRow.position)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        with self._database.write() as session:
            rows = list(session.scalars(query))
            for row in rows:
                row.state = ItemState.RUNNING.value
                row.attempts += 1
                row.leased_by = worker
                row.lease_expires_at = now + timedelta(seconds=lease_s)
                row.started_at = row.started_at or now
            if rows:
                _mark_running(session, job_id, now)
            return [Claim(r.id, worker, r.job_id, r.position, r.attempts, r.payload) for r in rows]

    def waiting(self, job_id: str) -> int:
        """Return how many items of a job are queued.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(func.count()).where(_of(job_id, ItemState.QUEUED.value))
        with self._database.read() as session:
            return session.scalar(query) or 0

    def heartbeat(self, claims: Sequence[Claim], lease_s: float) -> int:
        """Extend the leases that still hold, to ``lease_s`` seconds from now.

        Returns:
            How many still hold.

        Raises:
            StoreError: the database cannot be written.
        """
        until = self._clock() + timedelta(seconds=lease_s)
        statement = update(ItemRow).where(_held(claims)).values(lease_expires_at=until)
        with self._database.write() as session:
            return affected(session, statement)

    def finish(self, claim: Claim, verdict: Verdict) -> bool:
        """Record the verdict of an item, committed when this returns.

        A decided verdict must be recorded under its hash before; an undecided one is kept here.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        undecided = isinstance(verdict, Undecided)
        return self._close(
            claim,
            state=ItemState.DONE.value,
            outcome=verdict.kind,
            verdict_hash=None if undecided else verdict.hash,
            verdict=verdict.model_dump(mode="json") if undecided else None,
        )

    def finish_mutation(self, claim: Claim, summary: dict[str, Any]) -> bool:
        """Record that a mutation ended, and its figures on the job.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        return self._close(claim, summary, state=ItemState.DONE.value)

    def fail(self, claim: Claim, failure: Failure) -> bool:
        """Record that an item could not be carried out, and why.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        error = failure.model_dump(mode="json")
        return self._close(claim, state=ItemState.FAILED.value, error=error)

    def release(self, claims: Sequence[Claim], *, tried: bool) -> int:
        """Give items back to be taken up again.

        Args:
            claims: the leases; those that were lost are left alone.
            tried: whether the attempt counts against :data:`MAX_ATTEMPTS`.

        Returns:
            How many were given back.

        Raises:
            StoreError: the database cannot be written.
        """
        statement = (
            update(ItemRow)
            .where(_held(claims))
            .values(
                state=ItemState.QUEUED.value,
                leased_by=None,
                lease_expires_at=None,
                attempts=ItemRow.attempts - (0 if tried else 1),
            )
        )
        with self._database.write() as session:
            return affected(session, statement)

    def sweep(self, resend_after_s: float) -> list[Stalled]:
        """Queue items again whose lease ran out, and find jobs that need a message.

        An item whose lease ran out :data:`MAX_ATTEMPTS` times fails: it takes workers with it.

        Args:
            resend_after_s: how long a message may take before it counts as lost.

        Returns:
            Jobs with queued items and no running one, whose message is lost, was never sent, or
            has done its work. They are marked as sent.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        now = self._clock()
        with self._database.write() as session:
            freed = _requeue_expired(session, now)
            return _stalled(session, now, now - timedelta(seconds=resend_after_s), freed)

    def _close(self, claim: Claim, summary: dict[str, Any] | None = None, **values: object) -> bool:
        now = self._clock()
        statement = (
            update(ItemRow)
            .where(_held([claim]))
            .values(**values, leased_by=None, lease_expires_at=None, finished_at=now)
        )
        with self._database.write() as session:
            if not affected(session, statement):
                return False
            _settle(session, claim.job_id, now, summary)
        return True


def _held(claims: Sequence[Claim]) -> ColumnElement[bool]:
    keys = [(claim.item_id, claim.worker, claim.attempt) for claim in claims]
    return (ItemRow.state == ItemState.RUNNING.value) & tuple_(
        ItemRow.id, ItemRow.leased_by, ItemRow.attempts
    ).in_(keys)


def _mark_running(session: Session, job_id: str, now: datetime) -> None:
    session.execute(
        update(JobRow)
        .where(JobRow.id == job_id, JobRow.state == JobState.QUEUED.value)
        .values(state=JobState.RUNNING.value, started_at=now)
    )


def _settle(
    session: Session, job_id: str, now: datetime, summary: dict[str, Any] | None = None
) -> None:
    """Close the job if nothing of it is left to do."""
    # The row is locked first, so that of two workers that finish last together one sees the other.
    job = session.get_one(JobRow, job_id, with_for_update=True)
    job.summary = summary or job.summary
    if session.scalar(select(exists().where(_of(job_id, *_UNFINISHED)))):
        return
    job.finished_at = now
    if session.scalar(select(exists().where(_of(job_id, ItemState.DONE.value)))):
        job.state = JobState.DONE.value
        return
    job.state = JobState.FAILED.value
    job.error = session.scalar(
        select(ItemRow.error).where(ItemRow.job_id == job_id).order_by(ItemRow.position).limit(1)
    )


def _of(job_id: str, *states: str) -> ColumnElement[bool]:
    return (ItemRow.job_id == job_id) & ItemRow.state.in_(states)


def _requeue_expired(session: Session, now: datetime) -> set[str]:
    """Return the jobs of which items were queued again."""
    query = (
        select(ItemRow)
        .where(ItemRow.state == ItemState.RUNNING.value, ItemRow.lease_expires_at < now)
        .with_for_update(skip_locked=True)
    )
    freed, ended = set(), set()
    for row in session.scalars(query).all():
        row.leased_by, row.lease_expires_at = None, None
        if row.attempts < MAX_ATTEMPTS:
            row.state = ItemState.QUEUED.value
            freed.add(row.job_id)
        else:
            row.state = ItemState.FAILED.value
            row.error = _gave_up().model_dump(mode="json")
            row.finished_at = now
            ended.add(row.job_id)
    session.flush()
    for job_id in ended:
        _settle(session, job_id, now)
    return freed


def _gave_up() -> Failure:
    return Failure.of(
        BackendCrashed(
            f"{MAX_ATTEMPTS} workers died or stalled on this item", fix="see the workers' logs"
        )
    )


def _stalled(
    session: Session, now: datetime, sent_before: datetime, freed: set[str]
) -> list[Stalled]:
    sent = JobRow.enqueued_at
    lost = or_(sent.is_(None), sent <= sent_before) & ~_has(ItemState.RUNNING)
    query = select(JobRow).where(
        JobRow.state.in_((JobState.QUEUED.value, JobState.RUNNING.value)),
        or_(JobRow.id.in_(freed), lost),
        _has(ItemState.QUEUED),
    )
    found = []
    for job in session.scalars(query.with_for_update(skip_locked=True)).all():
        job.enqueued_at = now
        waiting = select(func.count()).where(_of(job.id, ItemState.QUEUED.value))
        found.append(Stalled(job.id, JobKind(job.kind), session.scalar(waiting) or 0))
    return found


def _has(state: ItemState) -> ColumnElement[bool]:
    return exists().where(ItemRow.job_id == JobRow.id, ItemRow.state == state.value)
