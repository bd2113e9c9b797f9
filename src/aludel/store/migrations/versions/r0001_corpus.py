"""Toolchains, theorems, verdicts, variants and their parents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "toolchains",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("prover", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False, index=True),
        sa.Column("version", sa.String(200), nullable=False),
        sa.Column("commit", sa.String(200)),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "theorems",
        sa.Column(
            "toolchain_digest", sa.String(64), sa.ForeignKey("toolchains.digest"), primary_key=True
        ),
        sa.Column("name", _NAME, primary_key=True),
        sa.Column("module", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
    )
    op.create_table(
        "verdicts",
        sa.Column("hash", sa.String(64), primary_key=True),
        sa.Column(
            "toolchain_digest",
            sa.String(64),
            sa.ForeignKey("toolchains.digest"),
            nullable=False,
            index=True,
        ),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("request", sa.JSON, nullable=False),
        sa.Column("verdict", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
    )
    _create_variants()


def _create_variants() -> None:
    op.create_table(
        "variants",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("statement", sa.Text, nullable=False),
        sa.Column("proof", sa.Text, nullable=False),
        sa.Column("rule", sa.String(16), nullable=False),
        sa.Column("lemma", sa.Text, nullable=False),
        sa.Column("direction", sa.String(16), nullable=False),
        sa.Column("position", sa.String(16), nullable=False),
        sa.Column("hypothesis", sa.Text),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("imports", sa.JSON, nullable=False),
        sa.Column(
            "toolchain_digest", sa.String(64), sa.ForeignKey("toolchains.digest"), nullable=False
        ),
        sa.Column(
            "verdict_hash",
            sa.String(64),
            sa.ForeignKey("verdicts.hash"),
            nullable=False,
            index=True,
        ),
        sa.Column("term_hash", sa.Text, nullable=False, index=True),
        sa.Column("usage", sa.JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("toolchain_digest", "name", name="uq_variants_name"),
    )
    op.create_table(
        "variant_parents",
        sa.Column("variant_id", sa.Integer, sa.ForeignKey("variants.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer, primary_key=True),
        sa.Column("parent", sa.Text, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("variant_parents", "variants", "verdicts", "theorems", "toolchains"):
        op.drop_table(table)
