"""Runs of attempts. A problem is recorded with all its attempts at once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import func, insert, select

from aludel.attempts import AttemptPlan, AttemptRecord, AttemptRun, ProblemOutcome
from aludel.errors import Conflict, NotFound
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import AttemptOutcomeRow, AttemptRow, AttemptRunRow

_PAGE = 500


class Attempts:
    """The tables of attempts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(self, name: str, plan: AttemptPlan, problems: int) -> AttemptRun:
        """Record a run, or take up the one of this name.

        Raises:
            Conflict: there is one with another plan.
            StoreError: the database cannot be written.
        """
        values = {
            "name": name,
            "digest": plan.digest,
            "plan": plan.model_dump(mode="json"),
            "problems": problems,
            "created_at": self._clock(),
        }
        with self._database.write() as connection:
            connection.execute(self._database.insert_ignore(AttemptRunRow), values)
        run = self.run(name)
        if run.plan.digest != plan.digest:
            raise Conflict(
                f"the run {name!r} has another generator, toolchain, set of problems or setting",
                field="name",
                fix="choose another name",
            )
        return run

    def run(self, name: str) -> AttemptRun:
        """Return a run as it stands.

        Raises:
            NotFound: there is none of this name.
            StoreError: the database cannot be read.
        """
        found = [run for run in self.runs() if run.name == name]
        if not found:
            raise NotFound(
                f"there is no run {name!r}", field="name", fix="see aludel attempts list"
            )
        return found[0]

    def runs(self) -> list[AttemptRun]:
        """Return all runs, the newest first; raises StoreError."""
        done = (
            select(AttemptOutcomeRow.run, func.count().label("done"))
            .group_by(AttemptOutcomeRow.run)
            .subquery()
        )
        query = (
            select(AttemptRunRow, func.coalesce(done.c.done, 0).label("done"))
            .outerjoin(done, done.c.run == AttemptRunRow.name)
            .order_by(AttemptRunRow.created_at.desc(), AttemptRunRow.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [
            AttemptRun(
                name=row.name,
                plan=AttemptPlan.model_validate(row.plan),
                problems=row.problems,
                done=row.done,
                created_at=row.created_at,
            )
            for row in rows
        ]

    def record(self, run: str, outcome: ProblemOutcome, attempts: Sequence[AttemptRecord]) -> bool:
        """Record that a run is done with a problem; return whether this call did.

        Raises:
            StoreError: the database cannot be written.
        """
        values = {
            "run": run,
            "problem": outcome.problem,
            "outcome": outcome.model_dump(mode="json"),
            "created_at": self._clock(),
        }
        rows = [
            {
                "run": run,
                "problem": attempt.problem,
                "position": attempt.position,
                "round": attempt.round,
                "kind": attempt.verdict.kind,
                "attempt": attempt.model_dump(mode="json"),
            }
            for attempt in attempts
        ]
        with self._database.write() as connection:
            done = connection.execute(self._database.insert_ignore(AttemptOutcomeRow), values)
            if not done.rowcount:
                return False
            if rows:
                connection.execute(insert(AttemptRow), rows)
        return True

    def outcomes(self, run: str) -> list[ProblemOutcome]:
        """Return what a run is done with, by problem; raises StoreError."""
        query = (
            select(AttemptOutcomeRow.outcome)
            .where(AttemptOutcomeRow.run == run)
            .order_by(AttemptOutcomeRow.problem)
        )
        with self._database.read() as connection:
            return [ProblemOutcome.model_validate(value) for value in connection.scalars(query)]

    def iterate(self, run: str) -> Iterator[AttemptRecord]:
        """Yield a run's attempts by problem and position, a page at a time; raises StoreError."""
        key = (AttemptRow.problem, AttemptRow.position, AttemptRow.round)
        query = select(AttemptRow.attempt).where(AttemptRow.run == run).order_by(*key)
        offset = 0
        while True:
            with self._database.read() as connection:
                page = list(connection.scalars(query.offset(offset).limit(_PAGE)))
            yield from (AttemptRecord.model_validate(value) for value in page)
            offset += len(page)
            if len(page) < _PAGE:
                return
