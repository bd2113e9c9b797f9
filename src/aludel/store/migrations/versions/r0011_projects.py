"""Projects that workers serve by name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "projects",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column(
            "toolchain_digest", sa.String(64), sa.ForeignKey("toolchains.digest"), nullable=False
        ),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("projects")
