"""Runs of attempts belong to who started them; verdicts of accepted attempts are kept."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_PAGE = 500
_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ATTEMPTS = sa.table(
    "attempts",
    sa.column("run", _NAME),
    sa.column("problem", _NAME),
    sa.column("position", sa.Integer),
    sa.column("round", sa.Integer),
    sa.column("kind", sa.String(16)),
    sa.column("attempt", sa.JSON),
    sa.column("verdict_hash", sa.String(64)),
)
_KEY = (_ATTEMPTS.c.run, _ATTEMPTS.c.problem, _ATTEMPTS.c.position, _ATTEMPTS.c.round)


def upgrade() -> None:
    with op.batch_alter_table("attempt_runs") as runs:
        runs.add_column(
            sa.Column("key_id", sa.String(32), nullable=False, server_default="anonymous")
        )
        runs.create_foreign_key("fk_attempt_runs_key", "api_keys", ["key_id"], ["id"])
        runs.create_index("ix_attempt_runs_listed", ["created_at", "name"])
    op.add_column("attempts", sa.Column("verdict_hash", sa.String(64)))
    op.create_index("ix_attempts_verdict", "attempts", ["verdict_hash"])
    _fill()


def _fill() -> None:
    connection = op.get_bind()
    last: tuple[object, ...] = ("", "", 0, 0)
    query = sa.select(*_KEY, _ATTEMPTS.c.attempt).where(_ATTEMPTS.c.kind == "accepted")
    one = sa.and_(*(column == sa.bindparam(f"of_{column.name}") for column in _KEY))
    change = sa.update(_ATTEMPTS).where(one).values(verdict_hash=sa.bindparam("hash"))
    while rows := connection.execute(
        query.where(sa.tuple_(*_KEY) > sa.tuple_(*last)).order_by(*_KEY).limit(_PAGE)
    ).all():
        last = tuple(rows[-1][:4])
        values = [
            {f"of_{column.name}": value for column, value in zip(_KEY, row[:4], strict=True)}
            | {"hash": row.attempt["verdict"]["hash"]}
            for row in rows
        ]
        connection.execute(change, values)


def downgrade() -> None:
    op.drop_index("ix_attempts_verdict", "attempts")
    with op.batch_alter_table("attempts") as attempts:
        attempts.drop_column("verdict_hash")
    with op.batch_alter_table("attempt_runs") as runs:
        runs.drop_index("ix_attempt_runs_listed")
        runs.drop_constraint("fk_attempt_runs_key", type_="foreignkey")
        runs.drop_column("key_id")
