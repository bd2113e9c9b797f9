"""API keys: scopes and quotas.

A key is ``aludel_ID_SECRET``. The secret is 256 random bits, so one round of SHA-256 keeps it:
there is nothing to guess. It is shown once and stored nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pydantic import Field
from sqlalchemy import Connection, insert, select, update

from aludel.errors import NotFound, QuotaExceeded
from aludel.models import Model
from aludel.store.clock import Clock
from aludel.store.database import Database
from aludel.store.tables import ANONYMOUS, ApiKeyRow

_FORM = re.compile(r"aludel_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_MINUTE = timedelta(minutes=1)


class Scope(StrEnum):
    """Scopes of a key: read its jobs; submit, cancel and retry; see all jobs, go first."""

    READ = "read"
    SUBMIT = "submit"
    ADMIN = "admin"


class ApiKey(Model):
    """A key without its secret.

    Attributes:
        max_waiting: items of it that may wait or run at once; ``None`` is any number.
        per_minute: items that it may submit within a minute.
    """

    id: str
    name: str = Field(min_length=1, max_length=200)
    scopes: tuple[Scope, ...] = Field(min_length=1)
    max_waiting: int | None = Field(default=None, ge=1)
    per_minute: int | None = Field(default=None, ge=1)
    created_at: datetime
    revoked_at: datetime | None = None


def tenant_of(key_id: str) -> str | None:
    """Return the tenant that work for a key is done for; None where no key was asked for."""
    return None if key_id == ANONYMOUS else key_id


class ApiKeys:
    """The table of API keys."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(
        self,
        name: str,
        scopes: Sequence[Scope] = (Scope.READ, Scope.SUBMIT),
        max_waiting: int | None = None,
        per_minute: int | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key, and return it with the text that its owner shows, and nobody can read again.

        Raises:
            pydantic.ValidationError: a value does not fit.
            StoreError: the database cannot be written.
        """
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        key = ApiKey(
            id=key_id,
            name=name,
            scopes=tuple(scopes),
            max_waiting=max_waiting,
            per_minute=per_minute,
            created_at=self._clock(),
        )
        values = {**key.model_dump(), "scopes": [s.value for s in key.scopes]}
        with self._database.write() as connection:
            connection.execute(insert(ApiKeyRow), {**values, "secret_hash": _hash(secret)})
        return key, f"aludel_{key_id}_{secret}"

    def list(self) -> list[ApiKey]:
        """Return every key, revoked ones included, and ``anonymous`` for those without.

        Raises:
            StoreError: the database cannot be read.
        """
        query = select(ApiKeyRow).order_by(ApiKeyRow.created_at, ApiKeyRow.id)
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(query)]

    def find(self, shown: str) -> ApiKey | None:
        """Return the key that somebody shows, unless it is unknown or revoked.

        Raises:
            StoreError: the database cannot be read.
        """
        form = _FORM.fullmatch(shown)
        if form is None:
            return None
        query = select(ApiKeyRow).where(ApiKeyRow.id == form[1], ApiKeyRow.revoked_at.is_(None))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None or row.secret_hash is None:
            return None
        return _key(row) if hmac.compare_digest(row.secret_hash, _hash(form[2])) else None

    def anonymous(self) -> ApiKey:
        """Return what those may who show no key.

        Raises:
            StoreError: the database cannot be read.
        """
        with self._database.read() as connection:
            query = select(ApiKeyRow).where(ApiKeyRow.id == ANONYMOUS)
            return _key(connection.execute(query).one())

    def revoke(self, key_id: str) -> None:
        """Let a key open nothing from now on; its jobs go on. Safe to repeat.

        Raises:
            NotFound: there is no such key.
            StoreError: the database cannot be written.
        """
        of_key = update(ApiKeyRow).where(ApiKeyRow.id == key_id, ApiKeyRow.secret_hash.is_not(None))
        with self._database.write() as connection:
            known = connection.execute(of_key.values(revoked_at=self._clock())).rowcount
        if not known:
            raise NotFound(f"no key has the id {key_id!r}", field="id", fix="see aludel keys list")

    def charge(self, key_id: str, items: int) -> None:
        """Count ``items`` that no job holds against the key's quota of the minute.

        Raises:
            QuotaExceeded: it is used up, or too small for them.
            StoreError: the database cannot be written.
        """
        with self._database.write() as connection:
            charge(connection, key_id, items, self._clock())


def charge(connection: Connection, key_id: str, items: int, now: datetime) -> None:
    """Count ``items`` against the key's quota of the minute.

    Raises:
        QuotaExceeded: it is used up, or too small for them.
    """
    columns = (ApiKeyRow.per_minute, ApiKeyRow.minute, ApiKeyRow.minute_used)
    query = select(*columns).where(ApiKeyRow.id == key_id).with_for_update()
    limit, begun, used = connection.execute(query).one()
    if limit is None:
        return
    if begun is None or now - begun >= _MINUTE:
        begun, used = now, 0
    if used + items > limit:
        rest = (begun + _MINUTE - now).total_seconds()
        raise QuotaExceeded(
            f"the key may submit {limit} items a minute, {used} are used up",
            retry_after_s=rest,
        )
    of_key = update(ApiKeyRow).where(ApiKeyRow.id == key_id)
    connection.execute(of_key.values(minute=begun, minute_used=used + items))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Any) -> ApiKey:  # noqa: ANN401 - a row of ApiKeyRow's columns
    return ApiKey.model_validate({name: getattr(row, name) for name in ApiKey.model_fields})
