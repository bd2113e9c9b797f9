"""The sweep: finds items whose lease ran out, and jobs that no worker was told about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, exists, func, or_, select, update

from aludel.errors import BackendCrashed
from aludel.jobs import Failure, ItemState, JobKind
from aludel.store.closing import count_one
from aludel.store.database import Database
from aludel.store.tables import ItemRow, JobRow

MAX_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Stalled:
    """A job that needs a message to the broker, and how many of its items wait."""

    job_id: str
    kind: JobKind
    queued: int


def sweep(database: Database, now: datetime, resend_after_s: float) -> list[Stalled]:
    """Do what :meth:`aludel.store.leases.Items.sweep` says."""
    with database.write() as connection:
        database.exclusive(connection)
        freed = _requeue_expired(connection, now)
        return _stalled(connection, now, now - timedelta(seconds=resend_after_s), freed)


def _requeue_expired(connection: Connection, now: datetime) -> set[str]:
    """Return the jobs of which items were queued again."""
    # Passing over locked rows: their worker is just about to finish them, or to beat.
    expired = (
        select(ItemRow.id)
        .where(ItemRow.state == ItemState.RUNNING.value, ItemRow.lease_expires_at < now)
        .with_for_update(skip_locked=True)
        .cte("expired")
    )
    unleased = (
        update(ItemRow)
        .where(ItemRow.id.in_(select(expired.c.id)))
        .values(leased_by=None, lease_expires_at=None)
    )
    given_up = unleased.where(ItemRow.attempts >= MAX_ATTEMPTS).values(
        state=ItemState.FAILED.value,
        error=_gave_up().model_dump(mode="json"),
        finished_at=now,
    )
    freed = set(
        connection.execute(
            unleased.where(ItemRow.attempts < MAX_ATTEMPTS)
            .values(state=ItemState.QUEUED.value)
            .returning(ItemRow.job_id)
        ).scalars()
    )
    ended = connection.execute(given_up.returning(ItemRow.job_id, ItemRow.id)).all()
    for job_id, item_id in sorted(ended):
        count_one(connection, job_id, item_id, (ItemState.FAILED.value,), now)
    return freed


def _gave_up() -> Failure:
    return Failure.of(
        BackendCrashed(
            f"{MAX_ATTEMPTS} workers died or stalled on this item", fix="see the workers' logs"
        )
    )


def _stalled(
    connection: Connection, now: datetime, sent_before: datetime, freed: set[str]
) -> list[Stalled]:
    sent = JobRow.enqueued_at
    lost = or_(sent.is_(None), sent <= sent_before) & ~_has(ItemState.RUNNING)
    waiting = (
        select(func.count())
        .where(ItemRow.job_id == JobRow.id, ItemRow.state == ItemState.QUEUED.value)
        .scalar_subquery()
    )
    query = select(JobRow.id, JobRow.kind, waiting).where(
        JobRow.finished_at.is_(None),
        or_(JobRow.id.in_(freed), lost),
        _has(ItemState.QUEUED),
    )
    found = [Stalled(job, JobKind(kind), count) for job, kind, count in connection.execute(query)]
    if found:
        chosen = JobRow.id.in_([stalled.job_id for stalled in found])
        connection.execute(update(JobRow).where(chosen).values(enqueued_at=now))
    return found


def _has(state: ItemState) -> ColumnElement[bool]:
    return exists().where(ItemRow.job_id == JobRow.id, ItemRow.state == state.value)
