"""Attempts on a service: ``Client.attempts`` and ``AsyncClient.attempts``."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote

from aludel.attempt_figures import Comparison
from aludel.attempts import AttemptRecord, AttemptRun
from aludel.client.goals import AsyncRunner, Runner
from aludel.client.transport import Call, Flow, ask, parsed
from aludel.http_models import MAX_PAGE, AttemptPage, AttemptSubmission, RunPage, RunReport
from aludel.jobs import Job

_PATH = "/v1/attempts"


def submit(submission: AttemptSubmission, retries: int, key: str | None) -> Flow[Job]:
    """Submit problems; equal keys mean the same job."""
    call = Call(
        "POST",
        _PATH,
        json=submission.model_dump(mode="json"),
        headers={"Idempotency-Key": key or uuid.uuid4().hex},
        read_s=60.0,
    )
    return parsed(Job, (yield from ask(call, retries)))


def runs(cursor: str | None, retries: int) -> Flow[RunPage]:
    """Return a page of runs."""
    return parsed(RunPage, (yield from ask(Call("GET", _PATH, params=_page(cursor)), retries)))


def run(name: str, retries: int) -> Flow[RunReport]:
    """Return a run with its figures."""
    return parsed(
        RunReport, (yield from ask(Call("GET", f"{_PATH}/{quote(name, safe='')}"), retries))
    )


def records(name: str, cursor: str | None, retries: int) -> Flow[AttemptPage]:
    """Return a page of a run's attempts."""
    call = Call("GET", f"{_PATH}/{quote(name, safe='')}/attempts", params=_page(cursor))
    return parsed(AttemptPage, (yield from ask(call, retries)))


def compared(first: str, second: str, retries: int) -> Flow[Comparison]:
    """Compare two runs."""
    call = Call("GET", f"{_PATH}/compare", params={"first": first, "second": second})
    return parsed(Comparison, (yield from ask(call, retries)))


def _page(cursor: str | None) -> dict[str, str | int | float]:
    first: dict[str, str | int | float] = {"limit": MAX_PAGE}
    return first if cursor is None else {**first, "cursor": cursor}


class RemoteAttempts:
    """Attempts of a service; made by ``Client.attempts``. Watch a job with ``Client.finished``."""

    def __init__(self, run: Runner, retries: int) -> None:
        self._run = run
        self._retries = retries

    def submit(self, submission: AttemptSubmission, *, key: str | None = None) -> Job:
        """Have problems attempted as one job; equal ``key`` (an idempotency key) means the same.

        Raises:
            InvalidRequest: the submission is wrong, or names a model that is not permitted.
            Conflict: the run is another one.
            BackendUnavailable: the service does not answer.
        """
        return self._run(submit(submission, self._retries, key))

    def runs(self) -> Iterator[AttemptRun]:
        """Yield the runs, the newest first, page by page."""
        cursor: str | None = None
        while True:
            page = self._run(runs(cursor, self._retries))
            yield from page.runs
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def run(self, name: str) -> RunReport:
        """Return a run with its figures so far.

        Raises:
            NotFound: there is none of this name, or no worker has taken it up yet.
        """
        return self._run(run(name, self._retries))

    def records(self, name: str) -> Iterator[AttemptRecord]:
        """Yield a run's attempts, accepted or not, by problem and sample; page by page."""
        cursor: str | None = None
        while True:
            page = self._run(records(name, cursor, self._retries))
            yield from page.attempts
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    def compare(self, first: str, second: str) -> Comparison:
        """Compare two runs over the problems that both are done with."""
        return self._run(compared(first, second, self._retries))


class AsyncAttempts:
    """What :class:`RemoteAttempts` does, awaiting; made by ``AsyncClient.attempts``."""

    def __init__(self, run: AsyncRunner, retries: int) -> None:
        self._run = run
        self._retries = retries

    async def submit(self, submission: AttemptSubmission, *, key: str | None = None) -> Job:
        """Have problems attempted as one job; see :meth:`RemoteAttempts.submit`."""
        return await self._run(submit(submission, self._retries, key))

    async def runs(self) -> AsyncIterator[AttemptRun]:
        """Yield the runs, the newest first, page by page."""
        cursor: str | None = None
        while True:
            page = await self._run(runs(cursor, self._retries))
            for one in page.runs:
                yield one
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def run(self, name: str) -> RunReport:
        """Return a run with its figures so far; see :meth:`RemoteAttempts.run`."""
        return await self._run(run(name, self._retries))

    async def records(self, name: str) -> AsyncIterator[AttemptRecord]:
        """Yield a run's attempts, accepted or not, by problem and sample; page by page."""
        cursor: str | None = None
        while True:
            page = await self._run(records(name, cursor, self._retries))
            for one in page.attempts:
                yield one
            if page.next_cursor is None:
                return
            cursor = page.next_cursor

    async def compare(self, first: str, second: str) -> Comparison:
        """Compare two runs over the problems that both are done with."""
        return await self._run(compared(first, second, self._retries))
