"""Leases: which worker holds which item, and until when.

An item is ``queued``, or ``running`` under a lease that its worker keeps alive, or finished. The
number of the attempt and the worker's name fence the lease: a worker that was paused beyond its
lease cannot finish an item that another one has taken up since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, func, select, tuple_, update
from sqlalchemy.sql.dml import ReturningUpdate

from aludel.jobs import Failure, ItemState, JobKind, JobState
from aludel.models import Prover, Undecided, Verdict
from aludel.projects import ROUTE, is_route
from aludel.store.clock import Clock
from aludel.store.closing import count_one
from aludel.store.database import Database
from aludel.store.line import DECIDED, OF_PROVER, ROUTED, next_job
from aludel.store.sweeping import MAX_ATTEMPTS, Stalled, sweep
from aludel.store.tables import ItemRow, JobRow


def _claim(*conditions: ColumnElement[bool]) -> ReturningUpdate[int, int, int, dict[str, Any]]:
    """Return the statement that takes the next queued items of a job."""
    chosen = (
        select(ItemRow.id)
        .where(ItemRow.job_id == bindparam("job"), ItemRow.state == ItemState.QUEUED.value)
        .where(*conditions)
        .order_by(ItemRow.position)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("chosen")  # or PostgreSQL might choose again for each row
    )
    taken = update(ItemRow).where(ItemRow.id.in_(select(chosen.c.id)))
    return taken.values(
        state=ItemState.RUNNING.value,
        attempts=ItemRow.attempts + 1,
        leased_by=bindparam("worker"),
        lease_expires_at=bindparam("until"),
        started_at=func.coalesce(ItemRow.started_at, bindparam("now")),
    ).returning(ItemRow.id, ItemRow.position, ItemRow.attempts, ItemRow.payload)


# What every check executes is built once.
_CLAIM_ANY = _claim()
_CLAIM_CHECKS = _claim(*DECIDED)
_CLAIM_ROUTED = _claim(*ROUTED)
_CLAIM_OF_PROVER = _claim(OF_PROVER)
_BEGIN = (
    update(JobRow)
    .where(JobRow.id == bindparam("job"))
    .values(
        state=JobState.RUNNING.value,
        place=JobRow.place + bindparam("taken"),
        started_at=func.coalesce(JobRow.started_at, bindparam("now")),
    )
)
_CLOSE = (
    update(ItemRow)
    .where(
        ItemRow.id == bindparam("item"),
        ItemRow.state == ItemState.RUNNING.value,
        ItemRow.leased_by == bindparam("worker"),
        ItemRow.attempts == bindparam("attempt"),
    )
    .values(
        state=bindparam("to_state"),
        outcome=bindparam("to_outcome"),
        verdict_hash=bindparam("to_hash"),
        verdict=bindparam("to_verdict"),
        error=bindparam("to_error"),
        leased_by=None,
        lease_expires_at=None,
        finished_at=bindparam("now"),
    )
)


@dataclass(frozen=True, slots=True)
class Claim:
    """An item under lease. ``payload`` is the request's JSON; ``attempt`` counts from 1."""

    item_id: int
    worker: str
    job_id: str
    position: int
    attempt: int
    payload: dict[str, Any] = field(repr=False)


__all__ = ["MAX_ATTEMPTS", "Claim", "Items", "Stalled"]


class Items:
    """The table of items, from a worker's side."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def next_job(
        self, kind: JobKind, prover: Prover | None = None, toolchain: str | None = None
    ) -> str | None:
        """Return the job of which items should be taken now (see :mod:`aludel.store.line`).

        With ``prover``, one that has items for it; with ``toolchain``, checks that name none or
        this one, or those of a project's route.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            return next_job(connection, kind, prover, toolchain)

    def claim(
        self,
        job_id: str,
        worker: str,
        limit: int,
        lease_s: float,
        prover: Prover | None = None,
        toolchain: str | None = None,
    ) -> list[Claim]:
        """Take up to ``limit`` queued items of a job for ``lease_s`` seconds, in order.

        With ``prover``, only items for it are taken; with ``toolchain``, only checks that name
        none or this one.

        Raises:
            StoreError: the database cannot be written; nothing was taken.
        """
        now = self._clock()
        values = {
            "job": job_id,
            "worker": worker,
            "most": limit,
            "now": now,
            "until": now + timedelta(seconds=lease_s),
        }
        statement = _CLAIM_ANY
        if prover is not None:
            checks = _CLAIM_ROUTED if is_route(toolchain) else _CLAIM_CHECKS
            statement = _CLAIM_OF_PROVER if toolchain is None else checks
            values |= {"by": prover.value} | ({"having": toolchain} if toolchain else {})
        with self._database.write() as connection:
            rows = connection.execute(statement, values).all()
            if rows:
                connection.execute(_BEGIN, {"job": job_id, "now": now, "taken": len(rows)})
        rows = sorted(rows, key=lambda row: row.position)
        return [Claim(r.id, worker, job_id, r.position, r.attempts, r.payload) for r in rows]

    def waiting(self, job_id: str, prover: Prover | None = None) -> int:
        """Return how many items of a job are queued; with ``prover``, checks that it decides.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(func.count()).where(
            ItemRow.job_id == job_id, ItemRow.state == ItemState.QUEUED.value
        )
        if prover is not None:
            query = query.where(ItemRow.prover == prover.value)
        with self._database.read() as connection:
            return connection.scalar(query) or 0

    def projects_waiting(self, job_id: str) -> dict[str, int]:
        """Return how many checks of a job are queued for each named project.

        Raises:
            StoreError: the database cannot be read.
        """
        query = (
            select(ItemRow.toolchain, func.count())
            .where(
                ItemRow.job_id == job_id,
                ItemRow.state == ItemState.QUEUED.value,
                ItemRow.toolchain.startswith(ROUTE),
            )
            .group_by(ItemRow.toolchain)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
        return {str(name).removeprefix(ROUTE): count for name, count in found}

    def heartbeat(self, claims: Sequence[Claim], lease_s: float) -> int:
        """Extend the leases that still hold, to ``lease_s`` seconds from now.

        Returns:
            How many still hold.

        Raises:
            StoreError: the database cannot be written.
        """
        until = self._clock() + timedelta(seconds=lease_s)
        chosen = (
            select(ItemRow.id)
            .where(_held(claims))
            .order_by(ItemRow.id)  # so that two who lock several cannot wait for each other
            .with_for_update()
        )
        statement = update(ItemRow).where(ItemRow.id.in_(chosen)).values(lease_expires_at=until)
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

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
            ItemState.DONE,
            outcome=verdict.kind,
            verdict_hash=None if undecided else verdict.hash,
            verdict=verdict.model_dump(mode="json") if undecided else None,
        )

    def finish_problem(self, claim: Claim, *, proved: bool) -> bool:
        """Record that a problem was attempted; what became of it is recorded with its run before.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        return self._close(claim, ItemState.DONE, outcome="accepted" if proved else None)

    def report(self, claim: Claim, summary: dict[str, Any]) -> bool:
        """Record on the job how far its one item is.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        held = exists().where(ItemRow.job_id == JobRow.id, _held([claim]))
        statement = update(JobRow).where(JobRow.id == claim.job_id, held)
        with self._database.write() as connection:
            return bool(connection.execute(statement.values(summary=summary)).rowcount)

    def finish_whole(self, claim: Claim, summary: dict[str, Any]) -> bool:
        """Record that a job's one item (a mutation, an export) ended, and its figures on the job.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        return self._close(claim, ItemState.DONE, summary=summary)

    def fail(self, claim: Claim, failure: Failure) -> bool:
        """Record that an item could not be carried out, and why.

        Returns:
            False when the lease was lost; nothing was changed then.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        error = failure.model_dump(mode="json")
        return self._close(claim, ItemState.FAILED, error=error)

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
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

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
        return sweep(self._database, self._clock(), resend_after_s)

    def _close(
        self,
        claim: Claim,
        state: ItemState,
        *,
        outcome: str | None = None,
        verdict_hash: str | None = None,
        verdict: dict[str, Any] | None = None,
        error: dict[str, Any] | None = None,
        summary: dict[str, Any] | None = None,
    ) -> bool:
        now = self._clock()
        values = {
            "item": claim.item_id,
            "worker": claim.worker,
            "attempt": claim.attempt,
            "to_state": state.value,
            "to_outcome": outcome,
            "to_hash": verdict_hash,
            "to_verdict": verdict,
            "to_error": error,
            "now": now,
        }
        with self._database.write() as connection:
            if not connection.execute(_CLOSE, values).rowcount:
                return False
            if summary is not None:
                of_job = update(JobRow).where(JobRow.id == claim.job_id)
                connection.execute(of_job.values(summary=summary))
            counts = (state.value,) if outcome is None else (state.value, outcome)
            count_one(connection, claim.job_id, claim.item_id, counts, now)
        return True


def _held(claims: Sequence[Claim]) -> ColumnElement[bool]:
    keys = [(claim.item_id, claim.worker, claim.attempt) for claim in claims]
    return (ItemRow.state == ItemState.RUNNING.value) & tuple_(
        ItemRow.id, ItemRow.leased_by, ItemRow.attempts
    ).in_(keys)
