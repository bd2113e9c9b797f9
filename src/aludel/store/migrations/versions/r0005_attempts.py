"""Attempts of models on theorems."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "attempt_runs",
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("plan", sa.JSON, nullable=False),
        sa.Column("problems", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "attempt_outcomes",
        sa.Column("run", _NAME, sa.ForeignKey("attempt_runs.name"), primary_key=True),
        sa.Column("problem", _NAME, primary_key=True),
        sa.Column("outcome", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("run", _NAME, sa.ForeignKey("attempt_runs.name"), primary_key=True),
        sa.Column("problem", _NAME, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("round", sa.Integer, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("attempt", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    for name in ("attempts", "attempt_outcomes", "attempt_runs"):
        op.drop_table(name)
