"""SQLite: WAL mode with ``synchronous=NORMAL``, so that a commit survives ``kill -9``.

Writers begin with ``BEGIN IMMEDIATE``, so a transaction waits for its turn at its start instead of
failing when it turns from reading to writing (see docs/decisions).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from aludel.errors import StoreError
from aludel.store.errors import FIELD, StoreBusy, map_store_errors

BUSY_TIMEOUT_S = 30.0
_POOL_SIZE = 8
_POOL_OVERFLOW = 64


def make_folder(path: str) -> None:
    """Make the folder of the file ``path``, unless it is written as a URI.

    Raises:
        StoreError: it cannot be made.
    """
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


def engine(url: URL) -> Engine:
    """Return connections to a file."""
    made = create_engine(
        url,
        hide_parameters=True,  # candidates do not belong into messages
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
    )

    @event.listens_for(made, "connect")
    def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - a DBAPI connection
        connection.isolation_level = None  # transactions are begun below, not by the driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    @event.listens_for(made, "begin")
    def _begin(connection: Connection) -> None:
        statements = connection.get_execution_options().get("aludel_begin", "BEGIN")
        for statement in filter(None, statements.split(";")):
            connection.exec_driver_sql(statement)

    return made


def use_wal(engine: Engine, name: str) -> None:
    """Put the file into WAL mode; closes ``engine`` when that fails.

    The busy handler does not cover a change of journal mode, so processes that start at the same
    moment must try again by themselves.

    Raises:
        StoreError: the file cannot be used.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            with map_store_errors(name):
                return _try_wal(engine)
        except StoreBusy:
            if time.monotonic() > deadline:
                engine.dispose()
                raise
            time.sleep(0.02)
        except StoreError:
            engine.dispose()
            raise


def _try_wal(engine: Engine) -> None:
    with engine.execution_options(aludel_begin="").connect() as connection:
        if connection.exec_driver_sql("PRAGMA journal_mode").scalar() != "wal":
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
