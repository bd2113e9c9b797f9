"""PostgreSQL: connections that notice a server that was restarted."""

from __future__ import annotations

from sqlalchemy import URL, Engine, create_engine

_POOL_SIZE = 8
_POOL_OVERFLOW = 32
_CONNECT_TIMEOUT_S = 5
# A row's lock is held for the milliseconds of a transaction; one that lasts means a broken client.
_OPTIONS = "-c timezone=utc -c lock_timeout=30s -c idle_in_transaction_session_timeout=300s"


def engine(url: URL) -> Engine:
    """Return connections to a database.

    Read committed is enough: what must not change meanwhile is locked row by row.
    """
    return create_engine(
        url,
        hide_parameters=True,  # candidates do not belong into messages
        isolation_level="READ COMMITTED",
        pool_size=_POOL_SIZE,
        max_overflow=_POOL_OVERFLOW,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": _CONNECT_TIMEOUT_S,
            "options": _OPTIONS,
            "application_name": "aludel",
        },
    )
