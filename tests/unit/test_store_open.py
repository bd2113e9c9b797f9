"""Opening a database: new, older, newer, foreign, damaged, full, read-only, held by another."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from fake_checker import TOOLCHAIN

import aludel.store.migrate
from aludel.errors import InvalidRequest, StoreError
from aludel.models import Accepted, CheckRequest, Evidence, content_hash
from aludel.settings import Settings
from aludel.store import Store
from aludel.store.database import Database
from aludel.store.tables import Base

REQUEST = CheckRequest(code="theorem t : True := trivial")
VERDICT = Accepted(hash=content_hash(TOOLCHAIN.digest, REQUEST), evidence=Evidence())


def _file(folder: Path) -> Path:
    return folder / "aludel.sqlite3"


def test_a_new_database_has_the_schema_of_the_models(tmp_path: Path, store: Store) -> None:
    database = Database(Settings(data_dir=tmp_path).store_url)
    with database.read() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Base.metadata) == []
    database.close()


def test_a_database_is_in_wal_mode_and_keeps_references(tmp_path: Path, store: Store) -> None:
    database = Database(Settings(data_dir=tmp_path).store_url)
    with database.read() as connection:
        for pragma, value in (("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 1)):
            assert connection.exec_driver_sql(f"PRAGMA {pragma}").scalar() == value
    database.close()


def test_an_older_database_is_upgraded_with_its_data(tmp_path: Path) -> None:
    _create_at(tmp_path, "0001")
    with sqlite3.connect(_file(tmp_path)) as raw:
        toolchain = (TOOLCHAIN.digest, "lean", "lean-fake", "0", "embedded", "2026-01-01 00:00:00")
        raw.execute(
            "INSERT INTO toolchains (digest, prover, name, version, kind, registered_at) "
            "VALUES (?,?,?,?,?,?)",
            toolchain,
        )
        raw.execute(
            "INSERT INTO verdicts VALUES (?,?,'accepted',NULL,?,?,'2026-01-01 00:00:00')",
            (
                VERDICT.hash,
                TOOLCHAIN.digest,
                REQUEST.model_dump_json(),
                VERDICT.model_dump_json(),
            ),
        )
        assert not raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchall()
    raw.close()
    with Store.open(Settings(data_dir=tmp_path)) as store:
        assert store.verdicts.get(VERDICT.hash) == VERDICT
        assert store.jobs.create_check([REQUEST]).total == 1


def test_every_migration_can_be_undone(tmp_path: Path, store: Store) -> None:
    from alembic import command

    database = Database(Settings(data_dir=tmp_path).store_url)
    config = Config()
    config.set_main_option("script_location", str(aludel.store.migrate._SCRIPTS))
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars()
        assert {name for name in rows if not name.startswith("sqlite_")} == {"alembic_version"}
    database.close()


def test_a_failed_migration_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    _create_at(tmp_path, "0001")
    before = _dump(tmp_path)
    with sqlite3.connect(_file(tmp_path)) as raw:
        raw.execute("CREATE TABLE items (blocks TEXT)")  # the second table of the second migration
    raw.close()
    with pytest.raises(StoreError, match="items"):
        Store.open(Settings(data_dir=tmp_path))
    with sqlite3.connect(_file(tmp_path)) as raw:
        raw.execute("DROP TABLE items")
    raw.close()
    assert _dump(tmp_path) == before


def test_a_newer_database_is_refused_with_its_name(tmp_path: Path, store: Store) -> None:
    with sqlite3.connect(_file(tmp_path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    raw.close()
    with pytest.raises(StoreError) as caught:
        Store.open(Settings(data_dir=tmp_path))
    assert str(_file(tmp_path)) in caught.value.message
    assert "newer version (schema 9999)" in caught.value.message
    assert "upgrade aludel" in (caught.value.fix or "")


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    with sqlite3.connect(_file(tmp_path)) as raw:
        raw.execute("CREATE TABLE theirs (a)")
    raw.close()
    with pytest.raises(StoreError, match="another program"):
        Store.open(Settings(data_dir=tmp_path))
    with sqlite3.connect(_file(tmp_path)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    raw.close()


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    _file(tmp_path).write_bytes(b"certainly not a database" * 1000)
    with pytest.raises(StoreError, match="not an SQLite database"):
        Store.open(Settings(data_dir=tmp_path))
    assert _file(tmp_path).read_bytes() == b"certainly not a database" * 1000


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="cannot be made") as caught:
        Store.open(Settings(data_dir=tmp_path / "file" / "data"))
    assert "ALUDEL_DATA_DIR" in (caught.value.fix or "")


@pytest.mark.parametrize(
    "url", ["nonsense", "sqlite://", "sqlite:///:memory:", "mysql://localhost/aludel"]
)
def test_urls_that_cannot_be_used(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Store.open(Settings(database_url=url))
    assert caught.value.field == "ALUDEL_DATABASE_URL"


def test_a_full_disk(tmp_path: Path, store: Store) -> None:
    database = Database(Settings(data_dir=tmp_path).store_url)
    with database.read() as connection:  # the pragma holds for the connection, which the pool keeps
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
    small = Store(database)
    kept = small.jobs.create_check([REQUEST])
    with pytest.raises(StoreError, match="the disk is full") as caught:
        small.jobs.create_check([CheckRequest(code="x" * 1_000)] * 100)
    assert str(_file(tmp_path)) in caught.value.message
    assert "xxx" not in str(caught.value)
    assert store.jobs.get(kept.id).total == 1
    with sqlite3.connect(_file(tmp_path)) as raw:  # nothing of the second job was written
        assert raw.execute("SELECT count(*) FROM jobs").fetchone() == (1,)
        assert raw.execute("SELECT count(*) FROM items").fetchone() == (1,)
    raw.close()
    database.close()


def test_a_read_only_database_can_be_read_and_says_why_it_is_not_written(
    tmp_path: Path, store: Store
) -> None:
    job = store.jobs.create_check([REQUEST])
    url = f"sqlite:///file:{_file(tmp_path)}?mode=ro&uri=true"
    with Store.open(Settings(database_url=url)) as reader:
        assert reader.jobs.get(job.id) == job
        with pytest.raises(StoreError, match="read-only"):
            reader.jobs.create_check([REQUEST])


def test_a_database_that_another_process_holds(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.store.on_sqlite.BUSY_TIMEOUT_S", 0.05)
    with Store.open(Settings(data_dir=tmp_path)) as impatient:
        other = sqlite3.connect(_file(tmp_path), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="another process holds it"):
            impatient.jobs.create_check([REQUEST])
        other.execute("ROLLBACK")
        assert impatient.jobs.create_check([REQUEST]).total == 1
        other.close()


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    script = (
        "from aludel.settings import load_settings\n"
        "from aludel.store import Store\n"
        "from aludel.models import CheckRequest\n"
        "import sys\n"
        "sys.stdin.read(1)\n"
        "with Store.open(load_settings()) as store:\n"
        "    store.jobs.create_check([CheckRequest(code='x')])\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            env={**os.environ, "ALUDEL_DATA_DIR": str(tmp_path / "new")},
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(6)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write(b"!")
        process.stdin.flush()
    for process in started:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    with sqlite3.connect(_file(tmp_path / "new")) as raw:
        assert raw.execute("SELECT count(*) FROM jobs").fetchone() == (6,)
    raw.close()


def _create_at(folder: Path, revision: str) -> None:
    """Create the database as the version with ``revision`` did."""
    from alembic import command

    database = Database(Settings(data_dir=folder).store_url)
    config = Config()
    config.set_main_option("script_location", str(aludel.store.migrate._SCRIPTS))
    assert revision in {s.revision for s in ScriptDirectory.from_config(config).walk_revisions()}
    with database.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.close()


def _dump(folder: Path) -> list[str]:
    with sqlite3.connect(_file(folder)) as raw:
        lines = list(raw.iterdump())
    raw.close()
    return lines
