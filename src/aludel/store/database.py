"""Connections and transactions, on SQLite or PostgreSQL.

SQLite lets one writer in at a time. PostgreSQL lets many: what must not happen twice at once there
takes a row's lock or :meth:`Database.exclusive`, both of which SQLite needs not.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import URL, Connection, Engine, Insert, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase

from aludel.errors import InvalidRequest, StoreError
from aludel.store import on_postgresql, on_sqlite
from aludel.store.errors import FIELD, map_store_errors

_MIGRATION_LOCK = 0x416C7564
_SWEEP_LOCK = 0x416C7565


class Database:
    """A database. Statements go through connections, rows come back as tuples with names.

    SQLAlchemy's unit of work is left out: it costs more than SQLite does, for each check.

    Raises:
        InvalidRequest: the URL is not one of an SQLite file or a PostgreSQL database.
        StoreError: the folder of the file cannot be made.
    """

    def __init__(self, url: str) -> None:
        parsed = _parse(url)
        self.name = f"database {parsed.database}"
        self.url = parsed
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        self._turn: AbstractContextManager[Any] = contextlib.nullcontext()
        if self.is_sqlite:
            on_sqlite.make_folder(str(parsed.database))
            self.engine = on_sqlite.engine(parsed)
            # Threads of one process queue here rather than in SQLite's busy handler, which sleeps.
            self._turn = threading.Lock()
            self._writer: Engine = self.engine.execution_options(aludel_begin="BEGIN IMMEDIATE")
            on_sqlite.use_wal(self.engine, self.name)
        else:
            self.engine = self._writer = on_postgresql.engine(parsed)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction for reading; on SQLite it sees one state of the database.

        Raises:
            StoreError: the database cannot be read.
        """
        with map_store_errors(self.name), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction whose changes are committed at the end, or not at all.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        with self._turn, map_store_errors(self.name), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A transaction to change the schema in, which no other process does meanwhile.

        SQLite changes a table by making it anew: references to it are checked at the end.

        Raises:
            StoreError: the database cannot be written; nothing was changed.
        """
        if not self.is_sqlite:
            with self.write() as connection:
                self.exclusive(connection, migration=True)
                yield connection
            return
        begin = "PRAGMA foreign_keys=OFF;BEGIN IMMEDIATE"  # in a transaction it would do nothing
        engine = self.engine.execution_options(aludel_begin=begin)
        with self._turn, map_store_errors(self.name), engine.connect() as connection:
            try:
                with connection.begin():
                    yield connection
                    if connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                        raise StoreError(f"{self.name}: rows refer to rows that are not there")
            finally:
                connection.invalidate()  # the next one checks references again

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction for reading that sees one state of the database, however long it takes.

        Raises:
            StoreError: the database cannot be read.
        """
        engine = self.engine
        if not self.is_sqlite:
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with map_store_errors(self.name), engine.connect() as connection:
            yield connection

    def exclusive(self, connection: Connection, *, migration: bool = False) -> None:
        """Let no other process pass here until the transaction of ``connection`` ends.

        Args:
            connection: of :meth:`write`.
            migration: whether this is the lock for migrations, or the one for sweeps.
        """
        if not self.is_sqlite:
            key = _MIGRATION_LOCK if migration else _SWEEP_LOCK
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})

    def insert_ignore(self, table: type[DeclarativeBase]) -> Insert:
        """Return an ``INSERT`` that leaves an existing row as it is; its row count says which."""
        statement: Insert = postgresql.insert(table).on_conflict_do_nothing()
        if self.is_sqlite:
            statement = sqlite.insert(table).on_conflict_do_nothing()
        return statement.execution_options(preserve_rowcount=True)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _bad_url(f"{url!r} is not a database URL") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise _bad_url(f"{backend} databases are not supported")
    if not parsed.database or parsed.database == ":memory:":
        raise _bad_url("a database in memory would be lost, and threads could not share it")
    return parsed


def _bad_url(message: str) -> InvalidRequest:
    return InvalidRequest(
        message,
        field=FIELD,
        fix="use sqlite:////absolute/path/aludel.sqlite3 or postgresql://USER@HOST/DATABASE",
    )
