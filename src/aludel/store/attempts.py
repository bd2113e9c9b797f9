"""Runs of attempts. A problem is recorded with all its attempts at once, or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select, tuple_

from aludel.attempts import AttemptPlan, AttemptRecord, AttemptRun, ProblemOutcome
from aludel.errors import Conflict, NotFound
from aludel.models import Verdict
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import ANONYMOUS, AttemptOutcomeRow, AttemptRow, AttemptRunRow

_PAGE = 500


@dataclass(frozen=True, slots=True)
class RunFilter:
    """A choice of runs; ``None`` does not restrict.

    Attributes:
        key_id: started by this API key.
        before: creation time and name of the last run of the page before.
    """

    key_id: str | None = None
    before: tuple[datetime, str] | None = None


_ALL = RunFilter()
AttemptKey = tuple[str, int, int]
"""Problem, position and round: which attempt of a run."""


class Attempts:
    """The tables of attempts."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def start(
        self, name: str, plan: AttemptPlan, problems: int, key_id: str | None = None
    ) -> AttemptRun:
        """Record a run, or take up the one of this name.

        Args:
            key_id: the API key that starts it, which takes up its own runs only; by default the
                operator, who may take up any.

        Raises:
            Conflict: there is one with another plan, or of another key.
            StoreError: the database cannot be written.
        """
        values = {
            "name": name,
            "digest": plan.digest,
            "plan": plan.model_dump(mode="json"),
            "problems": problems,
            "created_at": self._clock(),
            "key_id": key_id or ANONYMOUS,
        }
        with self._database.write() as connection:
            connection.execute(self._database.insert_ignore(AttemptRunRow), values)
        try:
            run = self.run(name, key_id)
        except NotFound as error:
            raise _taken(name) from error
        if run.plan.digest != plan.digest:
            raise Conflict(
                f"the run {name!r} has another generator, toolchain, set of problems or setting",
                field="name",
                fix="choose another name",
            )
        return run

    def ensure_free(self, name: str, key_id: str) -> AttemptRun | None:
        """Return the run of this name, if there is one, for ``key_id`` to go on with.

        Raises:
            Conflict: it is another key's.
            StoreError: the database cannot be read.
        """
        query = select(AttemptRunRow.key_id).where(AttemptRunRow.name == name)
        with self._database.read() as connection:
            owner = connection.scalar(query)
        if owner not in (None, key_id):
            raise _taken(name)
        return None if owner is None else self.run(name)

    def run(self, name: str, key_id: str | None = None) -> AttemptRun:
        """Return a run as it stands; with ``key_id``, one that this key started.

        Raises:
            NotFound: there is none of this name.
            StoreError: the database cannot be read.
        """
        query = _runs(RunFilter(key_id)).where(AttemptRunRow.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound(
                f"there is no run {name!r}", field="name", fix="see aludel attempts list"
            )
        return _run(row)

    def runs(self, chosen: RunFilter = _ALL, limit: int | None = None) -> list[AttemptRun]:
        """Return the chosen runs (all by default), the newest first; raises StoreError."""
        query = _runs(chosen).order_by(AttemptRunRow.created_at.desc(), AttemptRunRow.name.desc())
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query.limit(limit))]

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
                "verdict_hash": _kept(attempt.verdict),
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

    def outcomes(self, run: str, problems: Sequence[str] | None = None) -> list[ProblemOutcome]:
        """Return what a run is done with, by problem, or only of some; raises StoreError."""
        query = (
            select(AttemptOutcomeRow.outcome)
            .where(AttemptOutcomeRow.run == run)
            .order_by(AttemptOutcomeRow.problem)
        )
        if problems is not None:
            query = query.where(AttemptOutcomeRow.problem.in_(problems))
        with self._database.read() as connection:
            return [ProblemOutcome.model_validate(value) for value in connection.scalars(query)]

    def page(self, run: str, after: AttemptKey, limit: int) -> list[AttemptRecord]:
        """Return up to ``limit`` attempts of a run, those above ``after``; raises StoreError."""
        key = (AttemptRow.problem, AttemptRow.position, AttemptRow.round)
        query = select(AttemptRow.attempt).where(AttemptRow.run == run)
        query = query.where(tuple_(*key) > tuple_(*after)).order_by(*key).limit(limit)
        with self._database.read() as connection:
            return [AttemptRecord.model_validate(value) for value in connection.scalars(query)]

    def iterate(self, run: str) -> Iterator[AttemptRecord]:
        """Yield a run's attempts by problem and position, a page at a time; raises StoreError."""
        last: AttemptKey = ("", -1, -1)
        while page := self.page(run, last, _PAGE):
            yield from page
            last = key_of(page[-1])


def key_of(attempt: AttemptRecord) -> AttemptKey:
    """Return which attempt of its run this is."""
    return attempt.problem, attempt.position, attempt.round


def _kept(verdict: Verdict) -> str | None:
    return verdict.hash if verdict.kind == "accepted" else None


def _runs(chosen: RunFilter) -> Any:  # noqa: ANN401 - a typed Select says no more
    done = (
        select(func.count())
        .where(AttemptOutcomeRow.run == AttemptRunRow.name)
        .correlate(AttemptRunRow)
        .scalar_subquery()
    )
    query = select(AttemptRunRow, done.label("done"))
    if chosen.key_id is not None:
        query = query.where(AttemptRunRow.key_id == chosen.key_id)
    if chosen.before is not None:
        place = tuple_(AttemptRunRow.created_at, AttemptRunRow.name)
        query = query.where(place < tuple_(*chosen.before))
    return query


def _run(row: Any) -> AttemptRun:  # noqa: ANN401 - a row of AttemptRunRow's columns, and done
    return AttemptRun(
        name=row.name,
        plan=AttemptPlan.model_validate(row.plan),
        problems=row.problems,
        done=row.done,
        created_at=row.created_at,
    )


def _taken(name: str) -> Conflict:
    return Conflict(f"the name {name!r} is taken", field="name", fix="choose another name")
