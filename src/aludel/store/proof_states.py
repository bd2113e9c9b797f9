"""Tactic states of accepted candidates, each recorded once under the verdict's hash."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.exc import IntegrityError

from aludel.errors import Conflict
from aludel.proof_states import ProofTrace
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import ProofStepsRow

_STEPS = select(ProofStepsRow.steps).where(ProofStepsRow.verdict_hash == bindparam("key"))


class ProofStates:
    """The table of proof steps."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._insert = database.insert_ignore(ProofStepsRow)

    def get(self, verdict_hash: str) -> ProofTrace | None:
        """Return the steps of the candidate with this verdict; ``None`` if none were extracted.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            value = connection.scalar(_STEPS, {"key": verdict_hash})
        return None if value is None else ProofTrace.model_validate(value)

    def put(self, verdict_hash: str, trace: ProofTrace) -> bool:
        """Record steps unless some are recorded already; return whether this call did.

        Raises:
            Conflict: no verdict is recorded under the hash.
            StoreError: the database cannot be written.
        """
        values = {
            "verdict_hash": verdict_hash,
            "steps": trace.model_dump(mode="json"),
            "created_at": self._clock(),
        }
        with self._database.write() as connection:
            try:
                return bool(connection.execute(self._insert, values).rowcount)
            except IntegrityError as error:
                raise Conflict(
                    f"no verdict has the hash {verdict_hash!r}",
                    field="verdict_hash",
                    fix="record it first",
                ) from error
