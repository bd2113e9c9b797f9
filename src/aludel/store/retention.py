"""Retention: removal of jobs that ended long ago."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, select

from aludel.store.database import Database
from aludel.store.tables import (
    AttemptRow,
    ItemRow,
    JobRow,
    JobVariantRow,
    ProofStepsRow,
    VariantRow,
    VerdictRow,
)

_PAGE = 50
_VERDICT_PAGE = 1_000


def prune_jobs(database: Database, before: datetime) -> int:
    """Remove jobs that ended before a time, with their items; what they recorded stays.

    Returns:
        How many jobs were removed.

    Raises:
        StoreError: the database cannot be written; pages removed before stay removed.
    """
    ended = select(JobRow.id).where(JobRow.finished_at < before).limit(_PAGE)
    removed = 0
    while True:
        with database.write() as connection:
            ids = list(connection.scalars(ended.with_for_update(skip_locked=True)))
            for table in (JobVariantRow, ItemRow):
                connection.execute(delete(table).where(table.job_id.in_(ids)))
            connection.execute(delete(JobRow).where(JobRow.id.in_(ids)))
        removed += len(ids)
        if len(ids) < _PAGE:
            return removed


def prune_verdicts(database: Database, before: datetime) -> int:
    """Remove recorded verdicts older than a time to which no item, variant or attempt refers.

    The tactic states of their proofs go with them. An equal candidate will be checked again.

    Returns:
        How many verdicts were removed.

    Raises:
        StoreError: the database cannot be written; pages removed before stay removed.
    """
    unused = (
        select(VerdictRow.hash)
        .where(
            VerdictRow.created_at < before,
            ~exists().where(ItemRow.verdict_hash == VerdictRow.hash),
            ~exists().where(VariantRow.verdict_hash == VerdictRow.hash),
            ~exists().where(AttemptRow.verdict_hash == VerdictRow.hash),
        )
        .limit(_VERDICT_PAGE)
    )
    removed = 0
    while True:
        with database.write() as connection:
            hashes = list(connection.scalars(unused.with_for_update(skip_locked=True)))
            traced = ProofStepsRow.verdict_hash.in_(hashes)
            connection.execute(delete(ProofStepsRow).where(traced))
            connection.execute(delete(VerdictRow).where(VerdictRow.hash.in_(hashes)))
        removed += len(hashes)
        if len(hashes) < _VERDICT_PAGE:
            return removed
