"""Attempts on a service: ``Client.attempts`` and ``AsyncClient.attempts``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from urllib.parse import quote

from aludel.attempt_figures import Comparison
from aludel.attempts import AttemptRecord, AttemptRun
from aludel.client.base import AsyncResource, Resource, async_every, every
from aludel.client.transport import Call, Flow, fetch, idempotent, page_of
from aludel.http_models import AttemptPage, AttemptSubmission, RunPage, RunReport
from aludel.jobs import Job

_PATH = "/v1/attempts"


def submit(submission: AttemptSubmission, key: str | None) -> Flow[Job]:
    """Submit problems; equal keys mean the same job."""
    body = submission.model_dump(mode="json")
    return fetch(Job, Call("POST", _PATH, json=body, headers=idempotent(key), read_s=60.0))


def runs(cursor: str | None) -> Flow[tuple[Sequence[AttemptRun], str | None]]:
    """Return a page of runs, and the cursor of the next."""
    page = yield from fetch(RunPage, Call("GET", _PATH, params=page_of(cursor)))
    return page.runs, page.next_cursor


def run(name: str) -> Flow[RunReport]:
    """Return a run with its figures."""
    return fetch(RunReport, Call("GET", f"{_PATH}/{quote(name, safe='')}"))


def records(name: str, cursor: str | None) -> Flow[tuple[Sequence[AttemptRecord], str | None]]:
    """Return a page of a run's attempts, and the cursor of the next."""
    call = Call("GET", f"{_PATH}/{quote(name, safe='')}/attempts", params=page_of(cursor))
    page = yield from fetch(AttemptPage, call)
    return page.attempts, page.next_cursor


def compared(first: str, second: str) -> Flow[Comparison]:
    """Compare two runs."""
    params = {"first": first, "second": second}
    return fetch(Comparison, Call("GET", f"{_PATH}/compare", params=params))


class RemoteAttempts(Resource):
    """Attempts of a service; made by ``Client.attempts``. Watch a job with ``Client.finished``."""

    def submit(self, submission: AttemptSubmission, *, key: str | None = None) -> Job:
        """Have problems attempted as one job; equal ``key`` (an idempotency key) means the same.

        Raises:
            InvalidRequest: the submission is wrong, or names a model that is not permitted.
            Conflict: the run is another one.
            BackendUnavailable: the service does not answer.
        """
        return self._run(submit(submission, key))

    def runs(self) -> Iterator[AttemptRun]:
        """Yield the runs, the newest first, page by page."""
        return every(self._run, runs)

    def run(self, name: str) -> RunReport:
        """Return a run with its figures so far.

        Raises:
            NotFound: there is none of this name, or no worker has taken it up yet.
        """
        return self._run(run(name))

    def records(self, name: str) -> Iterator[AttemptRecord]:
        """Yield a run's attempts, accepted or not, by problem and sample; page by page."""
        return every(self._run, lambda cursor: records(name, cursor))

    def compare(self, first: str, second: str) -> Comparison:
        """Compare two runs over the problems that both are done with."""
        return self._run(compared(first, second))


class AsyncAttempts(AsyncResource):
    """The asynchronous :class:`RemoteAttempts`; made by ``AsyncClient.attempts``."""

    async def submit(self, submission: AttemptSubmission, *, key: str | None = None) -> Job:
        """Have problems attempted as one job; see :meth:`RemoteAttempts.submit`."""
        return await self._run(submit(submission, key))

    def runs(self) -> AsyncIterator[AttemptRun]:
        """Yield the runs, the newest first, page by page."""
        return async_every(self._run, runs)

    async def run(self, name: str) -> RunReport:
        """Return a run with its figures so far; see :meth:`RemoteAttempts.run`."""
        return await self._run(run(name))

    def records(self, name: str) -> AsyncIterator[AttemptRecord]:
        """Yield a run's attempts, accepted or not, by problem and sample; page by page."""
        return async_every(self._run, lambda cursor: records(name, cursor))

    async def compare(self, first: str, second: str) -> Comparison:
        """Compare two runs over the problems that both are done with."""
        return await self._run(compared(first, second))
