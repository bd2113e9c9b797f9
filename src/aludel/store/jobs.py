"""Jobs in the store: accepted work and its progress."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, tuple_, update

from aludel.errors import Conflict, NotFound, StoreError
from aludel.job_requests import AttemptRequest, ExportRequest
from aludel.jobs import (
    REQUESTS,
    Failure,
    Item,
    ItemState,
    Job,
    JobKind,
    JobProgress,
    JobRequest,
    JobState,
    MutationRequest,
)
from aludel.models import VERDICT, CheckRequest, Model, Verdict
from aludel.problems import FStarDefinition, TheoremProblem
from aludel.projects import route_of
from aludel.store.clock import Clock
from aludel.store.closing import COUNTS, LEFT
from aludel.store.database import Database
from aludel.store.keys import charge
from aludel.store.line import place_of
from aludel.store.tables import ANONYMOUS, ItemRow, JobRow, VerdictRow
from aludel.store.verdicts import taken_back

_STATE = select(JobRow.state).where(JobRow.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class Submission:
    """Options of a submission.

    Attributes:
        key_id: the API key that pays for it.
        priority: jobs of a higher one are served first.
        idempotency_key: equal ones of the same API key mean the same job.
        digest: of the request, so that an idempotency key is not used for two.
    """

    key_id: str = ANONYMOUS
    priority: int = 0
    idempotency_key: str | None = None
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A choice of jobs; ``None`` does not restrict.

    Attributes:
        before: creation time and id of the last job of the page before.
    """

    key_id: str | None = None
    state: JobState | None = None
    kind: JobKind | None = None
    before: tuple[datetime, str] | None = None


_PLAIN = Submission()


class Jobs:
    """The table of jobs, and reading of their items."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create_check(
        self,
        requests: Sequence[CheckRequest],
        submission: Submission = _PLAIN,
        routes: Sequence[str | None] | None = None,
    ) -> Job:
        """Record a job of one item per request, committed when this returns.

        ``routes`` say where each is decided (:mod:`aludel.projects`); by default they go where
        they say themselves.

        Returns:
            The job; the earlier one if its idempotency key was used before.

        Raises:
            Conflict: the idempotency key stands for another request.
            QuotaExceeded: the API key may not submit that much now.
            StoreError: the database cannot be written; nothing was recorded.
        """
        rows = [
            {
                "payload": _json(request),
                "prover": request.context.prover.value,
                "toolchain": where,
            }
            for request, where in zip(
                requests, routes or [route_of(request) for request in requests], strict=True
            )
        ]
        return self._create(JobKind.CHECK, None, rows, submission)

    def create_mutation(self, request: MutationRequest, submission: Submission = _PLAIN) -> Job:
        """Record a job of one item, committed when this returns; as :meth:`create_check`."""
        return self._create(JobKind.MUTATE, request, [{"payload": _json(request)}], submission)

    def create_export(self, request: ExportRequest, submission: Submission = _PLAIN) -> Job:
        """Record a job of one item, committed when this returns; as :meth:`create_check`."""
        return self._create(JobKind.EXPORT, request, [{"payload": _json(request)}], submission)

    def create_attempts(
        self,
        request: AttemptRequest,
        problems: Sequence[TheoremProblem | FStarDefinition],
        submission: Submission = _PLAIN,
    ) -> Job:
        """Record a job of one item per problem, committed when this returns; see above."""
        prover = request.prover.value
        rows = [{"payload": _json(problem), "prover": prover} for problem in problems]
        return self._create(JobKind.PROVE, request, rows, submission)

    def get(self, job_id: str) -> Job:
        """Return a job as it stands.

        Raises:
            NotFound: there is no such job.
            StoreError: the database cannot be read.
        """
        found = self._jobs(select(JobRow).where(JobRow.id == job_id))
        if not found:
            raise _no_job(job_id)
        return found[0]

    def page(self, chosen: JobFilter, limit: int = 100) -> list[Job]:
        """Return up to ``limit`` jobs, the newest first.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit)
        if chosen.key_id is not None:
            query = query.where(JobRow.key_id == chosen.key_id)
        if chosen.state is not None:
            query = query.where(JobRow.state == chosen.state.value)
        if chosen.kind is not None:
            query = query.where(JobRow.kind == chosen.kind.value)
        if chosen.before is not None:
            query = query.where(tuple_(JobRow.created_at, JobRow.id) < tuple_(*chosen.before))
        return self._jobs(query)

    def owner(self, job_id: str) -> str:
        """Return the id of the API key that submitted a job.

        Raises:
            NotFound: there is no such job.
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            key_id = connection.scalar(select(JobRow.key_id).where(JobRow.id == job_id))
        if key_id is None:
            raise _no_job(job_id)
        return key_id

    def unfinished(self) -> dict[str, int]:
        """Return how many items of each API key have not ended.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(JobRow.key_id, func.sum(LEFT)).where(JobRow.finished_at.is_(None))
        with self._database.read() as connection:
            return {key: int(n) for key, n in connection.execute(query.group_by(JobRow.key_id))}

    def queue(self) -> dict[tuple[str, str, str], int]:
        """Return how many items have not ended, by kind of job, prover and state.

        Raises:
            StoreError: the database cannot be read.
        """
        unended = ItemRow.state.in_((ItemState.QUEUED.value, ItemState.RUNNING.value))
        query = (
            select(JobRow.kind, ItemRow.prover, ItemRow.state, func.count())
            .join(ItemRow, ItemRow.job_id == JobRow.id)
            .where(JobRow.finished_at.is_(None), unended)
            .group_by(JobRow.kind, ItemRow.prover, ItemRow.state)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {(kind, prover or "lean", state): count for kind, prover, state, count in rows}

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
        query = _items(job_id).where(ItemRow.position > after).order_by(ItemRow.position)
        with self._database.read() as connection:
            return [_item(row) for row in connection.execute(query.limit(limit))]

    def events(self, job_id: str, after: int = 0, limit: int = 100) -> list[tuple[int, Item]]:
        """Return up to ``limit`` ended items in the order of their ends, each with its number.

        Numbers only grow; those above ``after`` are returned.

        Raises:
            StoreError: the database cannot be read.
        """
        query = _items(job_id).where(ItemRow.event > after).order_by(ItemRow.event)
        with self._database.read() as connection:
            return [(row.event, _item(row)) for row in connection.execute(query.limit(limit))]

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
        self,
        kind: JobKind,
        request: JobRequest | None,
        items: list[dict[str, Any]],
        submission: Submission,
    ) -> Job:
        earlier = self.earlier(submission)
        if earlier is not None:
            return earlier
        now = self._clock()
        values = {
            "id": uuid.uuid4().hex,
            "kind": kind.value,
            "state": JobState.QUEUED.value,
            "total": len(items),
            "payload": None if request is None else _json(request),
            "created_at": now,
            "key_id": submission.key_id,
            "rank": -submission.priority,
            "idempotency_key": submission.idempotency_key,
            "request_digest": submission.digest,
        }
        try:
            self._insert(values, items)
        except StoreError:
            # Two that came with the same idempotency key at the same time: the other one was first.
            earlier = self.earlier(submission)
            if earlier is None:
                raise
            return earlier
        return Job(
            id=str(values["id"]),
            kind=kind,
            state=JobState.QUEUED,
            total=len(items),
            priority=submission.priority,
            progress=JobProgress(queued=len(items)),
            created_at=now,
            request=request,
        )

    def _insert(self, job: dict[str, Any], items: list[dict[str, Any]]) -> None:
        new = {"job_id": job["id"], "state": ItemState.QUEUED.value, "attempts": 0}
        rows = [{**new, "position": n, **item} for n, item in enumerate(items)]
        kind, key_id = JobKind(job["kind"]), job["key_id"]
        with self._database.write() as connection:
            charge(connection, key_id, len(items), job["created_at"])
            place = place_of(connection, kind, job["rank"], key_id)
            connection.execute(insert(JobRow), {**job, "place": place})
            connection.execute(insert(ItemRow), rows)

    def earlier(self, submission: Submission) -> Job | None:
        """Return the job that was submitted under the same idempotency key.

        Raises:
            Conflict: it was another request.
            StoreError: the database cannot be read.
        """
        if submission.idempotency_key is None:
            return None
        query = select(JobRow.id, JobRow.request_digest).where(
            JobRow.key_id == submission.key_id,
            JobRow.idempotency_key == submission.idempotency_key,
        )
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        if row.request_digest != submission.digest:
            raise Conflict(
                "the idempotency key was used for another request",
                field="Idempotency-Key",
                fix="use a new key for a new request",
            )
        return self.get(row.id)

    def _jobs(self, query: Select[JobRow]) -> list[Job]:
        with self._database.read() as connection:
            rows = connection.execute(query).all()
            running = _running(connection, [row.id for row in rows if row.finished_at is None])
        return [_job(row, running.get(row.id, 0)) for row in rows]


def _running(connection: Connection, job_ids: list[str]) -> dict[str, int]:
    """Return how many items of each job a worker has."""
    if not job_ids:
        return {}
    query = (
        select(ItemRow.job_id, func.count())
        .where(ItemRow.job_id.in_(job_ids), ItemRow.state == ItemState.RUNNING.value)
        .group_by(ItemRow.job_id)
    )
    return dict(connection.execute(query).all())


def _job(row: Any, running: int) -> Job:  # noqa: ANN401 - a row of JobRow's columns
    counts = {name: getattr(row, f"n_{name}") for name in COUNTS}
    ended = row.n_done + row.n_failed + row.n_cancelled
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        total=row.total,
        priority=-row.rank,
        progress=JobProgress(queued=max(0, row.total - ended - running), running=running, **counts),
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        request=_request(row),
        summary=row.summary,
        error=None if row.error is None else Failure.model_validate(row.error),
    )


def _request(row: Any) -> JobRequest | None:  # noqa: ANN401 - a row of JobRow's columns
    return None if row.payload is None else REQUESTS[JobKind(row.kind)].model_validate(row.payload)


def _json(request: Model) -> dict[str, Any]:
    return request.model_dump(mode="json")


def _items(job_id: str) -> Any:  # noqa: ANN401 - a typed Select says no more
    return (
        select(
            ItemRow,
            VerdictRow.verdict.label("decided"),
            VerdictRow.taken_back_at,
            JobRow.created_at.label("submitted_at"),
            JobRow.kind,
        )
        .join(JobRow, JobRow.id == ItemRow.job_id)
        .join(VerdictRow, VerdictRow.hash == ItemRow.verdict_hash, isouter=True)
        .where(ItemRow.job_id == job_id)
    )


def _item(row: Any) -> Item:  # noqa: ANN401 - ItemRow's columns, decided and submitted_at
    value = row.verdict if row.decided is None else row.decided
    verdict, error = None if value is None else VERDICT.validate_python(value), row.error
    if row.taken_back_at is not None:
        verdict, error = None, Failure.of(taken_back(row.taken_back_at))
    return Item(
        position=row.position,
        state=ItemState(row.state),
        attempts=row.attempts,
        metadata=row.payload.get("metadata", {}),
        problem=row.payload["name"] if row.kind == JobKind.PROVE.value else None,
        verdict=verdict and _with_queue_time(verdict, row.started_at - row.submitted_at),
        error=None if error is None else Failure.model_validate(error),
    )


def _with_queue_time(verdict: Verdict, waited: timedelta) -> Verdict:
    # The wait belongs to this item; the recorded verdict may serve many.
    usage = verdict.usage.model_copy(update={"queue_s": round(waited.total_seconds(), 6)})
    return verdict.model_copy(update={"usage": usage})


def _no_job(job_id: str) -> NotFound:
    return NotFound(f"no job has the id {job_id!r}", field="id")
