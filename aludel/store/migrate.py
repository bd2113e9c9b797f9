"""Bringing a database to the schema of this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from aludel.errors import StoreError
from aludel.store.database import Database
from aludel.store.errors import FIELD

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Create or upgrade the schema, in one transaction.

    The transaction is an exclusive one from its start, so of two processes that start at once the
    second waits and then finds nothing to do.

    Raises:
        StoreError: the schema is a newer version's or another program's, or cannot be written.
    """
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    scripts = ScriptDirectory.from_config(config)
    if _current(database) == scripts.get_current_head():
        return  # nothing to write, so a read-only database can still be read
    with database.write() as connection:
        database.exclusive(connection, migration=True)
        _refuse_foreign(connection, database.name, {s.revision for s in scripts.walk_revisions()})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _current(database: Database) -> str | None:
    with database.read() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def _refuse_foreign(connection: Connection, name: str, known: set[str]) -> None:
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        if inspect(connection).get_table_names():
            raise StoreError(
                f"{name} belongs to another program",
                field=FIELD,
                fix="name a new file or an empty database",
            )
    elif current not in known:
        raise StoreError(
            f"{name} was written by a newer version (schema {current})",
            field=FIELD,
            fix="upgrade aludel, or name another database",
        )
