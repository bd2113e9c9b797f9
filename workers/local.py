"""The in-process broker: queues in memory, and threads that run the tasks.

Nothing needs to survive here: the rows are the truth, and a start sends every job that waits.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Iterable, Sequence

from aludel.errors import BackendUnavailable
from aludel.task_names import (
    CHECK_QUEUE,
    EXPORT_QUEUE,
    FSTAR_PROVE_QUEUE,
    FSTAR_QUEUE,
    LEAN_QUEUES,
    MUTATE_QUEUE,
    PROVE_QUEUE,
    project_of_queue,
    project_queue,
)
from aludel.workers.app import TASKS
from aludel.workers.housekeeping import Housekeeper
from aludel.workers.runtime import Runtime

# Two check jobs share the prover, so that a small one does not wait for the turn of a large one.
_THREADS = {
    **dict.fromkeys((CHECK_QUEUE, FSTAR_QUEUE), 2),
    **dict.fromkeys((MUTATE_QUEUE, PROVE_QUEUE, FSTAR_PROVE_QUEUE, EXPORT_QUEUE), 1),
}

_log = logging.getLogger(__name__)

_Message = tuple[str, tuple[str, ...]]


class LocalQueue:
    """A :class:`~aludel.queue.TaskQueue` in memory; ``projects`` have a queue each."""

    def __init__(self, projects: Iterable[str] = ()) -> None:
        self._queues: dict[str, queue.SimpleQueue[_Message | None]] = {
            name: queue.SimpleQueue() for name in (*_THREADS, *map(project_queue, projects))
        }
        self._cold: set[object] = set()

    def send(self, task: str, args: Sequence[str], queue: str) -> None:
        """Ask for ``task`` to be run by a thread of this process.

        Checks for a project that is no longer served wait in the database.
        """
        if queue not in self._queues and project_of_queue(queue):
            _log.warning("nothing serves this queue", extra={"queue": queue})
            return
        self._queues[queue].put((task, tuple(args)))

    def ping(self) -> None:
        """Make sure that the provers of this process, which is the broker, have started.

        Raises:
            BackendUnavailable: they have not yet.
        """
        if self._cold:
            raise BackendUnavailable(
                "the prover is still starting", fix="wait; what is submitted now waits too"
            )

    def cold(self, worker: object) -> None:
        """Note that the prover of a worker of this process has still to start."""
        self._cold.add(worker)

    def warm(self, worker: object) -> None:
        """Note that it has started."""
        self._cold.discard(worker)

    def receive(self, name: str) -> _Message | None:
        """Wait for the next message; ``None`` tells the thread to end."""
        return self._queues[name].get()

    def end(self, name: str) -> None:
        """Tell one thread of the queue ``name`` to end."""
        self._queues[name].put(None)


class LocalWorker:
    """Runs the tasks of a :class:`LocalQueue` in threads of this process.

    Args:
        runtime: the worker's store and prover.
        messages: where tasks come from.
        queues: those that this worker serves.
    """

    def __init__(
        self,
        runtime: Runtime,
        messages: LocalQueue,
        queues: Sequence[str] = LEAN_QUEUES,
    ) -> None:
        self._runtime = runtime
        self._messages = messages
        self._housekeeper = Housekeeper(
            runtime, broker_is_empty=True, on_warm=lambda: messages.warm(self)
        )
        self._threads = [
            (name, threading.Thread(target=self._serve, args=(name,), name=f"{name}-{number}"))
            for name in queues
            for number in range(_THREADS.get(name, _THREADS[CHECK_QUEUE]))
        ]

    def start(self) -> None:
        """Start the threads; jobs of an earlier process are taken up again."""
        self._messages.cold(self)
        self._housekeeper.start()
        for _, thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End running work, which is given back, and close the runtime."""
        self._runtime.interrupt()  # first, for the housekeeper may be waiting for the prover
        self._housekeeper.stop()
        for name, _ in self._threads:
            self._messages.end(name)
        for _, thread in self._threads:
            thread.join()
        self._runtime.close()

    def _serve(self, name: str) -> None:
        while (message := self._messages.receive(name)) is not None:
            if self._runtime.stopping.is_set():
                continue
            task, args = message
            try:
                TASKS[task](self._runtime, *args)
            except Exception:  # noqa: BLE001 - leases run out, the sweep takes the items up
                _log.exception("task failed", extra={"task": task})
