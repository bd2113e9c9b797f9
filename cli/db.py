"""``aludel db``: the database of the service: migrate, back up, restore, prune, reconsider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from aludel.cli.groups import Group
from aludel.errors import InvalidRequest
from aludel.models import Prover, RejectReason
from aludel.settings import load_settings
from aludel.store import Store
from aludel.store.backup import backup as save
from aludel.store.backup import restore as fill
from aludel.store.database import Database
from aludel.store.migrate import downgrade, migrate, revision_of
from aludel.store.reconsidering import Recorded, Selection

_TIME = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])
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


@command.command()
@click.option("--prover", type=click.Choice([p.value for p in Prover]), help="Who decided.")
@click.option("--toolchain", help="Digest of the toolchain that decided, or its beginning.")
@click.option("--since", type=_TIME, help="Recorded at this time (UTC) or later.")
@click.option("--until", type=_TIME, help="Recorded before this time (UTC).")
@click.option("--kind", type=click.Choice(["accepted", "rejected"]), help="What was decided.")
@click.option("--reason", type=click.Choice([r.value for r in RejectReason]), help="Of rejections.")
@click.option("--process", help="The prover process that made the claim: usage.process.")
@click.option("--why", help="Why they are taken back; needed unless --dry-run.")
@click.option("--dry-run", is_flag=True, help="Only list what would be taken back.")
def reconsider(
    prover: str | None,
    toolchain: str | None,
    since: datetime | None,
    until: datetime | None,
    kind: str | None,
    reason: str | None,
    process: str | None,
    why: str | None,
    *,
    dry_run: bool,
) -> None:
    """Take recorded verdicts back: equal candidates are then checked again.

    Nothing is deleted: what the verdicts said is kept with the reason. Variants and attempts that
    rest on them stay, and are counted.
    """
    if why is None and not dry_run:
        raise InvalidRequest("say why they are taken back", field="--why", fix="or use --dry-run")
    selection = Selection(
        prover=None if prover is None else Prover(prover),
        toolchain=toolchain,
        since=_utc(since),
        until=_utc(until),
        kind=kind,
        reason=reason,
        process=process,
    )
    with Store.open(load_settings()) as store:
        found = store.reconsidering.find(selection)
        for one in found:
            click.echo(_line(one))
        count = len(found) if dry_run else store.reconsidering.take_back(found, why or "")
    done = "would be taken back" if dry_run else "taken back"
    variants, attempts = sum(r.variants for r in found), sum(r.attempts for r in found)
    resting = f"{variants} variants and {attempts} attempts rest on them"
    click.echo(f"{count} verdicts {done}; {resting}")


def _line(one: Recorded) -> str:
    decided = f"{one.kind} {one.reason or ''}".strip()
    recorded = one.created_at.isoformat(timespec="seconds")
    return f"{one.hash} {one.prover} {one.toolchain_digest[:12]} {recorded} {decided}"


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
