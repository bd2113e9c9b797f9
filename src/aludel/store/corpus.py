"""The corpus: theorems of libraries, and variants that a prover accepted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select
from sqlalchemy.exc import IntegrityError

from aludel.errors import Conflict, NotFound
from aludel.records import TheoremRecord, VariantRecord
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import JobRow, JobVariantRow, TheoremRow, VariantParentRow, VariantRow

_PAGE = 200
_COLUMNS = tuple(set(VariantRecord.model_fields) - {"parents"})


@dataclass(frozen=True, slots=True)
class VariantFilter:
    """A choice of variants; ``None`` does not restrict.

    Attributes:
        toolchain_digest: accepted by the toolchain of this digest, or of one that begins so.
        parent: made from this theorem or with this lemma.
        job_id: recorded by this mutation job.
    """

    toolchain_digest: str | None = None
    parent: str | None = None
    job_id: str | None = None


class Theorems:
    """The table of library theorems."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._insert = database.insert_ignore(TheoremRow)

    def add_many(self, toolchain_digest: str, records: Iterable[TheoremRecord]) -> int:
        """Record theorems of a recorded toolchain; known ones stay as they are.

        Returns:
            How many were new.

        Raises:
            Conflict: the toolchain is not recorded.
            StoreError: the database cannot be written; earlier pages stay recorded.
        """
        rows = ({"toolchain_digest": toolchain_digest, **r.model_dump()} for r in records)
        added = 0
        while page := list(islice(rows, _PAGE)):
            with self._database.write() as connection:
                before = _count(connection, toolchain_digest)
                try:
                    connection.execute(self._insert, page)
                except IntegrityError as error:
                    raise _unknown("toolchain", toolchain_digest) from error
                added += _count(connection, toolchain_digest) - before
        return added

    def iterate(self, toolchain_digest: str) -> Iterator[TheoremRecord]:
        """Yield the theorems of a toolchain in the order of their names, in constant memory.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(TheoremRow).where(TheoremRow.toolchain_digest == toolchain_digest)
        last = ""
        while True:
            page = query.where(TheoremRow.name > last).order_by(TheoremRow.name).limit(_PAGE)
            with self._database.read() as connection:
                rows = list(connection.execute(page))
            for row in rows:
                yield TheoremRecord(name=row.name, module=row.module, statement=row.statement)
            if len(rows) < _PAGE:
                return
            last = rows[-1].name


class Variants:
    """The table of variants and the one of their parents."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def add(self, record: VariantRecord, job_id: str | None = None) -> bool:
        """Record a variant, committed when this returns; safe to repeat.

        Args:
            record: the variant; its verdict must be recorded already.
            job_id: the mutation job that made it, if one.

        Returns:
            Whether the variant was new.

        Raises:
            Conflict: the name stands for another variant, or the verdict or job is not recorded.
            StoreError: the database cannot be written; nothing was recorded.
        """
        with self._database.write() as connection:
            variant_id, new = _known(connection, record), False
            try:
                if variant_id is None:
                    variant_id, new = self._insert(connection, record)
                if job_id is not None and variant_id is not None:
                    self._link(connection, job_id, variant_id)
            except IntegrityError as error:
                raise _unknown("verdict, toolchain or job", record.verdict_hash) from error
        return new

    def get(self, name: str) -> VariantRecord:
        """Return the variant called ``name``; of several toolchains' ones, the newest.

        Raises:
            NotFound: there is none.
            StoreError: the database cannot be read.
        """
        query = select(VariantRow).where(VariantRow.name == name)
        with self._database.read() as connection:
            found = _records(connection, query.order_by(VariantRow.id.desc()).limit(1))
        if not found:
            raise NotFound(f"no variant is called {name!r}", field="name")
        return found[0][1]

    def iterate(self, chosen: VariantFilter | None = None) -> Iterator[VariantRecord]:
        """Yield the chosen variants (all by default) as they were recorded, in constant memory.

        Variants that are added meanwhile are yielded too; no transaction is held between pages.

        Raises:
            StoreError: the database cannot be read.
        """
        query = _filtered(chosen or VariantFilter())
        last = 0
        while True:
            page = query.where(VariantRow.id > last).order_by(VariantRow.id).limit(_PAGE)
            with self._database.read() as connection:
                found = _records(connection, page)
            yield from (record for _, record in found)
            if len(found) < _PAGE:
                return
            last = found[-1][0]

    def page(self, after: int, limit: int) -> list[tuple[int, VariantRecord]]:
        """Return up to ``limit`` variants as recorded, each with its number, above ``after``.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(VariantRow).where(VariantRow.id > after).order_by(VariantRow.id)
        with self._database.read() as connection:
            return _records(connection, query.limit(limit))

    def count(self, chosen: VariantFilter | None = None) -> int:
        """Return how many variants :meth:`iterate` would yield.

        Raises:
            StoreError: the database cannot be read.
        """
        query = _filtered(chosen or VariantFilter()).subquery()
        with self._database.read() as connection:
            return connection.scalar(select(func.count()).select_from(query)) or 0

    def of_job(self, job_id: str, after: int, limit: int) -> list[tuple[int, VariantRecord]]:
        """Return up to ``limit`` variants of a job, each with its position above ``after``.

        Raises:
            StoreError: the database cannot be read.
        """
        links = (
            select(JobVariantRow.variant_id, JobVariantRow.position)
            .where(JobVariantRow.job_id == job_id, JobVariantRow.position > after)
            .order_by(JobVariantRow.position)
            .limit(limit)
        )
        with self._database.read() as connection:
            places = dict(connection.execute(links).all())
            found = _records(connection, select(VariantRow).where(VariantRow.id.in_(places)))
        return sorted((places[key], record) for key, record in found)

    def _insert(self, connection: Connection, record: VariantRecord) -> tuple[int | None, bool]:
        values = record.model_dump(mode="json", include=set(_COLUMNS))
        statement = self._database.insert_ignore(VariantRow)
        inserted = statement.values(**values, created_at=self._clock()).returning(VariantRow.id)
        variant_id = connection.execute(inserted).scalar_one_or_none()
        if variant_id is None:  # another process added it since we looked
            return _known(connection, record), False
        parents = [
            {"variant_id": variant_id, "ordinal": ordinal, "parent": parent}
            for ordinal, parent in enumerate(record.parents)
        ]
        if parents:
            connection.execute(insert(VariantParentRow), parents)
        return variant_id, True

    def _link(self, connection: Connection, job_id: str, variant_id: int) -> None:
        connection.execute(select(JobRow.id).where(JobRow.id == job_id).with_for_update())
        last = connection.scalar(
            select(func.max(JobVariantRow.position)).where(JobVariantRow.job_id == job_id)
        )
        values: dict[str, str | int] = {"job_id": job_id, "variant_id": variant_id}
        values["position"] = 0 if last is None else last + 1
        connection.execute(self._database.insert_ignore(JobVariantRow), values)


def _known(connection: Connection, record: VariantRecord) -> int | None:
    """Return the id of the variant if it is recorded already."""
    named = select(VariantRow).where(
        VariantRow.toolchain_digest == record.toolchain_digest, VariantRow.name == record.name
    )
    row = connection.execute(named).first()
    if row is None:
        return None
    if (record.statement, record.proof, record.lemma) != (row.statement, row.proof, row.lemma):
        raise Conflict(
            f"the name {record.name!r} stands for another variant",
            field="name",
            fix="give the new variant a name of its own",
        )
    return int(row.id)


def _filtered(chosen: VariantFilter) -> Select[VariantRow]:
    query = select(VariantRow)
    if chosen.toolchain_digest is not None:
        accepted_by = VariantRow.toolchain_digest
        query = query.where(accepted_by.startswith(chosen.toolchain_digest, autoescape=True))
    if chosen.parent is not None:
        made_of = select(VariantParentRow.variant_id).where(
            VariantParentRow.parent == chosen.parent
        )
        query = query.where(VariantRow.id.in_(made_of))
    if chosen.job_id is not None:
        recorded = select(JobVariantRow.variant_id).where(JobVariantRow.job_id == chosen.job_id)
        query = query.where(VariantRow.id.in_(recorded))
    return query


def _records(connection: Connection, query: Select[VariantRow]) -> list[tuple[int, VariantRecord]]:
    rows = list(connection.execute(query))
    parents: dict[int, list[str]] = {row.id: [] for row in rows}
    of_these = select(VariantParentRow).where(VariantParentRow.variant_id.in_(parents))
    ordered = of_these.order_by(VariantParentRow.variant_id, VariantParentRow.ordinal)
    for parent in connection.execute(ordered):
        parents[parent.variant_id].append(parent.parent)
    return [(row.id, _record(row, parents[row.id])) for row in rows]


def _record(row: Any, parents: list[str]) -> VariantRecord:  # noqa: ANN401 - VariantRow's columns
    values = {name: getattr(row, name) for name in _COLUMNS}
    return VariantRecord.model_validate({**values, "parents": parents})


def _count(connection: Connection, toolchain_digest: str) -> int:
    query = select(func.count()).where(TheoremRow.toolchain_digest == toolchain_digest)
    return connection.scalar(query) or 0


def _unknown(what: str, key: str) -> Conflict:
    return Conflict(
        f"the {what} that the record refers to ({key}) is not recorded",
        field="verdict_hash" if "verdict" in what else "toolchain_digest",
        fix="record it first",
    )
