"""Toolchains that workers have registered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from aludel.advisories import Advisory, advisories_of
from aludel.models import Model, Prover, Toolchain
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import ProjectRow, ToolchainRow


class RegisteredToolchain(Model):
    """A toolchain, and when a worker last said that it has it (UTC).

    ``advisories`` are the known soundness bugs of its kernel.
    """

    toolchain: Toolchain
    registered_at: datetime
    seen_at: datetime | None
    advisories: tuple[Advisory, ...] = ()


class RegisteredProject(Model):
    """A project that workers serve by name, and when one last said so (UTC).

    The one without a name is what decides where a request names none.
    """

    name: str
    toolchain: Toolchain
    seen_at: datetime


class Toolchains:
    """The table of toolchains."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def register(self, toolchain: Toolchain, project: str = "") -> None:
        """Record that a worker offers ``toolchain`` now, under a project's name or by default.

        Raises:
            StoreError: the database cannot be written.
        """
        now = self._clock()
        with self._database.write() as connection:
            remember(self._database, connection, toolchain, now)
            connection.execute(
                update(ToolchainRow)
                .where(ToolchainRow.digest == toolchain.digest)
                .values(seen_at=now)
            )
            if toolchain.prover is Prover.LEAN:
                served = {"toolchain_digest": toolchain.digest, "seen_at": now}
                connection.execute(
                    self._database.insert_ignore(ProjectRow), {"name": project, **served}
                )
                connection.execute(
                    update(ProjectRow).where(ProjectRow.name == project).values(**served)
                )

    def projects(self) -> Mapping[str, RegisteredProject]:
        """Return what workers of Lean ever served, by the projects' names; the default has none.

        Raises:
            StoreError: the database cannot be read.
        """
        query = (
            select(ToolchainRow, ProjectRow.name.label("project"), ProjectRow.seen_at.label("said"))
            .join(ToolchainRow, ToolchainRow.digest == ProjectRow.toolchain_digest)
            .order_by(ProjectRow.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {
            row.project: RegisteredProject(
                name=row.project, toolchain=toolchain_of(row), seen_at=row.said
            )
            for row in rows
        }

    def keep_projects(self, names: Iterable[str]) -> None:
        """Forget the projects of other names; whoever serves all that there are says so.

        Raises:
            StoreError: the database cannot be written.
        """
        with self._database.write() as connection:
            connection.execute(delete(ProjectRow).where(ProjectRow.name.not_in(["", *names])))

    def served(self) -> tuple[tuple[Toolchain, ...], dict[str, Toolchain]]:
        """Return the toolchains of :meth:`list`, and those of :meth:`projects`, by one query.

        Raises:
            StoreError: the database cannot be read.
        """
        query = (
            select(ToolchainRow, ProjectRow.name.label("project"))
            .outerjoin(ProjectRow, ToolchainRow.digest == ProjectRow.toolchain_digest)
            .where(ToolchainRow.seen_at.is_not(None))
            .order_by(ProjectRow.name)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        known = {row.digest: toolchain_of(row) for row in rows}
        projects = {row.project: known[row.digest] for row in rows if row.project is not None}
        return tuple(known.values()), projects

    def list(self) -> list[RegisteredToolchain]:
        """Return every toolchain that a worker ever offered, the one seen last first.

        Raises:
            StoreError: the database cannot be read.
        """
        query = (
            select(ToolchainRow)
            .where(ToolchainRow.seen_at.is_not(None))
            .order_by(ToolchainRow.seen_at.desc())
        )
        with self._database.read() as connection:
            return [_registered(row) for row in connection.execute(query)]

    def known(self) -> dict[str, Toolchain]:
        """Return every toolchain that a row refers to, offered by a worker or not, by digest.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            rows = connection.execute(select(ToolchainRow).order_by(ToolchainRow.digest)).all()
        return {row.digest: _registered(row).toolchain for row in rows}


def remember(
    database: Database, connection: Connection, toolchain: Toolchain, now: datetime
) -> None:
    """Make sure that rows can refer to ``toolchain``."""
    values = toolchain.model_dump(mode="json")
    connection.execute(
        database.insert_ignore(ToolchainRow), {**values, "registered_at": now, "seen_at": None}
    )


def toolchain_of(row: Any) -> Toolchain:  # noqa: ANN401 - a row of ToolchainRow's columns
    """Return the toolchain that a row of the table describes."""
    return Toolchain.model_validate({name: getattr(row, name) for name in Toolchain.model_fields})


def _registered(row: Any) -> RegisteredToolchain:  # noqa: ANN401 - a row of ToolchainRow's columns
    toolchain = toolchain_of(row)
    return RegisteredToolchain(
        toolchain=toolchain,
        registered_at=row.registered_at,
        seen_at=row.seen_at,
        advisories=advisories_of(toolchain),
    )
