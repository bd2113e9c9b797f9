"""Items under lease: a turn of a job with many, a job with one, and what becomes of failures."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from aludel.deadline import Deadline
from aludel.errors import AludelError, BackendUnavailable, QueueFull, StoreError
from aludel.jobs import Failure, JobKind
from aludel.models import Prover
from aludel.queue import dispatch
from aludel.store import Claim, Store
from aludel.store.keys import tenant_of
from aludel.store.leases import MAX_ATTEMPTS
from aludel.tenants import working_for
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


@dataclass(frozen=True, slots=True)
class Taking:
    """The way in which a turn takes items.

    Attributes:
        seconds: how long new ones are begun.
        at_once: how many are taken from the store at once.
        prover, toolchain: only checks that these decide.
    """

    seconds: float
    at_once: int
    prover: Prover | None = None
    toolchain: str | None = None


class Turn:
    """One turn of one job.

    Args:
        runtime: the worker.
        job_id: the job.
        taking: how items are taken.
        carry_out: brings one item to its end; a StoreError ends the turn.

    Attributes:
        keeper: keeps the leases of what was taken.
    """

    def __init__(
        self, runtime: Runtime, job_id: str, taking: Taking, carry_out: Callable[[Claim], None]
    ) -> None:
        self._runtime = runtime
        self._job_id = job_id
        self._taking = taking
        self._carry_out = carry_out
        self._deadline = Deadline.after(taking.seconds)
        self._lock = threading.Lock()
        self._stock: deque[Claim] = deque()
        self._held: dict[int, Claim] = {}
        self._exhausted = False
        self.keeper = LeaseKeeper(runtime.store, runtime.settings.lease_s, self._claims)
        self._broken = False
        self._tenant = tenant_of(runtime.store.jobs.owner(job_id))

    def run(self) -> None:
        """Work until the turn is over or nothing is left; give back what was not begun."""
        runtime = self._runtime
        try:
            with (
                self.keeper,
                ThreadPoolExecutor(runtime.threads, thread_name_prefix="item") as pool,
            ):
                for ended in [pool.submit(self._work) for _ in range(runtime.threads)]:
                    ended.result()
        finally:
            if self._stock:
                runtime.store.items.release(list(self._stock), tried=False)

    def _claims(self) -> list[Claim]:
        with self._lock:
            return list(self._held.values())

    def _work(self) -> None:
        try:
            while (claim := self._next()) is not None:
                try:
                    with working_for(self._tenant):
                        self._carry_out(claim)
                finally:
                    with self._lock:
                        self._held.pop(claim.item_id, None)
        except BaseException:
            self._broken = True  # the other threads end after their item
            raise

    def _next(self) -> Claim | None:
        with self._lock:
            if self._broken or self._deadline.passed or self._runtime.stopping.is_set():
                return None
            if self.keeper.lost.is_set():  # what else is in stock may be cancelled too
                return None
            if not self._stock and not self._exhausted:
                self._restock()
            return self._stock.popleft() if self._stock else None

    def _restock(self) -> None:
        runtime, taking = self._runtime, self._taking
        claims = runtime.store.items.claim(
            self._job_id,
            runtime.name,
            taking.at_once,
            runtime.settings.lease_s,
            taking.prover,
            taking.toolchain,
        )
        self._exhausted = len(claims) < taking.at_once
        self._stock.extend(claims)
        self._held.update((claim.item_id, claim) for claim in claims)


CarryOut = Callable[[Claim, Callable[[], bool]], Mapping[str, Any]]
"""Carries out an item until told to stop, and returns the job's summary (JSON)."""


def run_single(runtime: Runtime, kind: JobKind, carry_out: CarryOut) -> None:
    """Carry out the first job of a kind in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """
    lease_s = runtime.settings.lease_s
    chosen = runtime.store.items.next_job(kind)
    if chosen is None:
        return
    tenant = tenant_of(runtime.store.jobs.owner(chosen))
    for claim in runtime.store.items.claim(chosen, runtime.name, 1, lease_s):
        keeper = LeaseKeeper(runtime.store, lease_s, lambda held=claim: [held])  # type: ignore[misc]
        with keeper, working_for(tenant):
            _carry_out(runtime, claim, keeper, carry_out)
    following = runtime.store.items.next_job(kind)
    if following is not None and not runtime.stopping.is_set():
        dispatch(runtime.queue, runtime.store, following, kind, waiting=1)


def _carry_out(runtime: Runtime, claim: Claim, keeper: LeaseKeeper, carry_out: CarryOut) -> None:
    def stopping() -> bool:
        return runtime.stopping.is_set() or keeper.lost.is_set()

    try:
        summary = carry_out(claim, stopping)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is behind it does, the item must end
        conclude(runtime, claim, error)
    else:
        runtime.store.items.finish_whole(claim, dict(summary))
