"""The border where the database's errors become ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from aludel.errors import StoreError

# SQLite's result codes (https://sqlite.org/rescode.html) by prefix, with what to do about them.
_SQLITE = (
    ("SQLITE_FULL", "the disk is full", "free some space"),
    ("SQLITE_READONLY", "it is read-only", "make the file and its folder writable"),
    ("SQLITE_BUSY", "another process holds it", "wait, or stop the other process"),
    ("SQLITE_LOCKED", "another process holds it", "wait, or stop the other process"),
    ("SQLITE_CANTOPEN", "it cannot be opened", "check that its folder exists and is writable"),
    ("SQLITE_PERM", "access is denied", "make the file and its folder writable"),
    ("SQLITE_NOTADB", "it is not an SQLite database", "point ALUDEL_DATABASE_URL elsewhere"),
    ("SQLITE_CORRUPT", "it is damaged", "restore it from a backup"),
    ("SQLITE_IOERR", "the disk does not answer properly", "check the disk and its free space"),
)
# PostgreSQL's (https://www.postgresql.org/docs/current/errcodes-appendix.html), by prefix too.
_POSTGRESQL = (
    ("53100", "the disk is full", "free some space"),
    ("53300", "it has no connection left", "raise max_connections, or run fewer processes"),
    ("53200", "it is out of memory", "give it more, or run fewer processes"),
    ("25006", "it is read-only", "point ALUDEL_DATABASE_URL to the primary server"),
    ("40", "another transaction was in the way", "retry"),
    ("55P03", "another transaction was in the way", "retry"),
    ("57P", "the server is stopping or starting", "retry"),
    ("28", "access is denied", "correct user and password in ALUDEL_DATABASE_URL"),
    ("3D000", "there is no database of this name", "create it (createdb)"),
    ("42501", "access is denied", "make the user the owner of the database"),
)
_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "40", "55P03")
FIELD = "ALUDEL_DATABASE_URL"


class StoreBusy(StoreError):
    """Another process holds the database, and did not let go in time."""


def store_error(error: SQLAlchemyError | sqlite3.Error, database: str) -> StoreError:
    """Return what ``error`` means, without the values that were being stored."""
    if isinstance(error, PoolTimeoutError):
        return StoreError(f"{database}: too many users at once", fix="retry")
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", None) or ""
    for prefix, meaning, fix in (*_SQLITE, *_POSTGRESQL):
        if code.startswith(prefix):
            kind = StoreBusy if prefix in _BUSY else StoreError
            return kind(f"{database}: {meaning}", field=FIELD, fix=fix)
    if not code and isinstance(error, OperationalError):
        reason = str(cause).strip().partition("\n")[0]
        return StoreError(f"{database}: {reason}", field=FIELD, fix="start the database server")
    return StoreError(f"{database}: {cause}", field=FIELD)


@contextmanager
def map_store_errors(database: str) -> Iterator[None]:
    """Turn SQLAlchemy's errors into :class:`StoreError`.

    Args:
        database: how to name the database in messages.
    """
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise store_error(error, database) from error
