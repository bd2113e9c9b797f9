"""Decided checks, each recorded once under its content hash."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select, update

from aludel.errors import Conflict, NotFound
from aludel.models import (
    VERDICT,
    Accepted,
    CheckRequest,
    Rejected,
    Toolchain,
    Verdict,
    content_hash,
)
from aludel.receipts import Receipt, issue
from aludel.records import Result
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import (
    AttemptRow,
    AttemptRunRow,
    ItemRow,
    JobRow,
    JobVariantRow,
    ToolchainRow,
    VariantRow,
    VerdictRow,
)
from aludel.store.toolchains import remember, toolchain_of
from aludel.vouching import ensure_confirmed, one_kernel_alone

_VERDICT = select(VerdictRow.verdict).where(
    VerdictRow.hash == bindparam("key"), VerdictRow.taken_back_at.is_(None)
)
_REPLACE = update(VerdictRow).where(
    VerdictRow.hash == bindparam("of_hash"), VerdictRow.taken_back_at.is_not(None)
)
_RESULT = select(VerdictRow).where(VerdictRow.hash == bindparam("key"))
_TOOLCHAIN = select(ToolchainRow).where(ToolchainRow.digest == bindparam("digest"))

_OF_KEY = JobRow.key_id == bindparam("key_id")
_ASKED = (
    select(ItemRow.id)
    .join(JobRow, JobRow.id == ItemRow.job_id)
    .where(ItemRow.verdict_hash == bindparam("key"), _OF_KEY)
    .limit(1),
    select(VariantRow.id)
    .join(JobVariantRow, JobVariantRow.variant_id == VariantRow.id)
    .join(JobRow, JobRow.id == JobVariantRow.job_id)
    .where(VariantRow.verdict_hash == bindparam("key"), _OF_KEY)
    .limit(1),
    select(AttemptRow.run)
    .join(AttemptRunRow, AttemptRunRow.name == AttemptRow.run)
    .where(AttemptRow.verdict_hash == bindparam("key"), AttemptRunRow.key_id == bindparam("key_id"))
    .limit(1),
)


class Verdicts:
    """The table of verdicts, which is the result cache."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = database.insert_ignore(VerdictRow)
        self._remembered: set[str] = set()

    def get(self, key: str) -> Accepted | Rejected | None:
        """Return the verdict recorded under the content hash ``key``, if there is one in force.

        One that was taken back is none: the candidate is to be checked again.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            value = connection.scalar(_VERDICT, {"key": key})
        return None if value is None else _decided(VERDICT.validate_python(value))

    def result(self, key: str) -> Result:
        """Return the verdict recorded under ``key`` with its request, taken back or not.

        Raises:
            NotFound: nothing is recorded under ``key``.
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            row = connection.execute(_RESULT, {"key": key}).first()
        if row is None:
            raise NotFound(f"no result has the hash {key!r}", field="hash")
        return Result(
            hash=row.hash,
            verdict=VERDICT.validate_python(row.verdict),
            request=CheckRequest.model_validate(row.request),
            toolchain_digest=row.toolchain_digest,
            created_at=row.created_at,
            taken_back_at=row.taken_back_at,
        )

    def in_force(self, key: str) -> Result:
        """Return the verdict recorded under ``key`` with its request, unless it was taken back.

        Raises:
            NotFound: nothing is recorded under ``key``.
            Conflict: the verdict was taken back and has not been checked again.
            StoreError: the database cannot be read.
        """
        result = self.result(key)
        if result.taken_back_at is not None:
            raise taken_back(result.taken_back_at)
        return result

    def asked_by(self, key: str, key_id: str) -> bool:
        """Whether an API key asked for the verdict ``key``: by a check, a variant or an attempt.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            return any(
                connection.scalar(query, {"key": key, "key_id": key_id}) is not None
                for query in _ASKED
            )

    def unfit(self, keys: Sequence[str]) -> frozenset[str]:
        """Return those of ``keys`` whose verdicts must not be passed on.

        They were taken back, or one kernel alone accepted.

        Raises:
            StoreError: the database cannot be read.
        """
        columns = (VerdictRow.hash, VerdictRow.verdict, VerdictRow.taken_back_at)
        with self._database.read() as connection:
            rows = connection.execute(select(*columns).where(VerdictRow.hash.in_(keys))).all()
        return frozenset(
            key
            for key, value, taken_back_at in rows
            if taken_back_at is not None or one_kernel_alone(VERDICT.validate_python(value))
        )

    def receipt(self, key: str) -> Receipt:
        """Return a receipt of the verdict recorded under ``key``, dated when it was recorded.

        Equal calls give equal receipts. It carries no signature: the store holds no key.

        Raises:
            NotFound: nothing is recorded under ``key``.
            Conflict: the verdict was taken back and has not been checked again, or one kernel
                alone accepted the proof, or its attribution is not confirmed.
            StoreError: the database cannot be read.
        """
        result = self.in_force(key)
        ensure_confirmed(result.verdict)
        with self._database.read() as connection:
            row = connection.execute(_TOOLCHAIN, {"digest": result.toolchain_digest}).one()
        return issue(toolchain_of(row), result.request, result.verdict, result.created_at)

    def put(
        self, request: CheckRequest, toolchain: Toolchain, verdict: Accepted | Rejected
    ) -> bool:
        """Record ``verdict`` unless one is in force already; return whether this call did.

        It takes the place of one that was taken back.

        It is committed when this returns.

        Raises:
            ValueError: the verdict is undecided, or carries another hash than the request's.
            StoreError: the database cannot be written.
        """
        key = content_hash(toolchain.digest, request)
        if verdict.hash != key:
            raise ValueError(f"the verdict is on {verdict.hash}, the request is {key}")
        now = self._clock()
        values = {
            "hash": key,
            "toolchain_digest": toolchain.digest,
            "kind": _decided(verdict).kind,
            "reason": verdict.reason,
            "request": request.model_dump(mode="json", exclude={"budget", "metadata"}),
            "verdict": verdict.model_dump(mode="json"),
            "created_at": now,
        }
        with self._database.write() as connection:
            if toolchain.digest not in self._remembered:
                remember(self._database, connection, toolchain, now)
            added = bool(connection.execute(self._insert, values).rowcount)
            if not added:
                anew = {n: values[n] for n in ("kind", "reason", "verdict", "created_at")}
                replace = _REPLACE.values(**anew, taken_back_at=None)
                added = bool(connection.execute(replace, {"of_hash": key}).rowcount)
        self._remembered.add(toolchain.digest)
        return added


def taken_back(at: datetime) -> Conflict:
    """Return the error that stands in the place of a verdict that was taken back ``at`` a time."""
    day = at.date().isoformat()
    return Conflict(
        f"the verdict was taken back on {day} and is to be checked again",
        field="hash",
        fix="send the candidate again",
    )


def _decided(verdict: Verdict) -> Accepted | Rejected:
    if not isinstance(verdict, Accepted | Rejected):
        raise ValueError("an undecided verdict is never recorded under its hash")  # noqa: TRY004 - a value, not a type, to callers
    return verdict
