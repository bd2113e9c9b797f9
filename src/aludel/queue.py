"""The queue to the workers. The row is the truth; a message only says that there is work.

Tasks are sent by name, so that a sender needs neither the tasks nor a prover.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any, Protocol

from aludel.distribution import needs

needs("service", "celery")

from celery import Celery
from kombu.exceptions import KombuError

from aludel.errors import BackendUnavailable
from aludel.jobs import JobKind
from aludel.models import MAX_WALL_S, Prover
from aludel.settings import Settings
from aludel.store import Store
from aludel.task_names import (
    CHECK_QUEUE,
    EXPORT_QUEUE,
    FSTAR_PROVE_QUEUE,
    FSTAR_QUEUE,
    MUTATE_QUEUE,
    PROVE_QUEUE,
    RUN_ATTEMPTS,
    RUN_CHECKS,
    RUN_EXPORT,
    RUN_MUTATION,
    project_of_queue,
    project_queue,
)

_ROUTES = {
    JobKind.MUTATE: (RUN_MUTATION, MUTATE_QUEUE),
    JobKind.EXPORT: (RUN_EXPORT, EXPORT_QUEUE),
}
# The items of these are for one prover or the other.
_BY_PROVER = {
    JobKind.CHECK: (RUN_CHECKS, {Prover.LEAN: CHECK_QUEUE, Prover.FSTAR: FSTAR_QUEUE}),
    JobKind.PROVE: (RUN_ATTEMPTS, {Prover.LEAN: PROVE_QUEUE, Prover.FSTAR: FSTAR_PROVE_QUEUE}),
}
# One message occupies one worker; that many items make it worth while to call another one.
_ITEMS_PER_MESSAGE = {JobKind.CHECK: 16, JobKind.MUTATE: 1, JobKind.PROVE: 4, JobKind.EXPORT: 1}
_MAX_MESSAGES = 64
_CONNECT_TIMEOUT_S = 3.0
_RACES = 5
_PUBLISH_RETRY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2}
# Longer than any task, or Redis would hand out a task that is still running.
_VISIBILITY_TIMEOUT_S = 3 * MAX_WALL_S

_log = logging.getLogger(__name__)


class TaskQueue(Protocol):
    """A way to workers."""

    def send(self, task: str, args: Sequence[str], queue: str) -> None:
        """Ask for ``task`` to be run; returns before it is.

        Raises:
            BackendUnavailable: the broker is out of reach.
        """
        ...

    def ping(self) -> None:
        """Make sure that messages can be sent.

        Raises:
            BackendUnavailable: the broker is out of reach.
        """
        ...


class CeleryQueue:
    """A :class:`TaskQueue` through a Celery broker."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def send(self, task: str, args: Sequence[str], queue: str) -> None:
        """Publish a message for ``task``.

        Raises:
            BackendUnavailable: the broker is out of reach.
        """
        for tries_left in reversed(range(_RACES)):
            try:
                self._publish(task, args, queue)
            except AttributeError:
                # kombu 5.7: threads that lose Redis together may close each other's channels, and
                # the publication then fails on a channel without connection. A new one is made for
                # the next; an error of our own comes again.
                if not tries_left:
                    raise
            except (KombuError, OSError) as error:
                raise broker_unavailable(self._app, error) from error
            else:
                return

    def _publish(self, task: str, args: Sequence[str], queue: str) -> None:
        self._app.send_task(
            task, args=list(args), queue=queue, retry=True, retry_policy=_PUBLISH_RETRY
        )

    def ping(self) -> None:
        """Make sure that the broker answers.

        Raises:
            BackendUnavailable: it does not.
        """
        ensure_broker(self._app)


def dispatch(
    queue: TaskQueue,
    store: Store,
    job_id: str,
    kind: JobKind,
    waiting: int,
    prover: Prover | None = None,
    project: str = "",
) -> bool:
    """Send the messages for a job with ``waiting`` queued items, to the queues of their provers.

    With ``prover``, all items are for this one; with ``project``, all are checks for that one.

    Returns:
        False when the broker is out of reach. The job is not lost: a worker's sweep finds it.

    Raises:
        StoreError: the database cannot be written.
    """
    try:
        if project:
            routes = [(RUN_CHECKS, project_queue(project), waiting)]
        else:
            routes = _routes(store, job_id, kind, waiting, prover)
        for task, name, count in routes:
            of = project_of_queue(name)
            args = [job_id] if of is None else [job_id, of]
            for _ in range(min(_MAX_MESSAGES, math.ceil(count / _ITEMS_PER_MESSAGE[kind]))):
                queue.send(task, args, name)
    except BackendUnavailable as error:
        _log.warning("job left for the sweep", extra={"job": job_id, "error": str(error)})
        return False
    store.jobs.mark_enqueued(job_id)
    return True


def _routes(
    store: Store, job_id: str, kind: JobKind, waiting: int, prover: Prover | None
) -> list[tuple[str, str, int]]:
    """Task, queue and number of items; F* and named projects have queues of their own."""
    if kind in _ROUTES:
        return [(*_ROUTES[kind], waiting)]
    task, queues = _BY_PROVER[kind]
    if prover is not None:
        return [(task, queues[prover], waiting)]
    of_fstar = store.items.waiting(job_id, Prover.FSTAR)
    named = store.items.projects_waiting(job_id) if kind is JobKind.CHECK else {}
    counts = {
        queues[Prover.LEAN]: waiting - of_fstar - sum(named.values()),
        queues[Prover.FSTAR]: of_fstar,
        **{project_queue(name): count for name, count in named.items()},
    }
    return [(task, name, count) for name, count in counts.items() if count > 0]


def broker_app(settings: Settings, **more: Any) -> Celery:  # noqa: ANN401 - Celery's settings
    """Return a Celery application that knows the broker and no task.

    Args:
        settings: ``broker_url`` says where the broker is.
        more: further Celery settings.
    """
    app = Celery("aludel", broker=settings.broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=CHECK_QUEUE,
        broker_connection_timeout=_CONNECT_TIMEOUT_S,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_TIMEOUT_S,
            "socket_connect_timeout": _CONNECT_TIMEOUT_S,
        },
        **more,
    )
    return app


def ensure_broker(app: Celery) -> None:
    """Make sure that the broker answers.

    Raises:
        BackendUnavailable: it does not.
    """
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=_CONNECT_TIMEOUT_S)
    except (KombuError, OSError) as error:
        raise broker_unavailable(app, error) from error


def broker_unavailable(app: Celery, error: Exception) -> BackendUnavailable:
    """Return what to tell about a broker that does not answer."""
    url = app.connection_for_write().as_uri()  # without its password
    return BackendUnavailable(
        f"the broker {url} does not answer: {error}",
        field="ALUDEL_BROKER_URL",
        fix="start it (redis-server), or correct the address",
    )
