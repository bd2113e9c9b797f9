"""Check jobs: items are taken up under lease, judged, and finished one by one."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest, StoreError
from aludel.jobs import JobKind
from aludel.metrics import FAILURES, count_verdict
from aludel.models import CheckRequest, Verdict
from aludel.queue import dispatch
from aludel.store import Claim
from workers.leasing import LeaseKeeper, conclude
from workers.runtime import Runtime

# After its turn a job goes to the end of the queue, so that a large one does not block small ones.
TURN_S = 2.0


def run_checks(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Carry out items that this worker's prover decides, of the first job in the line, for a turn.

    Safe to run twice, also at the same time.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; leases will run out and items be queued again.
    """
    prover = runtime.checker.toolchain.prover
    toolchain = runtime.checker.toolchain.name
    chosen = runtime.store.items.next_job(JobKind.CHECK, prover, toolchain)
    if chosen is None:
        return
    _Turn(runtime, chosen).run()
    # As long as anything waits, every message begets another one.
    following = runtime.store.items.next_job(JobKind.CHECK, prover, toolchain)
    if following is not None and not runtime.stopping.is_set():
        dispatch(runtime.queue, runtime.store, following, JobKind.CHECK, waiting=1, prover=prover)


class _Turn:
    """One turn of one job: threads that take items from a small stock of claims."""

    def __init__(self, runtime: Runtime, job_id: str) -> None:
        self._runtime = runtime
        self._job_id = job_id
        self._checker = runtime.cached.batch()
        self._deadline = Deadline.after(TURN_S)
        self._lock = threading.Lock()
        self._stock: deque[Claim] = deque()
        self._held: dict[int, Claim] = {}
        self._exhausted = False
        self._keeper = LeaseKeeper(runtime.store, runtime.settings.lease_s, self._claims)
        self._broken = False

    def run(self) -> None:
        """Work until the turn is over or nothing is left; give back what was not begun."""
        runtime = self._runtime
        try:
            with (
                self._keeper,
                ThreadPoolExecutor(runtime.threads, thread_name_prefix="check") as pool,
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
                self._carry_out(claim)
        except BaseException:
            self._broken = True  # the other threads end after their item
            raise

    def _next(self) -> Claim | None:
        with self._lock:
            if self._broken or self._deadline.passed or self._runtime.stopping.is_set():
                return None
            if self._keeper.lost.is_set():  # what else is in stock may be cancelled too
                return None
            if not self._stock and not self._exhausted:
                self._restock()
            return self._stock.popleft() if self._stock else None

    def _restock(self) -> None:
        runtime = self._runtime
        wanted = 2 * runtime.threads
        claims = runtime.store.items.claim(
            self._job_id,
            runtime.name,
            wanted,
            runtime.settings.lease_s,
            runtime.checker.toolchain.prover,
            runtime.checker.toolchain.name,
        )
        self._exhausted = len(claims) < wanted
        self._stock.extend(claims)
        self._held.update((claim.item_id, claim) for claim in claims)

    def _carry_out(self, claim: Claim) -> None:
        prover = self._checker.toolchain.prover.value
        try:
            verdict = self._judge(CheckRequest.model_validate(claim.payload))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a prover does, the item must end
            FAILURES.labels(prover, getattr(error, "code", "internal_error")).inc()
            conclude(self._runtime, claim, error)
        else:
            count_verdict(prover, verdict)
            self._runtime.store.items.finish(claim, verdict)
        finally:
            with self._lock:
                self._held.pop(claim.item_id, None)

    def _judge(self, request: CheckRequest) -> Verdict:
        toolchain = self._checker.toolchain
        if request.toolchain not in (None, toolchain.name):
            raise InvalidRequest(
                f"this worker has the toolchain {toolchain.name}, not {request.toolchain}",
                field="toolchain",
                fix="name one that GET /v1/toolchains lists",
            )
        return self._checker.check(request)
