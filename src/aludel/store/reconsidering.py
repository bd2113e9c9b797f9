"""Verdicts taken back: recorded, but to be checked again before anything rests on them anew.

Nothing is deleted. A verdict that is taken back stays where it is, and what it said is copied with
the reason; only the cache no longer answers with it. The next equal request is checked, and its
verdict takes the place of the old one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, select, update

from aludel.errors import InvalidRequest
from aludel.models import Prover
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import (
    AttemptRow,
    TakenBackRow,
    ToolchainRow,
    VariantRow,
    VerdictRow,
)

_PAGE = 500


@dataclass(frozen=True)
class Selection:
    """Which recorded verdicts are meant; what is None does not select.

    Attributes:
        prover: the prover that decided.
        toolchain: digest of the toolchain that decided, or its beginning.
        since: recorded at this time or later.
        until: recorded before this time.
        kind: ``accepted`` or ``rejected``.
        reason: the reason of a rejection.
        process: the prover process whose claim was judged, by its label.
    """

    prover: Prover | None = None
    toolchain: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    reason: str | None = None
    process: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions on the rows of verdicts, joined with their toolchains.

        Raises:
            InvalidRequest: nothing is selected by.
        """
        found: list[ColumnElement[bool]] = []
        if self.prover is not None:
            found.append(ToolchainRow.prover == self.prover.value)
        if self.toolchain is not None:
            prefixed = VerdictRow.toolchain_digest.startswith(self.toolchain, autoescape=True)
            found.append(prefixed)
        if self.since is not None:
            found.append(VerdictRow.created_at >= self.since)
        if self.until is not None:
            found.append(VerdictRow.created_at < self.until)
        if self.kind is not None:
            found.append(VerdictRow.kind == self.kind)
        if self.reason is not None:
            found.append(VerdictRow.reason == self.reason)
        if self.process is not None:
            found.append(VerdictRow.verdict["usage"]["process"].as_string() == self.process)
        if not found:
            raise InvalidRequest("select by something", fix="give a prover, toolchain or time")
        return found


@dataclass(frozen=True)
class Recorded:
    """A recorded verdict, and how many variants and attempts rest on it."""

    hash: str
    prover: str
    toolchain_digest: str
    kind: str
    reason: str | None
    created_at: datetime
    variants: int
    attempts: int


class Reconsidering:
    """Finds verdicts and takes them back."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def find(self, selection: Selection) -> list[Recorded]:
        """Return what is selected and not taken back yet, the oldest first.

        Raises:
            InvalidRequest: nothing is selected by.
            StoreError: the database cannot be read.
        """
        variants, attempts = _resting(VariantRow), _resting(AttemptRow)
        query = (
            select(
                VerdictRow.hash,
                ToolchainRow.prover,
                VerdictRow.toolchain_digest,
                VerdictRow.kind,
                VerdictRow.reason,
                VerdictRow.created_at,
                variants,
                attempts,
            )
            .join(ToolchainRow, ToolchainRow.digest == VerdictRow.toolchain_digest)
            .where(VerdictRow.taken_back_at.is_(None), *selection.conditions())
            .order_by(VerdictRow.created_at, VerdictRow.hash)
        )
        with self._database.read() as connection:
            return [Recorded(*row) for row in connection.execute(query)]

    def take_back(self, found: Sequence[Recorded], why: str) -> int:
        """Take recorded verdicts back; return how many this call did.

        Raises:
            StoreError: the database cannot be written; pages done before stay done.
        """
        return sum(
            self._take_back([r.hash for r in found[at : at + _PAGE]], why)
            for at in range(0, len(found), _PAGE)
        )

    def take_back_one(self, key: str, why: str) -> None:
        """Take back the verdict under a content hash, unless it was taken back before.

        Raises:
            StoreError: the database cannot be written.
        """
        self._take_back([key], why)

    def history(self, key: str) -> list[tuple[datetime, str, str]]:
        """Return when and why the verdict under ``key`` was taken back, and its kind, in order.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(TakenBackRow).where(TakenBackRow.hash == key).order_by(TakenBackRow.id)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [(row.taken_back_at, row.why, str(row.verdict["kind"])) for row in rows]

    def _take_back(self, hashes: list[str], why: str) -> int:
        now = self._clock()
        mine = VerdictRow.hash.in_(hashes), VerdictRow.taken_back_at.is_(None)
        with self._database.write() as connection:
            rows = connection.execute(select(VerdictRow).where(*mine).with_for_update()).all()
            values = [
                {
                    "hash": row.hash,
                    "toolchain_digest": row.toolchain_digest,
                    "verdict": row.verdict,
                    "created_at": row.created_at,
                    "taken_back_at": now,
                    "why": why,
                }
                for row in rows
            ]
            if values:
                connection.execute(insert(TakenBackRow), values)
                connection.execute(update(VerdictRow).where(*mine).values(taken_back_at=now))
        return len(values)


def _resting(table: type[VariantRow | AttemptRow]) -> ColumnElement[int]:
    counted = select(func.count()).where(table.verdict_hash == VerdictRow.hash)
    return counted.correlate(VerdictRow).scalar_subquery()
