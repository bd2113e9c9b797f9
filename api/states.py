"""Tactic states of accepted candidates, on behalf of keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from aludel.errors import InvalidRequest
from aludel.proof_states import ProofTrace
from aludel.protocols import Exhausted, Tracer
from aludel.settings import Settings
from aludel.store import ApiKey, Store
from aludel.store.keys import tenant_of
from aludel.tenants import for_same_tenant, working_for


class KeyedStates:
    """Extracts tactic states, as many at a time as there are processes. Thread-safe.

    Each is one more elaboration, which counts against the key's quota of the minute. What is found
    is kept for the next who asks, except where keys are kept apart: then no key is shown what
    another's process said.

    Args:
        tracer: extracts.
        store: where verdicts are.
        settings: whether keys are kept apart, and how many processes there are.
    """

    def __init__(self, tracer: Tracer, store: Store, settings: Settings) -> None:
        self._tracer = tracer
        self._store = store
        self._apart = settings.per_key
        self._workers = max(1, settings.pool_size)

    def of(self, key: ApiKey, hashes: Sequence[str], wall_s: float) -> dict[str, ProofTrace | str]:
        """Return the states of accepted candidates by their verdict, or why there are none.

        Raises:
            QuotaExceeded: the key used up its minute.
            BackendUnavailable: the machine failed.
        """
        wanted = list(dict.fromkeys(hashes))
        if key.per_minute is not None:
            self._store.keys.charge(key.id, len(wanted))
        with working_for(tenant_of(key.id)), ThreadPoolExecutor(self._workers) as threads:
            one: Callable[[str], ProofTrace | str] = partial(self._one, wall_s=wall_s)
            return dict(zip(wanted, threads.map(for_same_tenant(one), wanted), strict=True))

    def _one(self, verdict_hash: str, *, wall_s: float) -> ProofTrace | str:
        known = None if self._apart else self._store.proof_states.get(verdict_hash)
        if known is not None:
            return known
        try:
            found = self._tracer.trace(self._store.verdicts.result(verdict_hash), wall_s=wall_s)
        except InvalidRequest as error:  # of this candidate: one by `native_decide`, for example
            return error.message
        if isinstance(found, Exhausted):
            return found.message
        if not self._apart:
            self._store.proof_states.put(verdict_hash, found)
        return found
