"""Alembic's entry point. Migrations run from :mod:`aludel.store.migrate`, never from a shell."""

from __future__ import annotations

from alembic import context

from aludel.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # All or nothing: SQLite can change its schema in a transaction, though Alembic doubts it.
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
