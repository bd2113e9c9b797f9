"""API keys and fair shares, counts and events of jobs, cancelling, idempotent submission."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_COUNTS = ("n_done", "n_failed", "n_cancelled", "n_accepted", "n_rejected", "n_undecided")
_PAGE = 1_000
_ITEMS = sa.table(
    "items",
    sa.column("id", sa.Integer),
    sa.column("payload", sa.JSON),
    sa.column("prover", sa.String(16)),
)
_OPEN = sa.text("finished_at IS NULL")


def upgrade() -> None:
    _create_keys()
    with op.batch_alter_table("jobs") as jobs:
        for name in (*_COUNTS, "events", "rank"):
            jobs.add_column(sa.Column(name, sa.Integer, nullable=False, server_default="0"))
        jobs.add_column(sa.Column("place", sa.BigInteger, nullable=False, server_default="0"))
        jobs.add_column(
            sa.Column("key_id", sa.String(32), nullable=False, server_default="anonymous")
        )
        jobs.add_column(sa.Column("idempotency_key", sa.String(255)))
        jobs.add_column(sa.Column("request_digest", sa.String(64)))
        jobs.create_foreign_key("fk_jobs_key", "api_keys", ["key_id"], ["id"])
        jobs.create_unique_constraint("uq_jobs_idempotency", ["key_id", "idempotency_key"])
    op.create_index("ix_jobs_listed", "jobs", ["created_at", "id"])
    op.create_index("ix_jobs_of_key", "jobs", ["key_id", "created_at", "id"])
    op.create_index(
        "ix_jobs_open",
        "jobs",
        ["kind", "rank", "place"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    with op.batch_alter_table("items") as items:
        items.add_column(sa.Column("prover", sa.String(16)))
        items.add_column(sa.Column("event", sa.Integer))
        items.drop_index("ix_items_job_state")
        items.create_index("ix_items_job_state", ["job_id", "state", "prover", "position"])
        items.create_index("ix_items_event", ["job_id", "event"])
        items.create_index("ix_items_verdict", ["verdict_hash"])
    _fill()


def _create_keys() -> None:
    keys = op.create_table(
        "api_keys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.String(64)),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("max_waiting", sa.Integer),
        sa.Column("per_minute", sa.Integer),
        sa.Column("minute", sa.DateTime(timezone=True)),
        sa.Column("minute_used", sa.Integer, nullable=False, server_default="0"),
        sa.Column("place", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
    )
    # Whoever shows no key; has no secret, so nobody can show this one.
    scopes = sa.literal(["read", "submit", "admin"], sa.JSON)
    made = sa.literal(datetime(2026, 1, 1, tzinfo=UTC), sa.DateTime(timezone=True))
    row = {"id": "anonymous", "name": "anonymous", "scopes": scopes, "created_at": made}
    op.execute(sa.insert(keys).values(row))


def _fill() -> None:
    """Bring what the new columns count up to date."""
    _fill_provers()
    op.execute("UPDATE items SET event = position + 1 WHERE finished_at IS NOT NULL")
    op.execute("UPDATE jobs SET events = total")
    for state in ("done", "failed"):
        _count(f"n_{state}", "state", state)
    for outcome in ("accepted", "rejected", "undecided"):
        _count(f"n_{outcome}", "outcome", outcome)


def _fill_provers() -> None:
    """Copy the prover out of each check; in Python, for PostgreSQL cannot read JSON with NULs."""
    connection = op.get_bind()
    last = 0
    while rows := connection.execute(
        sa.select(_ITEMS.c.id, _ITEMS.c.payload)
        .where(_ITEMS.c.id > last)
        .order_by(_ITEMS.c.id)
        .limit(_PAGE)
    ).all():
        last = rows[-1].id
        of_checks = [(row.id, row.payload["context"]) for row in rows if "context" in row.payload]
        if of_checks:
            connection.execute(
                sa.update(_ITEMS).where(_ITEMS.c.id == sa.bindparam("item")),
                [{"item": item, "prover": context["prover"]} for item, context in of_checks],
            )


def _count(column: str, by: str, value: str) -> None:
    op.execute(
        f"UPDATE jobs SET {column} = (SELECT count(*) FROM items "  # noqa: S608 - constants
        f"WHERE items.job_id = jobs.id AND items.{by} = '{value}')"
    )


def downgrade() -> None:
    # What the older version does not know: cancelled work, which it takes for failed.
    op.execute(
        "UPDATE items SET state = 'failed', error = "
        '\'{"code": "cancelled", "message": "cancelled"}\' WHERE state = \'cancelled\''
    )
    op.execute("UPDATE jobs SET state = 'failed' WHERE state = 'cancelled'")
    with op.batch_alter_table("items") as items:
        for name in ("ix_items_verdict", "ix_items_event", "ix_items_job_state"):
            items.drop_index(name)
        items.create_index("ix_items_job_state", ["job_id", "state", "position"])
        items.drop_column("event")
        items.drop_column("prover")
    for name in ("ix_jobs_open", "ix_jobs_of_key", "ix_jobs_listed"):
        op.drop_index(name, "jobs")
    with op.batch_alter_table("jobs") as jobs:
        jobs.drop_constraint("uq_jobs_idempotency", type_="unique")
        jobs.drop_constraint("fk_jobs_key", type_="foreignkey")
        for name in ("request_digest", "idempotency_key", "key_id", "place"):
            jobs.drop_column(name)
        for name in (*_COUNTS, "events", "rank"):
            jobs.drop_column(name)
    op.drop_table("api_keys")
