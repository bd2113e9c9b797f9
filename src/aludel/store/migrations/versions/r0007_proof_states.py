"""Tactic states of accepted proofs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "proof_steps",
        sa.Column("verdict_hash", sa.String(64), sa.ForeignKey("verdicts.hash"), primary_key=True),
        sa.Column("steps", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("proof_steps")
