"""Searches for lemmas, on behalf of keys."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from aludel.errors import QueueFull
from aludel.lemma_search import Lemmas, LemmaSearch, LemmasFound
from aludel.settings import Settings
from aludel.store import ApiKey
from aludel.store.keys import tenant_of
from aludel.tenants import current_tenant, working_for

_MOST_TENANTS = 8
_RETRY_S = 5.0

OpenLibrary = Callable[[Path], Lemmas]
"""Opens a library whose lists are kept in a folder."""


class KeyedLemmas:
    """Searches for lemmas, as many at a time as there are processes. Thread-safe.

    Each counts against its key's quota of the minute. What a prover said of an import set is kept
    for the next who asks, except where keys are kept apart: then each has lists of its own.

    Args:
        library: opens what answers.
        settings: where lists are kept, whether keys are kept apart, how many processes there are.
        charge: counts searches against a key's quota of the minute; raises QuotaExceeded.
    """

    def __init__(
        self, library: OpenLibrary, settings: Settings, charge: Callable[[str, int], None]
    ) -> None:
        self._library = library
        self._folder = settings.premises_dir
        self._apart = settings.per_key
        self._charge = charge
        self._slots = threading.BoundedSemaphore(max(1, settings.pool_size))
        self._lock = threading.Lock()
        self._opened: OrderedDict[str | None, Lemmas] = OrderedDict()

    def search(self, key: ApiKey, asked: LemmaSearch) -> LemmasFound:
        """Search for ``key``; raises as :meth:`aludel.lemma_search.Lemmas.search`.

        Raises:
            QuotaExceeded: the key used up its minute.
            QueueFull: as many searches are under way as may be, for as long as this one may take.
        """
        if key.per_minute is not None:
            self._charge(key.id, 1)
        if not self._slots.acquire(timeout=asked.wall_s):
            raise QueueFull("as many searches are under way as may be", retry_after_s=_RETRY_S)
        try:
            with working_for(tenant_of(key.id)):
                return self._of_tenant().search(asked)
        finally:
            self._slots.release()

    def _of_tenant(self) -> Lemmas:
        tenant = current_tenant() if self._apart else None
        with self._lock:
            if tenant not in self._opened:
                self._opened[tenant] = self._library(self._folder / _name_of(tenant))
            self._opened.move_to_end(tenant)
            while len(self._opened) > _MOST_TENANTS:
                self._opened.popitem(last=False)
            return self._opened[tenant]


def _name_of(tenant: str | None) -> str:
    """The name of a tenant's folder; the common one has none."""
    return "" if tenant is None else hashlib.sha256(tenant.encode()).hexdigest()[:16]
