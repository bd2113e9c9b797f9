"""A worker's housekeeping: register, find lost work, prune, and show metrics."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from billiard import current_process
from prometheus_client import start_http_server

from aludel.errors import AbilityMissing, AludelError
from aludel.metrics import INCIDENTS, POOL, POOL_EVENTS, REGISTRY
from aludel.provers import AnyProver
from aludel.queue import dispatch
from aludel.settings import Settings
from aludel.workers.runtime import Runtime

_MAX_PERIOD_S = 15.0
_RESEND_AFTER_LEASES = 5
_PRUNE_EVERY_S = 3_600.0

_log = logging.getLogger(__name__)


def sweep(runtime: Runtime, resend_after_s: float | None = None) -> int:
    """Queue items again whose worker is gone, and send lost messages again.

    Args:
        runtime: the worker.
        resend_after_s: when a message counts as lost; by default five times the lease.

    Returns:
        How many jobs were sent.

    Raises:
        StoreError: the database cannot be used.
    """
    default = _RESEND_AFTER_LEASES * runtime.settings.lease_s
    stalled = runtime.store.items.sweep(default if resend_after_s is None else resend_after_s)
    for job in stalled:
        dispatch(runtime.queue, runtime.store, job.job_id, job.kind, job.queued)
    return len(stalled)


def run_sweep(runtime: Runtime) -> None:
    """Sweep once, now: a task."""
    sweep(runtime)


class Housekeeper:
    """Warms the prover up, and registers its toolchain and sweeps periodically, in threads."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        broker_is_empty: bool,
        on_warm: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare the thread.

        Args:
            runtime: the worker.
            broker_is_empty: whether no message outlived the last process, so that every job that
                waits must be sent at the start.
            on_warm: is called once, when the prover's processes have started.
        """
        self._runtime = runtime
        self._on_warm = on_warm
        self._warm = threading.Event()
        self._resend_after_s = 0.0 if broker_is_empty else None
        self._period_s = min(_MAX_PERIOD_S, runtime.settings.lease_s / 2)
        self._stop = threading.Event()
        self._pruned_at = float("-inf")
        self._incidents: Counter[str] = Counter()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (("housekeeping", self._run), ("warming", self._warm_up))
        ]

    def start(self) -> None:
        """Start the threads: one sweeps at once, whatever the prover does meanwhile."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads and wait for them; the prover must be closed, for one may wait for it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        while True:
            try:
                sweep(self._runtime, self._resend_after_s)
                self._resend_after_s = None
                if self._warm.is_set():
                    self._offer()
                show_pool(self._runtime.checker, self._incidents, self._runtime.project)
                self._prune()
            except AludelError as error:  # the next round may succeed
                _log.warning("housekeeping failed", extra={"error": str(error)})
            except Exception:  # noqa: BLE001 - one bad round must not end the thread
                _log.exception("housekeeping failed")
            if self._stop.wait(self._period_s):
                return

    def _warm_up(self) -> None:
        """Start the prover's processes, again and again until that works; ready means warm."""
        while not self._stop.is_set():
            try:
                if not self._runtime.project:  # a project's processes start when it is asked for
                    self._runtime.checker.warm_up()
                self._offer()
            except AludelError as error:
                _log.warning("the prover did not start", extra={"error": str(error)})
            except Exception:  # noqa: BLE001 - as above
                _log.exception("the prover did not start")
            else:
                self._warm.set()
                self._on_warm()
                return
            self._stop.wait(self._period_s)

    def _offer(self) -> None:
        runtime = self._runtime
        runtime.store.toolchains.register(runtime.checker.toolchain, runtime.project)

    def _prune(self) -> None:
        """Remove old jobs once an hour, if the operator wants that."""
        days, now = self._runtime.settings.retention_days, time.monotonic()
        if days and now - self._pruned_at > _PRUNE_EVERY_S:
            self._pruned_at = now
            self._runtime.store.prune(datetime.now(UTC) - timedelta(days=days))


def show_pool(prover: AnyProver, shown: Counter[str], project: str = "") -> None:
    """Bring the figures of the prover's processes up to date, where it counts them.

    ``shown``: the incidents that were counted before; brought up to date. Those of a named project
    have its name behind the prover's.
    """
    name = prover.toolchain.prover.value + (f".{project}" if project else "")
    for what, count in prover.incidents().items():
        INCIDENTS.labels(name, what).inc(count - shown[what])
        shown[what] = count
    try:
        stats = prover.stats()
    except AbilityMissing:
        return
    for state, value in (("slots", stats.size), ("taken", stats.live), ("idle", stats.idle)):
        POOL.labels(name, state).set(value)
    for event in ("started", "discarded", "recycled"):
        POOL_EVENTS.labels(name, event).set(getattr(stats, event))


def serve_metrics(settings: Settings) -> None:
    """Answer Prometheus on the port that the settings name, plus the number of this process.

    A port that is taken is logged; a worker without figures is better than none.
    """
    if not settings.metrics_port:
        return
    port = settings.metrics_port + int(getattr(current_process(), "index", 0) or 0)
    try:
        start_http_server(port, addr=settings.host, registry=REGISTRY)
    except OSError as error:
        _log.warning("metrics are not shown", extra={"port": port, "error": str(error)})
