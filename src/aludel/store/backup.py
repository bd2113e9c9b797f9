"""Backups: all rows as compressed lines of JSON, from and to either database.

A backup holds the schema's revision and every table in the order of their references, and ends
with the number of its rows, so that one that was cut off is noticed. What was saved from SQLite can
be restored into PostgreSQL, and the other way round.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import zstandard
from sqlalchemy import Connection, DateTime, MetaData, Table, func, insert, select, text
from sqlalchemy.types import JSON

from aludel.errors import Conflict, InvalidRequest
from aludel.settings import Settings
from aludel.store.database import Database
from aludel.store.migrate import current_revision, upgrade

_FORMAT = "aludel-backup-1"
_PAGE = 500
_VERSION_TABLE = "alembic_version"

_Row = tuple[str, dict[str, Any]]


def backup(database: Database, target: Path) -> int:
    """Write every row, as of one moment, to ``target``, which appears whole or not at all.

    Work may go on meanwhile.

    Returns:
        The number of rows.

    Raises:
        InvalidRequest: ``target`` exists, or cannot be written.
        StoreError: the database cannot be read.
    """
    if target.exists():
        raise InvalidRequest(f"{target} exists", field="FILE", fix="choose a new name")
    partial = target.with_name(target.name + ".partial")
    try:
        with partial.open("wb") as raw:
            with zstandard.ZstdCompressor().stream_writer(raw, closefd=False) as packed:
                count = _write(database, packed)
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(target)
    except OSError as error:
        raise InvalidRequest(f"{target}: {error.strerror}", field="FILE") from error
    finally:
        partial.unlink(missing_ok=True)
    return count


def restore(settings: Settings, source: Path) -> int:
    """Fill the empty database of ``settings`` from a backup, and bring it to this version's schema.

    Returns:
        The number of rows.

    Raises:
        InvalidRequest: ``source`` is no backup, is damaged or was cut off.
        Conflict: the database is not empty.
        StoreError: the backup is from a newer version, or the database cannot be written.
    """
    database = Database(settings.store_url)
    try:
        with database.migration() as connection:
            _ensure_empty(connection)
            lines = _lines(source)
            upgrade(database, connection, _header(lines, source))
            count = _fill(database, connection, lines, source)
            upgrade(database, connection)
    finally:
        database.close()
    return count


def _write(database: Database, target: Any) -> int:  # noqa: ANN401 - zstandard has no types
    count = 0
    with database.snapshot() as connection:
        header = {"format": _FORMAT, "revision": current_revision(connection)}
        target.write(_line(header))
        for table in _tables(connection):
            query = select(table).execution_options(yield_per=_PAGE)
            for row in connection.execute(query).mappings():
                target.write(_line({"table": table.name, "row": _saved(table, row)}))
                count += 1
        target.write(_line({"rows": count}))
    return count


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def _lines(source: Path) -> Iterator[dict[str, Any]]:
    try:
        with (
            source.open("rb") as raw,
            zstandard.ZstdDecompressor().stream_reader(raw) as packed,
            io.TextIOWrapper(packed, encoding="utf-8") as lines,
        ):
            for line in lines:
                yield json.loads(line)
    except OSError as error:
        raise InvalidRequest(f"{source}: {error.strerror}", field="FILE") from error
    except (zstandard.ZstdError, ValueError) as error:
        raise _damaged(source, str(error)) from error


def _header(lines: Iterator[dict[str, Any]], source: Path) -> str:
    header = next(lines, None)
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise _damaged(source, "it is no backup of Aludel")
    return str(header["revision"])


def _fill(
    database: Database, connection: Connection, lines: Iterable[dict[str, Any]], source: Path
) -> int:
    tables = {table.name: table for table in _tables(connection)}
    for table in reversed(tables.values()):
        connection.execute(table.delete())  # what the migrations themselves put there
    count, told = 0, None
    for name, rows in groupby(lines, key=lambda line: line.get("table")):
        if name is None:
            told = next(iter(rows)).get("rows")
            break
        if name not in tables:
            raise _damaged(source, f"there is no table {name!r}")
        count += _insert(database, connection, tables[name], rows)
    if told != count:
        raise _damaged(source, f"it was cut off after {count} rows")
    if not database.is_sqlite:
        _set_sequences(connection, tables.values())
    return count


def _insert(
    database: Database, connection: Connection, table: Table, lines: Iterable[dict[str, Any]]
) -> int:
    count = 0
    page: list[dict[str, Any]] = []
    for line in lines:
        page.append(_read(table, line["row"], naive=database.is_sqlite))
        if len(page) == _PAGE:
            connection.execute(insert(table), page)
            count, page = count + len(page), []
    if page:
        connection.execute(insert(table), page)
    return count + len(page)


def _set_sequences(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL number new rows after the restored ones."""
    for table in tables:
        column = table.autoincrement_column
        if column is None or column.server_default is None:
            continue
        last = connection.scalar(select(func.max(column)))
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        if last is not None:
            connection.execute(select(func.setval(sequence, last)))


def _ensure_empty(connection: Connection) -> None:
    for table in _tables(connection):
        rows = select(func.count()).select_from(table)
        if table.name == "api_keys":
            rows = rows.where(table.c.secret_hash.is_not(None))
        if connection.scalar(rows):
            raise Conflict(
                f"the database has rows in the table {table.name}",
                field="ALUDEL_DATABASE_URL",
                fix="restore into a new file or an empty database",
            )
    for table in reversed(_tables(connection)):
        table.drop(connection)
    connection.execute(text(f"DROP TABLE IF EXISTS {_VERSION_TABLE}"))


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as they are, whatever their revision, referred to before referring."""
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type.none_as_null = True
    return [table for table in metadata.sorted_tables if table.name != _VERSION_TABLE]


def _saved(table: Table, row: Any) -> dict[str, Any]:  # noqa: ANN401 - a row mapping
    return {
        name: value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC).isoformat()
        if isinstance(value, datetime)
        else value
        for name, value in ((column.name, row[column.name]) for column in table.columns)
    }


def _read(table: Table, row: dict[str, Any], *, naive: bool) -> dict[str, Any]:
    values = dict(row)
    for column in table.columns:
        value = values.get(column.name)
        if isinstance(column.type, DateTime) and value is not None:
            time = datetime.fromisoformat(value)
            values[column.name] = time.replace(tzinfo=None) if naive else time
    return values


def _damaged(source: Path, why: str) -> InvalidRequest:
    return InvalidRequest(f"{source} cannot be restored: {why}", field="FILE", fix="use another")
