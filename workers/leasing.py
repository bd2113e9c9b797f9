"""Keeping leases alive, and giving items back when the machine fails."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from aludel.errors import AludelError, BackendUnavailable, QueueFull, StoreError
from aludel.jobs import Failure
from aludel.store import Claim, Store
from aludel.store.leases import MAX_ATTEMPTS
from aludel.workers.runtime import Runtime

_BEATS_PER_LEASE = 3
_LONGEST_BEAT_S = 2.0  # so that work on a cancelled job ends soon
_FIRST_PAUSE_S = 0.5

_log = logging.getLogger(__name__)


class LeaseKeeper:
    """Extends leases in a thread of its own while the ``with`` block runs.

    Attributes:
        lost: set when a lease no longer held: the job was cancelled, or this worker was too slow.
    """

    def __init__(self, store: Store, lease_s: float, claims: Callable[[], Sequence[Claim]]) -> None:
        self._store = store
        self._lease_s = lease_s
        self._claims = claims
        self.lost = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._stop.wait(min(self._lease_s / _BEATS_PER_LEASE, _LONGEST_BEAT_S)):
            claims = self._claims()
            if not claims:
                continue
            try:
                if self._store.items.heartbeat(claims, self._lease_s) < len(claims):
                    self.lost.set()
            except StoreError as error:  # the next beat may succeed, and comes before the end
                _log.warning("heartbeat failed", extra={"error": str(error)})


def conclude(runtime: Runtime, claim: Claim, error: Exception) -> None:
    """Decide what becomes of an item that was not carried out because of ``error``.

    A machine that failed may do better the next time, after a pause; a request that is wrong will
    not. Ending the worker on purpose costs the item no attempt.

    Raises:
        StoreError: the decision could not be recorded; the lease will run out.
    """
    items = runtime.store.items
    if isinstance(error, BackendUnavailable | QueueFull):
        if runtime.stopping.is_set():
            items.release([claim], tried=False)
            return
        if claim.attempt < MAX_ATTEMPTS:
            runtime.stopping.wait(_FIRST_PAUSE_S * 2 ** (claim.attempt - 1))
            items.release([claim], tried=True)
            return
    if not isinstance(error, AludelError):
        _log.error("item failed unexpectedly", exc_info=error, extra={"job": claim.job_id})
        error = AludelError("internal error", fix="see the worker's log, and report it")
    items.fail(claim, Failure.of(error))
