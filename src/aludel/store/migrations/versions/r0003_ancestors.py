"""Variants of variants carry their ancestors; `apply` has no direction."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("variants") as variants:
        variants.alter_column("direction", existing_type=sa.String(16), nullable=True)
        variants.add_column(sa.Column("shape_hash", sa.Text, nullable=False, server_default=""))
        variants.add_column(sa.Column("preamble", sa.Text, nullable=False, server_default=""))
        variants.create_index("ix_variants_shape_hash", ["shape_hash"])
    with op.batch_alter_table("variants") as variants:
        variants.alter_column("shape_hash", existing_type=sa.Text, server_default=None)
        variants.alter_column("preamble", existing_type=sa.Text, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("variants") as variants:
        variants.drop_index("ix_variants_shape_hash")
        variants.drop_column("preamble")
        variants.drop_column("shape_hash")
        variants.alter_column("direction", existing_type=sa.String(16), nullable=False)
