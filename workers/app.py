"""The tasks of the workers, what real workers are made of, and the Celery application."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping, Sequence

from celery import Celery, signals

from aludel.fstar_checker.checker import build_checker as build_fstar_checker
from aludel.goals import Goals
from aludel.lean_checker.prover import build_any
from aludel.lean_checker.room import Rooms
from aludel.logs import configure_logging
from aludel.models import MAX_WALL_S
from aludel.projects import settings_of
from aludel.provers import AnyProver
from aludel.queue import CeleryQueue, broker_app
from aludel.settings import Settings
from aludel.task_names import (
    LEAN_QUEUES,
    RUN_ATTEMPTS,
    RUN_CHECKS,
    RUN_EXPORT,
    RUN_MUTATION,
    SWEEP,
    project_of_queue,
)
from aludel.workers.attempts import permitted_attempter, run_attempts
from aludel.workers.checks import run_checks
from aludel.workers.exports import run_export, write_dataset
from aludel.workers.housekeeping import Housekeeper, run_sweep, serve_metrics
from aludel.workers.mutations import mutate_with_lean, run_mutation
from aludel.workers.runtime import Parts, Runtime

TASKS: Mapping[str, Callable[..., None]] = {
    RUN_CHECKS: run_checks,
    RUN_MUTATION: run_mutation,
    RUN_ATTEMPTS: run_attempts,
    RUN_EXPORT: run_export,
    SWEEP: run_sweep,
}
"""The tasks by name. Celery and the in-process worker run the same ones."""

# The prover keeps its own deadlines; these limits are for the day it does not.
_SOFT_LIMIT_S = 2 * MAX_WALL_S
_HARD_LIMIT_S = _SOFT_LIMIT_S + 60
_PROCESS_START_S = 60.0

_log = logging.getLogger(__name__)


def lean_parts() -> Parts:
    """Return what a worker with Lean is made of; its projects share the room for processes."""
    rooms = Rooms()
    return Parts(
        checker=lambda settings: build_any(settings, rooms=rooms),
        mutate=mutate_with_lean,
        goals=lean_goals,
        attempter=permitted_attempter,
        export=write_dataset,
    )


def fstar_parts() -> Parts:
    """Return what a worker with F* is made of."""
    return Parts(checker=build_fstar_checker, attempter=permitted_attempter)


def lean_goals(prover: AnyProver, _settings: Settings) -> Goals:
    """Return sessions of tactics in the processes of a Lean.

    Raises:
        AbilityMissing: the prover has none.
    """
    return prover.goals()


class RuntimeHolder:
    """The runtimes of this process by project, opened after the fork and closed at its end."""

    def __init__(self, open_runtime: Callable[[str], Runtime]) -> None:
        self._open = open_runtime
        self._lock = threading.Lock()
        self._runtimes: dict[str, tuple[Runtime, Housekeeper]] = {}

    def get(self, project: str = "") -> Runtime:
        """Return the runtime of a project, opening it if that has not happened or failed.

        Raises:
            AludelError: the store or the prover cannot be opened.
        """
        with self._lock:
            if project not in self._runtimes:
                runtime = self._open(project)
                if not self._runtimes:
                    serve_metrics(runtime.settings)
                housekeeper = Housekeeper(runtime, broker_is_empty=False)
                self._runtimes[project] = (runtime, housekeeper)
                housekeeper.start()
            return self._runtimes[project][0]

    def close(self) -> None:
        """Close the runtimes that are open."""
        with self._lock:
            for runtime, _ in self._runtimes.values():
                runtime.interrupt()  # the housekeeper may be waiting for the prover
            for runtime, housekeeper in self._runtimes.values():
                housekeeper.stop()
                runtime.close()
            self._runtimes = {}


def create_app(settings: Settings, parts: Parts) -> tuple[Celery, RuntimeHolder]:
    """Return the Celery application with every task, and what its processes hold.

    Messages are acknowledged after the work, one is fetched at a time, and one whose process dies
    goes back to the queue.
    """
    app = broker_app(
        settings,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_soft_time_limit=_SOFT_LIMIT_S,
        task_time_limit=_HARD_LIMIT_S,
        worker_proc_alive_timeout=_PROCESS_START_S,
        worker_hijack_root_logger=False,
        # Leases make it safe to let a task run on that the broker may hand out again.
        worker_cancel_long_running_tasks_on_connection_loss=False,
    )
    queue = CeleryQueue(app)

    def opened(project: str) -> Runtime:
        # The housekeeper offers the toolchain once the prover is warm.
        if not project:
            return Runtime.open(settings, parts, queue, offered=False)
        of = settings_of(settings, project)
        return Runtime.open(of, parts.for_project(), queue, offered=False)

    holder = RuntimeHolder(opened)
    for name, function in TASKS.items():
        app.task(_task(holder, function), name=name)
    return app, holder


def _task(holder: RuntimeHolder, function: Callable[..., None]) -> Callable[..., None]:
    def run(*args: str) -> None:
        function(holder.get(*args[1:]), *args)  # behind the job, the project it is for

    return run


def run_worker(
    settings: Settings,
    parts: Parts,
    *,
    queues: Sequence[str] = LEAN_QUEUES,
    concurrency: int = 1,
) -> int:
    """Serve ``queues`` until told to stop, and return the exit status of Celery's worker.

    Each of the ``concurrency`` processes has a prover pool of its own.
    """
    app, holder = create_app(settings, parts)

    _open_after_fork(holder, projects_of_queues(queues))
    worker = app.Worker(
        queues=list(queues),
        concurrency=concurrency,
        pool="prefork",
        hostname=f"aludel-{os.getpid()}@{socket.gethostname()}",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="INFO",
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def projects_of_queues(queues: Sequence[str]) -> list[str]:
    """Return the projects that a worker of ``queues`` serves; the default has no name."""
    return sorted({project_of_queue(queue) or "" for queue in queues})


def _open_after_fork(holder: RuntimeHolder, projects: Sequence[str]) -> None:
    """Have Celery's processes open and close their runtimes, and log as we do."""

    def on_start(**_: object) -> None:
        try:
            for project in projects:
                holder.get(project)
        except Exception:  # noqa: BLE001 - the task that needs it tries again and says why
            _log.exception("worker process cannot open its prover")

    def on_stop(**_: object) -> None:
        holder.close()

    signals.setup_logging.connect(lambda **_: configure_logging(), weak=False)
    signals.worker_process_init.connect(on_start, weak=False)
    signals.worker_process_shutdown.connect(on_stop, weak=False)
