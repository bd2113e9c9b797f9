"""Verdicts that were taken back: which are to be checked again, and what they said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("verdicts") as verdicts:
        verdicts.add_column(sa.Column("taken_back_at", sa.DateTime(timezone=True)))
        verdicts.create_index("ix_verdicts_taken_back", ["taken_back_at"])
    op.create_table(
        "verdicts_taken_back",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("toolchain_digest", sa.String(64), nullable=False),
        sa.Column("verdict", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
    )
    op.create_index("ix_verdicts_taken_back_hash", "verdicts_taken_back", ["hash"])


def downgrade() -> None:
    op.drop_index("ix_verdicts_taken_back_hash", "verdicts_taken_back")
    op.drop_table("verdicts_taken_back")
    with op.batch_alter_table("verdicts") as verdicts:
        verdicts.drop_index("ix_verdicts_taken_back")
        verdicts.drop_column("taken_back_at")
