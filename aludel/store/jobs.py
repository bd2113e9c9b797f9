"""Jobs: accepted work and how far it has come."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from aludel.errors import NotFound
from aludel.jobs import (
    Failure,
    Item,
    ItemState,
    Job,
    JobKind,
    JobState,
    MutationRequest,
    Progress,
)
from aludel.models import VERDICT, CheckRequest, Verdict
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import ItemRow, JobRow, VerdictRow

_STATE = select(JobRow.state).where(JobRow.id == bindparam("id"))


class Jobs:
    """The table of jobs, and reading of their items."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_check(self, requests: Sequence[CheckRequest]) -> Job:
        """Record a job of one item per request, committed when this returns.

        Raises:
            StoreError: the database cannot be written; nothing was recorded.
        """
        payloads = [request.model_dump(mode="json") for request in requests]
        return self._create(JobKind.CHECK, None, payloads)

    def create_mutation(self, request: MutationRequest) -> Job:
        """Record a job of one item, committed when this returns.

        Raises:
            StoreError: the database cannot be written; nothing was recorded.
        """
        payload = request.model_dump(mode="json")
        return self._create(JobKind.MUTATE, payload, [payload])

    def get(self, job_id: str) -> Job:
        """Return a job as it stands.

        Raises:
            NotFound: there is no such job.
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            row = connection.execute(select(JobRow).where(JobRow.id == job_id)).first()
            if row is None:
                raise _no_job(job_id)
            return _job(row, _progress(connection, job_id))

    def state(self, job_id: str) -> JobState:
        """Return only the state of a job, which is cheaper.

        Raises:
            NotFound: there is no such job.
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            state = connection.scalar(_STATE, {"id": job_id})
        if state is None:
            raise _no_job(job_id)
        return JobState(state)

    def items(self, job_id: str, after: int = -1, limit: int = 100) -> list[Item]:
        """Return up to ``limit`` items in order, those whose position is above ``after``.

        Raises:
            StoreError: the database cannot be read.
        """
        query = (
            select(
                ItemRow,
                VerdictRow.verdict.label("decided"),
                JobRow.created_at.label("submitted_at"),
            )
            .join(JobRow, JobRow.id == ItemRow.job_id)
            .join(VerdictRow, VerdictRow.hash == ItemRow.verdict_hash, isouter=True)
            .where(ItemRow.job_id == job_id, ItemRow.position > after)
            .order_by(ItemRow.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            return [_item(row) for row in connection.execute(query)]

    def mark_enqueued(self, job_id: str) -> None:
        """Record that the broker has taken messages for the job.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._database.write() as connection:
            connection.execute(
                update(JobRow).where(JobRow.id == job_id).values(enqueued_at=self._clock())
            )

    def _create(
        self, kind: JobKind, payload: dict[str, Any] | None, items: list[dict[str, Any]]
    ) -> Job:
        job: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "kind": kind.value,
            "state": JobState.QUEUED.value,
            "total": len(items),
            "payload": payload,
            "created_at": self._clock(),
        }
        new = {"job_id": job["id"], "state": ItemState.QUEUED.value, "attempts": 0}
        rows = [{**new, "position": n, "payload": item} for n, item in enumerate(items)]
        with self._database.write() as connection:
            connection.execute(insert(JobRow), job)
            connection.execute(insert(ItemRow), rows)
        return Job(
            id=job["id"],
            kind=kind,
            state=JobState.QUEUED,
            total=len(items),
            progress=Progress(queued=len(items)),
            created_at=job["created_at"],
            request=None if payload is None else MutationRequest.model_validate(payload),
        )


def _progress(connection: Connection, job_id: str) -> Progress:
    query = (
        select(ItemRow.state, ItemRow.outcome, func.count())
        .where(ItemRow.job_id == job_id)
        .group_by(ItemRow.state, ItemRow.outcome)
    )
    counts = dict.fromkeys(Progress.model_fields, 0)
    for state, outcome, number in connection.execute(query):
        counts[state] += number
        if outcome is not None:
            counts[outcome] += number
    return Progress(**counts)


def _job(row: Any, progress: Progress) -> Job:  # noqa: ANN401 - a row of JobRow's columns
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        total=row.total,
        progress=progress,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        request=None if row.payload is None else MutationRequest.model_validate(row.payload),
        summary=row.summary,
        error=None if row.error is None else Failure.model_validate(row.error),
    )


def _item(row: Any) -> Item:  # noqa: ANN401 - ItemRow's columns, decided and submitted_at
    value = row.verdict if row.decided is None else row.decided
    verdict = None if value is None else VERDICT.validate_python(value)
    return Item(
        position=row.position,
        state=ItemState(row.state),
        attempts=row.attempts,
        metadata=row.payload.get("metadata", {}),
        verdict=verdict and _with_queue_time(verdict, row.started_at - row.submitted_at),
        error=None if row.error is None else Failure.model_validate(row.error),
    )


def _with_queue_time(verdict: Verdict, waited: timedelta) -> Verdict:
    # The wait belongs to this item; the recorded verdict may serve many.
    usage = verdict.usage.model_copy(update={"queue_s": round(waited.total_seconds(), 6)})
    return verdict.model_copy(update={"usage": usage})


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"no job has the id {job_id!r}", field="id")
