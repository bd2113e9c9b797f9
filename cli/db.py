"""``aludel db``: the database of the service: migrate, back up, restore, prune."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from aludel.cli.groups import Group
from aludel.settings import load_settings
from aludel.store import Store
from aludel.store.backup import backup as save
from aludel.store.backup import restore as fill
from aludel.store.database import Database
from aludel.store.migrate import downgrade, migrate, revision_of

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(name="db", cls=Group)
def command() -> None:
    """Look after the database that ALUDEL_DATABASE_URL or ALUDEL_DATA_DIR names."""


@command.command(name="migrate")
@click.option("--to", "revision", help="Go back to this earlier revision; the newest by default.")
def migrate_command(revision: str | None) -> None:
    """Bring the schema to this version's. `aludel serve` and `worker` do so when they start."""
    database = Database(load_settings().store_url)
    try:
        before = revision_of(database)
        if revision is None:
            migrate(database)
        else:
            downgrade(database, revision)
        click.echo(f"{database.name}: schema {before or 'none'} -> {revision_of(database)}")
    finally:
        database.close()


@command.command()
@click.argument("file", type=_FILE)
def backup(file: Path) -> None:
    """Save every row to FILE, as of one moment; the service may go on."""
    with Store.open(load_settings()) as store:
        count = save(store.database, file)
    click.echo(f"{count} rows in {file}, {file.stat().st_size} bytes")


@command.command()
@click.argument("file", type=_FILE)
def restore(file: Path) -> None:
    """Fill an empty database, SQLite or PostgreSQL, from the backup FILE."""
    count = fill(load_settings(), file)
    click.echo(f"{count} rows restored")


@command.command()
@click.option(
    "--older-than", "days", type=click.FloatRange(min=0), required=True, help="Age in days."
)
@click.option("--verdicts", is_flag=True, help="Also verdicts that nothing refers to any more.")
def prune(days: float, verdicts: bool) -> None:
    """Remove jobs that ended long ago. Accepted variants stay."""
    before = datetime.now(UTC) - timedelta(days=days)
    with Store.open(load_settings()) as store:
        jobs, forgotten = store.prune(before, verdicts=verdicts)
    click.echo(f"removed {jobs} jobs and {forgotten} verdicts")
