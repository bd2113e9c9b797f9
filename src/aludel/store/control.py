"""Control of jobs: cancel, and retry what stayed undecided."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from aludel.errors import Conflict, NotFound
from aludel.jobs import ItemState, JobState
from aludel.store.clock import Clock
from aludel.store.closing import count_cancelled
from aludel.store.database import Database
from aludel.store.tables import ItemRow, JobRow

_PAGE = 1_000
_REQUEUE = (
    update(ItemRow)
    .where(ItemRow.id == bindparam("item"))
    .values(
        state=ItemState.QUEUED.value,
        payload=bindparam("new_payload"),
        attempts=0,
        outcome=None,
        verdict=None,
        event=None,
        started_at=None,
        finished_at=None,
    )
)


class Control:
    """Changes of mind about jobs."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def cancel(self, job_id: str) -> int:
        """End every item of a job that has not ended; a worker that is at one loses its lease.

        Safe to repeat; does nothing to a job that has ended.

        Returns:
            How many items were cancelled.

        Raises:
            NotFound: there is no such job.
            StoreError: the database cannot be written; nothing was changed.
        """
        now = self._clock()
        values = {
            "state": ItemState.CANCELLED.value,
            "leased_by": None,
            "lease_expires_at": None,
            "finished_at": now,
        }
        unfinished = (ItemState.QUEUED.value, ItemState.RUNNING.value)
        chosen = (
            select(ItemRow.id)
            .where(ItemRow.job_id == job_id, ItemRow.state.in_(unfinished))
            .order_by(ItemRow.id)  # as every heartbeat locks them
            .with_for_update()
        )
        with self._database.write() as connection:
            _ensure(connection, job_id)
            end = update(ItemRow).where(ItemRow.id.in_(chosen)).values(**values)
            cancelled = connection.execute(end).rowcount
            if cancelled:
                connection.execute(select(JobRow.id).where(JobRow.id == job_id).with_for_update())
                # A retry may have queued more before we got the job's lock.
                cancelled += connection.execute(end).rowcount
                count_cancelled(connection, job_id, cancelled, now)
        return cancelled

    def retry(self, job_id: str, budget: dict[str, Any]) -> int:
        """Queue a job's undecided items again, with fields of their budget replaced.

        Safe to repeat: what is queued already is no longer undecided.

        Returns:
            How many items were queued.

        Raises:
            NotFound: there is no such job.
            Conflict: the job was cancelled.
            StoreError: the database cannot be written; nothing was changed.
        """
        queued = 0
        with self._database.write() as connection:
            if _ensure(connection, job_id, lock=True) is JobState.CANCELLED:
                raise Conflict(
                    "the job was cancelled", field="id", fix="submit the candidates again"
                )
            while rows := connection.execute(_undecided(job_id)).all():
                connection.execute(
                    _REQUEUE,
                    [{"item": row.id, "new_payload": _with(row.payload, budget)} for row in rows],
                )
                queued += len(rows)
            if queued:
                connection.execute(_reopened(job_id, queued))
        return queued


def _ensure(connection: Connection, job_id: str, *, lock: bool = False) -> JobState:
    """Return the state of the job.

    A retry may lock it before items: the undecided ones, which no worker holds.
    """
    query = select(JobRow.state).where(JobRow.id == job_id)
    state = connection.scalar(query.with_for_update() if lock else query)
    if state is None:
        raise NotFound(f"no job has the id {job_id!r}", field="id")
    return JobState(state)


def _undecided(job_id: str) -> Any:  # noqa: ANN401 - a typed Select says no more
    return (
        select(ItemRow.id, ItemRow.payload)
        .where(
            ItemRow.job_id == job_id,
            ItemRow.state == ItemState.DONE.value,
            ItemRow.outcome == "undecided",
        )
        .order_by(ItemRow.id)
        .limit(_PAGE)
    )


def _with(payload: dict[str, Any], budget: dict[str, Any]) -> dict[str, Any]:
    return {**payload, "budget": {**payload.get("budget", {}), **budget}}


def _reopened(job_id: str, queued: int) -> Any:  # noqa: ANN401 - a typed Update says no more
    return (
        update(JobRow)
        .where(JobRow.id == job_id)
        .values(
            state=JobState.RUNNING.value,
            n_done=JobRow.n_done - queued,
            n_undecided=JobRow.n_undecided - queued,
            enqueued_at=None,  # so that a sweep sends it, should the sender not live to
            finished_at=None,
            error=None,
        )
    )
