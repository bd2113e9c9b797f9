"""Closing items: the counts and events of their job, and the end of the job itself.

Order of locks: items first, then their job. The job's lock numbers the events without gaps in
time: who has seen event 7 will never be shown an event 6 that was committed later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from aludel.jobs import ItemState, JobState
from aludel.store.tables import ItemRow, JobRow

COUNTS = ("done", "failed", "cancelled", "accepted", "rejected", "undecided")
LEFT = JobRow.total - JobRow.n_done - JobRow.n_failed - JobRow.n_cancelled

_COUNT = (
    update(JobRow)
    .where(JobRow.id == bindparam("job"))
    .values(
        events=JobRow.events + bindparam("ended"),
        **{f"n_{name}": getattr(JobRow, f"n_{name}") + bindparam(name) for name in COUNTS},
    )
    .returning(JobRow.events, LEFT, JobRow.n_done, JobRow.n_cancelled)
)
_NUMBER = update(ItemRow).where(ItemRow.id == bindparam("item")).values(event=bindparam("number"))
_FIRST_ERROR = (
    select(ItemRow.error)
    .where(ItemRow.job_id == bindparam("job"), ItemRow.state == ItemState.FAILED.value)
    .order_by(ItemRow.position)
    .limit(1)
)


def count_one(
    connection: Connection, job_id: str, item_id: int, counts: tuple[str, ...], now: datetime
) -> None:
    """Number and count an item that ended in this transaction; close the job if it was the last.

    Args:
        counts: which of :data:`COUNTS` it adds to.
    """
    values: dict[str, Any] = {name: int(name in counts) for name in COUNTS}
    row = connection.execute(_COUNT, {**values, "job": job_id, "ended": 1}).one()
    connection.execute(_NUMBER, {"item": item_id, "number": row.events})
    if row[1] == 0:
        close_job(connection, job_id, row.n_done, row.n_cancelled, now)


def count_cancelled(connection: Connection, job_id: str, cancelled: int, now: datetime) -> None:
    """Number and count items that were cancelled in this transaction, and close the job."""
    total = select(JobRow.total).where(JobRow.id == job_id)
    size = connection.scalar(total) or 0
    values: dict[str, Any] = dict.fromkeys(COUNTS, 0)
    values |= {"job": job_id, "ended": size, "cancelled": cancelled}
    row = connection.execute(_COUNT, values).one()
    fresh = (
        ItemRow.job_id == job_id,
        ItemRow.state == ItemState.CANCELLED.value,
        ItemRow.event.is_(None),
    )
    numbered = update(ItemRow).where(*fresh)
    connection.execute(numbered.values(event=row.events - size + 1 + ItemRow.position))
    close_job(connection, job_id, row.n_done, row.n_cancelled, now)


def close_job(
    connection: Connection, job_id: str, done: int, cancelled: int, now: datetime
) -> None:
    """Give a job whose items have all ended its own end."""
    state = JobState.CANCELLED if cancelled else JobState.DONE if done else JobState.FAILED
    error = None
    if state is JobState.FAILED:
        error = connection.scalar(_FIRST_ERROR, {"job": job_id})
    connection.execute(
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(state=state.value, error=error, finished_at=now)
    )
