"""A turn of a job: threads that take up its items under lease, one by one, for some time."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from aludel.deadline import Deadline
from aludel.models import Prover
from aludel.store import Claim
from aludel.workers.leasing import LeaseKeeper
from aludel.workers.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Taking:
    """How a turn takes items.

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
