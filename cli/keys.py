"""``aludel keys``: who may use the service."""

from __future__ import annotations

import json

import click

from aludel.cli.groups import Group
from aludel.settings import load_settings
from aludel.store import ApiKey, Scope, Store

_SCOPES = [scope.value for scope in Scope]
_COUNT = click.IntRange(1, 2**31 - 1)


@click.group(name="keys", cls=Group)
def command() -> None:
    """Make, list and revoke API keys of the service whose database ALUDEL_DATABASE_URL names."""


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(_SCOPES),
    default=("read", "submit"),
    show_default=True,
    help="What it may do: read its jobs; submit, cancel, retry; see all jobs and go first.",
)
@click.option("--max-waiting", type=_COUNT, help="Items that may be under way at once.")
@click.option("--per-minute", type=_COUNT, help="Items that may be submitted in a minute.")
def create(
    name: str, scopes: tuple[str, ...], max_waiting: int | None, per_minute: int | None
) -> None:
    """Make a key called NAME and print it, this once."""
    with Store.open(load_settings()) as store:
        chosen = [Scope(scope) for scope in dict.fromkeys(scopes)]
        key, shown = store.keys.create(name, chosen, max_waiting, per_minute)
    click.echo(shown)
    click.echo(f"key {key.id} ({key.name}); it is stored nowhere, keep it", err=True)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_keys(as_json: bool) -> None:
    """List all keys, and the share of those without one (`anonymous`)."""
    with Store.open(load_settings()) as store:
        keys = store.keys.list()
    if as_json:
        click.echo(json.dumps([key.model_dump(mode="json") for key in keys]))
        return
    for key in keys:
        click.echo(_line(key))


@command.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Let the key ID open nothing from now on. Its jobs go on."""
    with Store.open(load_settings()) as store:
        store.keys.revoke(key_id)
    click.echo(f"revoked {key_id}")


def _line(key: ApiKey) -> str:
    limits = [
        f"{value} {what}"
        for value, what in ((key.max_waiting, "under way"), (key.per_minute, "a minute"))
        if value is not None
    ]
    state = "revoked" if key.revoked_at is not None else ", ".join(limits) or "no limits"
    return f"{key.id:<12}  {key.name}  [{', '.join(key.scopes)}]  {state}"
