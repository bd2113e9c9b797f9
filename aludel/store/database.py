"""Connections and transactions.

SQLite runs in WAL mode with ``synchronous=NORMAL``: a committed transaction survives ``kill -9``
(see docs/decisions). Writers begin with ``BEGIN IMMEDIATE``, so a transaction waits for its turn at
its start instead of failing when it turns from reading to writing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Insert,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import DeclarativeBase

from aludel.errors import InvalidRequest, StoreError
from aludel.store.errors import FIELD, StoreBusy, map_store_errors

BUSY_TIMEOUT_S = 30.0
_POOL_SIZE = 8
_POOL_OVERFLOW = 64


class Database:
    """An SQLite database. Statements go through connections, rows come back as tuples with names.

    SQLAlchemy's unit of work is left out: it costs more than SQLite does, for each check.

    Raises:
        InvalidRequest: the URL is not one of an SQLite file.
        StoreError: the folder of the file cannot be made.
    """

    def __init__(self, url: str) -> None:
        self.name, path = _parse(url)
        _make_folder(path)
        self.engine = _engine(url)
        self._writer = self.engine.execution_options(aludel_begin="BEGIN IMMEDIATE")
        # Threads of one process queue here rather than in SQLite's busy handler, which sleeps.
        self._turn = threading.Lock()
        try:
            self._use_wal()
        except StoreError:
            self.engine.dispose()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database.

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

    def insert_ignore(self, table: type[DeclarativeBase]) -> Insert:
        """Return an ``INSERT`` that leaves an existing row as it is."""
        if self.engine.dialect.name == "postgresql":
            return postgresql.insert(table).on_conflict_do_nothing()
        return sqlite.insert(table).on_conflict_do_nothing()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _use_wal(self) -> None:
        # The busy handler does not cover a change of journal mode, so processes that start at the
        # same moment must try again by themselves.
        deadline = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                with map_store_errors(self.name):
                    return self._try_wal()
            except StoreBusy:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _try_wal(self) -> None:
        with self.engine.execution_options(aludel_begin="").connect() as connection:
            if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")


def _parse(url: str) -> tuple[str, str]:
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise _bad_url(f"{url!r} is not a database URL") from error
    if parsed.get_backend_name() != "sqlite":
        raise _bad_url(f"{parsed.get_backend_name()} databases are not supported")
    if not parsed.database or parsed.database == ":memory:":
        raise _bad_url("a database in memory would be lost, and threads could not share it")
    return f"database {parsed.database}", parsed.database


def _bad_url(message: str) -> InvalidRequest:
    return InvalidRequest(message, field=FIELD, fix="use sqlite:////absolute/path/aludel.sqlite3")


def _make_folder(path: str) -> None:
    if path.startswith("file:"):
        return
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"folder {Path(path).parent} cannot be made: {error.strerror}",
            field=FIELD,
            fix="set ALUDEL_DATA_DIR to a folder that can be written",
        ) from error


def _engine(url: str) -> Engine:
    engine = create_engine(
        url,
        hide_parameters=True,  # candidates do not belong into messages
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        statement = connection.get_execution_options().get("aludel_begin", "BEGIN")
        if statement:
            connection.exec_driver_sql(statement)

    return engine
