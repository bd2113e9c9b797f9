"""Audits of statements on behalf of keys."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from aludel.audits import Auditor, AuditRow, AuditSubmission, Duplicates
from aludel.errors import QueueFull, QuotaExceeded
from aludel.settings import Settings
from aludel.store import ApiKey, Store
from aludel.store.keys import tenant_of
from aludel.tenants import working_for

TOTAL_S = 300.0
"""Seconds after which what is left of a request is undecided."""
_MOST = 4
_RETRY_S = 5.0


class KeyedAudits:
    """Audits statements, a few requests at a time. Thread-safe.

    Each statement counts against the key's quota of the minute.

    Args:
        auditor: asks Lean.
        store: where keys are.
        settings: how many processes there are. With keys, one key may have half of the requests.
    """

    def __init__(self, auditor: Auditor, store: Store, settings: Settings) -> None:
        self._auditor = auditor
        self._store = store
        self._share = max(1, _MOST // 2) if settings.require_key else _MOST
        self._running: Counter[str] = Counter()
        self._counting = threading.Lock()

    def of(self, key: ApiKey, asked: AuditSubmission) -> list[AuditRow]:
        """Return what the statements have against them, in their order.

        Raises:
            QueueFull: as many requests are under way as may be.
            QuotaExceeded: the key has as many as it may, or used up its minute.
            BackendUnavailable: the machine failed.
        """
        with self._slot(key), working_for(tenant_of(key.id)):
            if key.per_minute is not None:
                self._store.keys.charge(key.id, len(asked.problems))
            rows = self._auditor.audit(
                asked.problems, budget=asked.budget, wall_s=asked.wall_s, total_s=TOTAL_S
            )
        duplicates = Duplicates()
        return [duplicates.mark(row) for row in rows]

    @contextlib.contextmanager
    def _slot(self, key: ApiKey) -> Iterator[None]:
        with self._counting:
            if self._running[key.id] >= self._share:
                raise QuotaExceeded(
                    f"{self._share} audits of the key are under way, as many as may be",
                    retry_after_s=_RETRY_S,
                )
            if self._running.total() >= _MOST:
                raise QueueFull("as many audits are under way as may be", retry_after_s=_RETRY_S)
            self._running[key.id] += 1
        try:
            yield
        finally:
            with self._counting:
                self._running[key.id] -= 1
