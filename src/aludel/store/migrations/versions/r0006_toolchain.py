"""Checks that name a toolchain go to workers that have it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_PAGE = 1_000
_ITEMS = sa.table(
    "items",
    sa.column("id", sa.Integer),
    sa.column("payload", sa.JSON),
    sa.column("toolchain", sa.String(200)),
)


def upgrade() -> None:
    op.add_column("items", sa.Column("toolchain", sa.String(200)))
    connection = op.get_bind()
    last = 0
    # In Python, for PostgreSQL cannot read JSON with NULs.
    while rows := connection.execute(
        sa.select(_ITEMS.c.id, _ITEMS.c.payload)
        .where(_ITEMS.c.id > last)
        .order_by(_ITEMS.c.id)
        .limit(_PAGE)
    ).all():
        last = rows[-1].id
        named = [(row.id, row.payload.get("toolchain")) for row in rows]
        values = [{"item": item, "toolchain": name} for item, name in named if name is not None]
        if values:
            of_item = sa.update(_ITEMS).where(_ITEMS.c.id == sa.bindparam("item"))
            connection.execute(of_item, values)


def downgrade() -> None:
    with op.batch_alter_table("items") as items:
        items.drop_column("toolchain")
