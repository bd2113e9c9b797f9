"""The asynchronous client."""

from __future__ import annotations

import asyncio
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar

import httpx

from aludel.audits import AUDIT_S, AuditRow
from aludel.client import flows
from aludel.client.attempts import AsyncAttempts
from aludel.client.audits import audit
from aludel.client.base import BaseClient, async_every
from aludel.client.datasets import AsyncDatasets
from aludel.client.disproofs import disproof_of
from aludel.client.events import Decoder, EndEvent, ItemEvent, JobEvent
from aludel.client.goals import AsyncGoals
from aludel.client.kernel import Export, check_export, compare_exports
from aludel.client.lemmas import search_lemmas
from aludel.client.transport import Answer, Flow, Pause, client_options, error_of, request_of
from aludel.deadline import Deadline
from aludel.disproofs import Disproof, DisproofRequest
from aludel.errors import AludelError
from aludel.http_models import EXPORT_STEPS, ComparisonOutcome, KernelOutcome, Submitted
from aludel.jobs import SCREEN_BUDGET, Item, Job
from aludel.lemma_search import LemmaSearch, LemmasFound
from aludel.models import STANDARD_AXIOMS, CheckRequest, Verdict
from aludel.problems import TheoremProblem
from aludel.progress import Told
from aludel.receipts import Receipt
from aludel.records import Result

T = TypeVar("T")


class AsyncClient(BaseClient):
    """What :class:`aludel.Client` does, awaiting; for one event loop, with the same arguments."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8321",
        *,
        key: str | None = None,
        retries: int = 5,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._own = http is None
        self._http = http or httpx.AsyncClient(**client_options(url, key))
        self._retries = retries

    @property
    def goals(self) -> AsyncGoals:
        """Proofs made step by step on the service."""
        return AsyncGoals(self._run)

    @property
    def attempts(self) -> AsyncAttempts:
        """Problems attempted on the service, and the runs that come of them."""
        return AsyncAttempts(self._run)

    @property
    def datasets(self) -> AsyncDatasets:
        """Datasets that the service writes."""
        return AsyncDatasets(self._run)

    async def check(self, request: CheckRequest | str) -> Verdict:
        """Have one candidate judged, and wait for the verdict; see :meth:`aludel.Client.check`."""
        [item] = await self.check_batch(self._one(request))
        return flows.verdict_of(item)

    async def check_batch(
        self, requests: Sequence[CheckRequest], *, deadline: float | None = None
    ) -> list[Item]:
        """Have up to 10,000 candidates judged as one job; see :meth:`aludel.Client.check_batch`.

        A task that is cancelled while it waits cancels the job on the service.
        """
        key = uuid.uuid4().hex
        try:
            return await self._run(flows.results(requests, key, deadline))
        except asyncio.CancelledError:
            # A service that is away has nothing to cancel with; why the caller leaves matters more.
            with suppress(AludelError):
                await self._run(flows.withdraw(requests, key), retries=0)
            raise

    async def verify_many(
        self,
        requests: Iterable[CheckRequest],
        *,
        concurrency: int = 4,
        batch: int = 16,
        deadline: float | None = None,
        progress: Told = False,
    ) -> AsyncIterator[Item]:
        """Have any number of candidates judged; see :meth:`aludel.Client.verify_many`."""
        waiting: deque[tuple[int, asyncio.Task[list[Item]]]] = deque()
        slots = asyncio.Semaphore(concurrency)
        end = None if deadline is None else Deadline.after(deadline)
        judged = flows.Judged(progress)

        async def one(chunk: list[CheckRequest]) -> list[Item]:
            async with slots:
                left = None if end is None else end.remaining()
                return judged.and_told(await self.check_batch(chunk, deadline=left))

        try:
            start = 0
            for chunk in flows.chunks(requests, batch):
                waiting.append((start, asyncio.create_task(one(chunk))))
                start += len(chunk)
                if len(waiting) >= 2 * concurrency:
                    for item in await _first(waiting):
                        yield item
            while waiting:
                for item in await _first(waiting):
                    yield item
        finally:
            await _leave(waiting)

    async def submit(
        self, requests: Sequence[CheckRequest], *, wait_s: float = 0.0, key: str | None = None
    ) -> Submitted:
        """Submit a job and return it; equal ``key`` (an idempotency key) means the same job."""
        return await self._run(flows.submit(requests, wait_s, key))

    async def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return await self._run(flows.job(job_id))

    async def wait(self, job_id: str, seconds: float | None = None) -> Job:
        """Wait for the end of a job; see :meth:`aludel.Client.wait`."""
        return await self._run(flows.ended(job_id, seconds))

    def items(self, job_id: str) -> AsyncIterator[Item]:
        """Yield a job's items in order, page by page."""
        return async_every(self._run, lambda cursor: flows.page(job_id, cursor))

    async def events(self, job_id: str, after: str | None = None) -> AsyncIterator[JobEvent]:
        """Yield what happens to a job until it ends; see :meth:`aludel.Client.events`."""
        decoder = Decoder(after)
        while True:
            await self._run(flows.job(job_id))  # there is such a job, and a service
            try:
                async for event in self._stream(job_id, decoder):
                    yield event
                    if isinstance(event, EndEvent):
                        return
            except httpx.TransportError:
                await asyncio.sleep(flows.RESUME_S)

    async def finished(self, job_id: str) -> AsyncIterator[Item]:
        """Yield a job's items as they end, each once."""
        async for event in self.events(job_id):
            if isinstance(event, ItemEvent):
                yield event.item

    async def cancel(self, job_id: str) -> Job:
        """Cancel what of a job has not ended."""
        return await self._run(flows.act(job_id, "cancel"))

    async def retry(self, job_id: str, wall_s: float) -> Job:
        """Check a job's undecided items again, with ``wall_s`` seconds each."""
        return await self._run(flows.act(job_id, "retry", {"budget": {"wall_s": wall_s}}))

    async def result(self, key: str) -> Result:
        """Return the verdict recorded under a content hash."""
        return await self._run(flows.result(key))

    async def receipt(self, key: str) -> Receipt:
        """Return a receipt of the verdict recorded under a content hash."""
        return await self._run(flows.receipt(key))

    async def audit(
        self,
        problems: Sequence[TheoremProblem],
        *,
        budget: int = SCREEN_BUDGET,
        wall_s: float = AUDIT_S,
    ) -> list[AuditRow]:
        """Have statements audited; see :meth:`aludel.Client.audit`."""
        return await self._run(audit(problems, budget, wall_s))

    async def disprove(self, request: DisproofRequest | str) -> Disproof:
        """Have a statement's negation tried; see :meth:`aludel.Client.disprove`."""
        return await self._run(disproof_of(request))

    async def kernel(self, export: Export, *, steps: int = EXPORT_STEPS) -> KernelOutcome:
        """Have an export of Lean checked; see :meth:`aludel.Client.kernel`."""
        return await self._run(check_export(export, steps))

    async def compare(
        self,
        challenge: Export,
        solution: Export,
        theorems: Sequence[str],
        *,
        axioms: Sequence[str] = STANDARD_AXIOMS,
        steps: int = EXPORT_STEPS,
    ) -> ComparisonOutcome:
        """Have two exports of Lean compared; see :meth:`aludel.Client.compare`."""
        return await self._run(compare_exports(challenge, solution, theorems, axioms, steps))

    async def search_lemmas(self, asked: LemmaSearch) -> LemmasFound:
        """Find lemmas; see :meth:`aludel.Client.search_lemmas`."""
        return await self._run(search_lemmas(asked))

    async def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._own:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _stream(self, job_id: str, decoder: Decoder) -> AsyncIterator[JobEvent]:
        async with self._http.stream(**flows.stream_call(job_id, decoder.last)) as answer:
            if not answer.is_success:
                await answer.aread()
                raise error_of(answer)
            async for line in answer.aiter_lines():
                if (event := decoder.feed(line)) is not None:
                    yield event

    async def _run(self, flow: Flow[T], retries: int | None = None) -> T:
        answer: Answer = None
        steps = self._exchange(flow, retries)
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                done: T = end.value
                return done
            answer = None
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                continue
            try:
                answer = await self._http.request(**request_of(step))
            except httpx.TransportError as error:
                answer = error


async def _leave(waiting: Iterable[tuple[int, asyncio.Task[list[Item]]]]) -> None:
    """Cancel the tasks, each of which cancels its job on the service."""
    for _, task in waiting:
        task.cancel()
    await asyncio.gather(*(task for _, task in waiting), return_exceptions=True)


async def _first(waiting: deque[tuple[int, asyncio.Task[list[Item]]]]) -> list[Item]:
    start, task = waiting[0]
    items = await task  # one that is interrupted stays, to be waited for
    waiting.popleft()
    return flows.placed(items, start)
