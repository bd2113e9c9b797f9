"""Bringing a database to the schema of this version."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from aludel.errors import InvalidRequest, StoreError
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
    if revision_of(database) == newest_revision():
        return  # nothing to write, so a read-only database can still be read
    with database.migration() as connection:
        upgrade(database, connection)


def upgrade(database: Database, connection: Connection, revision: str = "head") -> None:
    """Create or upgrade the schema to ``revision``, in a :meth:`Database.migration`.

    Raises:
        StoreError: the schema is a newer version's or another program's.
    """
    config = _config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    _refuse_foreign(connection, database.name, known)
    if revision != "head" and revision not in known:
        raise _newer(database.name, revision)
    command.upgrade(config, revision)


def downgrade(database: Database, revision: str) -> None:
    """Bring the schema back to an earlier ``revision``, in one transaction.

    Raises:
        InvalidRequest: there is no such revision.
        StoreError: the database cannot be written.
    """
    with database.migration() as connection:
        config = _config(connection)
        known = [s.revision for s in ScriptDirectory.from_config(config).walk_revisions()]
        if revision not in known:
            raise InvalidRequest(
                f"there is no revision {revision!r}",
                field="--to",
                fix="use one of: " + ", ".join(sorted(known)),
            )
        command.downgrade(config, revision)


def newest_revision() -> str:
    """Return the revision of this version's schema."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def revision_of(database: Database) -> str | None:
    """Return the revision of a database's schema; ``None`` if it has none.

    Raises:
        StoreError: the database cannot be read.
    """
    with database.read() as connection:
        return current_revision(connection)


def current_revision(connection: Connection) -> str | None:
    """Return the revision of the schema that ``connection`` sees."""
    return MigrationContext.configure(connection).get_current_revision()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def _refuse_foreign(connection: Connection, name: str, known: set[str]) -> None:
    current = current_revision(connection)
    if current is None:
        if inspect(connection).get_table_names():
            raise StoreError(
                f"{name} belongs to another program",
                field=FIELD,
                fix="name a new file or an empty database",
            )
    elif current not in known:
        raise _newer(name, current)


def _newer(name: str, revision: str) -> StoreError:
    return StoreError(
        f"{name} was written by a newer version (schema {revision})",
        field=FIELD,
        fix="upgrade aludel, or name another database",
    )
