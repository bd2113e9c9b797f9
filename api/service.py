"""The state that all routes share: settings, store and queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic_core import PydanticSerializationError

from aludel.api.admission import Admission
from aludel.api.audit_runs import KeyedAudits
from aludel.api.auth import Caller
from aludel.api.dataset_files import DatasetFolder
from aludel.api.kernel_runs import KernelRuns
from aludel.api.lemma_searches import KeyedLemmas
from aludel.api.results import events_of, results_of
from aludel.api.routing import Routes
from aludel.api.sessions import KeyedGoals
from aludel.api.states import KeyedStates
from aludel.deadline import Deadline
from aludel.errors import InvalidRequest, RequestTooLarge, ToolchainMissing
from aludel.jobs import ENDED, Item, Job
from aludel.models import MAX_STATEMENT_BYTES, PROJECT_NAME, CheckRequest, Model
from aludel.queue import TaskQueue, dispatch
from aludel.settings import Settings
from aludel.store import Store, Submission

P = TypeVar("P")
_FIRST_POLL_S = 0.002
_LONGEST_POLL_S = 0.05
_LOOK_S = 1.0  # how often a waiting call looks whether its caller is still there


@dataclass(frozen=True, slots=True)
class Service:
    """The state of the application; ``goals`` and ``lemmas`` where this process has a prover.

    Whoever reads a long text in this process holds ``reading``, for others share its processor.
    """

    settings: Settings
    store: Store
    queue: TaskQueue
    admission: Admission
    kernel: KernelRuns
    goals: KeyedGoals | None = None
    states: KeyedStates | None = None
    audits: KeyedAudits | None = None
    lemmas: KeyedLemmas | None = None
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def datasets(self) -> DatasetFolder:
        """The datasets that workers have written."""
        return DatasetFolder(self.settings.datasets_dir)

    def send(self, job: Job) -> Job:
        """Send what waits of a recorded job to the workers."""
        if job.progress.queued:
            dispatch(self.queue, self.store, job.id, job.kind, job.progress.queued)
        return job

    def submit_checks(
        self,
        requests: Sequence[CheckRequest],
        caller: Caller,
        submission: Submission,
        *,
        together: bool = False,
    ) -> Job:
        """Record a job of checks and send it to the workers.

        ``together``: whether one name of a project was given for all, so that all are refused
        where there is no such project.

        Raises:
            InvalidRequest: a request is one that no worker could carry out.
            ToolchainMissing: no worker has a toolchain of the prover.
            QueueFull: there is too much to do.
            Conflict: the idempotency key was used for another request.
        """
        routes = self._routes_of(requests, together=together)
        self.admission.admit(caller.key, len(requests))
        return self.send(self.store.jobs.create_check(requests, submission, routes))

    def _routes_of(self, requests: Sequence[CheckRequest], *, together: bool) -> list[str | None]:
        """Refuse what no worker could carry out, and say where each request is decided.

        Raises:
            RequestTooLarge: a statement is too long.
            InvalidRequest: a toolchain or project is named that no worker has.
            ToolchainMissing: no worker has a toolchain of the prover.
        """
        routes, several = Routes(self.store), len(requests) > 1
        found = []
        for index, request in enumerate(requests):
            where = f"requests.{index}." if several else ""
            ensure_unicode(request)
            _fits(request.statement or "", MAX_STATEMENT_BYTES, where + "statement")
            if together:
                found.append(routes.of(request, "", alone=True))
            else:
                found.append(routes.of(request, where, alone=not several))
        return found

    def events(self, job: Job, after: int, limit: int) -> list[tuple[int, Item]]:
        """Return the results of a job after its event number ``after``, with numbers from 1."""
        return events_of(self.store, job, after, limit)

    def results(self, job: Job, after: int, limit: int) -> list[Item]:
        """Return a page of a job's results."""
        return results_of(self.store, job, after, limit)

    async def wait(self, job_id: str, seconds: float) -> bool:
        """Wait until a job has ended.

        Returns:
            Whether it has, within ``seconds``.
        """
        deadline, pause = Deadline.after(seconds), _FIRST_POLL_S
        while await run_in_threadpool(self.store.jobs.state, job_id) not in ENDED:
            if deadline.passed:
                return False
            await asyncio.sleep(min(pause, deadline.remaining()))
            pause = min(1.5 * pause, _LONGEST_POLL_S)
        return True

    async def judged(
        self,
        requests: Sequence[CheckRequest],
        caller: Caller,
        request: Request,
        *,
        together: bool = False,
    ) -> tuple[Job, list[Item]]:
        """Have checks carried out as one job, and wait for its end.

        ``together``: as in :meth:`submit_checks`. Whoever leaves meanwhile has the job cancelled.

        Raises:
            AludelError: as :meth:`submit_checks`.
        """
        submission = Submission(caller.key.id)
        job = await run_in_threadpool(
            self.submit_checks, requests, caller, submission, together=together
        )
        request.state.job = job.id
        await self.ended(job.id, request.is_disconnected)
        return job, await run_in_threadpool(self.results, job, -1, job.total)

    async def ended(self, job_id: str, gone: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a job has ended; where its caller is gone, cancel it."""
        while not await self.wait(job_id, _LOOK_S):
            if await gone():
                await run_in_threadpool(self.store.control.cancel, job_id)
                return


def of_this_process(part: P | None, what: str) -> P:
    """Return what is there only where this process has a prover.

    Args:
        part: it, or None.
        what: what it is for, as words after "which".

    Raises:
        ToolchainMissing: there is none.
    """
    if part is None:
        raise ToolchainMissing(
            f"this service has no prover of its own, which {what}",
            fix="use one that was started without ALUDEL_BROKER_URL (aludel serve)",
        )
    return part


def ensure_unicode(request: Model) -> None:
    """Refuse half surrogate pairs, which JSON can write and UTF-8 cannot.

    Raises:
        InvalidRequest: some text of the request is not Unicode.
    """
    try:
        request.model_dump_json()
    except PydanticSerializationError as error:
        raise InvalidRequest(
            "a text holds half of a surrogate pair", field="body", fix="send Unicode text"
        ) from error


def _fits(text: str, limit: int, field: str) -> None:
    size = len(text.encode())
    if size > limit:
        raise RequestTooLarge(
            f"{size} bytes are more than the {limit} allowed", field=field, fix="shorten it"
        )


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


ServiceDep = Annotated[Service, Depends(_service)]
ProjectQuery = Annotated[
    str | None,
    Query(pattern=PROJECT_NAME, description="a project that the service serves by name"),
]
