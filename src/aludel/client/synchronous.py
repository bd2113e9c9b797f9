"""The blocking client."""

from __future__ import annotations

import time
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self, TypeVar

import httpx

from aludel.audits import AUDIT_S, AuditRow
from aludel.client import flows
from aludel.client.attempts import RemoteAttempts
from aludel.client.audits import audit
from aludel.client.base import BaseClient, every
from aludel.client.datasets import RemoteDatasets
from aludel.client.disproofs import disproof_of
from aludel.client.events import Decoder, EndEvent, ItemEvent, JobEvent
from aludel.client.goals import RemoteGoals
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


class Client(BaseClient):
    """A blocking client of a service. Safe to use from several threads.

    Args:
        url: address of the service.
        key: API key, if the service wants one.
        retries: how often a call is repeated after a fault that passes, with growing pauses.
        http: an httpx client of your own, which you close; ``url`` and ``key`` are then unused.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8321",
        *,
        key: str | None = None,
        retries: int = 5,
        http: httpx.Client | None = None,
    ) -> None:
        self._own = http is None
        self._http = http or httpx.Client(**client_options(url, key))
        self._retries = retries

    @property
    def goals(self) -> RemoteGoals:
        """Proofs made step by step on the service."""
        return RemoteGoals(self._run)

    @property
    def attempts(self) -> RemoteAttempts:
        """Problems attempted on the service, and the runs that come of them."""
        return RemoteAttempts(self._run)

    @property
    def datasets(self) -> RemoteDatasets:
        """Datasets that the service writes."""
        return RemoteDatasets(self._run)

    def check(self, request: CheckRequest | str) -> Verdict:
        """Have one candidate judged, and wait for the verdict; a text is Lean code.

        Raises:
            InvalidRequest: the request is wrong.
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        [item] = self.check_batch(self._one(request))
        return flows.verdict_of(item)

    def check_batch(
        self, requests: Sequence[CheckRequest], *, deadline: float | None = None
    ) -> list[Item]:
        """Have up to 10,000 candidates judged as one job; their items in order.

        Ctrl-C while it waits cancels the job on the service.

        Args:
            requests: the candidates.
            deadline: seconds after which the job is cancelled on the service; what was not judged
                by then has the state ``cancelled`` and no verdict.

        Raises:
            InvalidRequest: a request is wrong, or there are too many.
            BackendUnavailable: the service does not answer.
        """
        return self._results(requests, uuid.uuid4().hex, deadline)

    def verify_many(
        self,
        requests: Iterable[CheckRequest],
        *,
        concurrency: int = 4,
        batch: int = 16,
        deadline: float | None = None,
        progress: Told = False,
    ) -> Iterator[Item]:
        """Have any number of candidates judged; yield their items in the order of ``requests``.

        Takes no more than ``2 * concurrency * batch`` requests ahead of what was yielded, and has
        at most ``concurrency`` jobs under way. ``position`` counts from the first request.

        ``deadline`` seconds after the first item is asked for, jobs under way are cancelled on the
        service and no more are submitted; each request left has an item of the state ``cancelled``.
        Closing the iterator, or an exception or Ctrl-C in it, cancels the jobs under way too.

        ``progress`` is told how many are judged so far, after each job and by a thread of ours;
        True writes that on stderr now and then.

        Raises:
            InvalidRequest: a request is wrong.
            BackendUnavailable: the service does not answer.
        """
        end = None if deadline is None else Deadline.after(deadline)
        judged = flows.Judged(progress)

        def one(chunk: list[CheckRequest], key: str) -> list[Item]:
            left = None if end is None else end.remaining()
            return judged.and_told(self._results(chunk, key, left))

        with ThreadPoolExecutor(concurrency) as pool:
            waiting: deque[_Waiting] = deque()
            try:
                start = 0
                for chunk in flows.chunks(requests, batch):
                    key = uuid.uuid4().hex
                    waiting.append(_Waiting(start, chunk, key, pool.submit(one, chunk, key)))
                    start += len(chunk)
                    if len(waiting) >= 2 * concurrency:
                        yield from _first(waiting)
                while waiting:
                    yield from _first(waiting)
            finally:
                self._leave(waiting)

    def submit(
        self, requests: Sequence[CheckRequest], *, wait_s: float = 0.0, key: str | None = None
    ) -> Submitted:
        """Submit a job and return it; equal ``key`` (an idempotency key) means the same job."""
        return self._run(flows.submit(requests, wait_s, key))

    def job(self, job_id: str) -> Job:
        """Return a job as it stands."""
        return self._run(flows.job(job_id))

    def wait(self, job_id: str, seconds: float | None = None) -> Job:
        """Wait for the end of a job, and return it.

        Raises:
            BackendUnavailable: it has not ended within ``seconds``.
        """
        return self._run(flows.ended(job_id, seconds))

    def items(self, job_id: str) -> Iterator[Item]:
        """Yield a job's items in order, page by page."""
        return every(self._run, lambda cursor: flows.page(job_id, cursor))

    def events(self, job_id: str, after: str | None = None) -> Iterator[JobEvent]:
        """Yield what happens to a job until it ends; each ended item exactly once.

        A broken stream is resumed after the last item seen. ``after`` is the id of an
        :class:`~aludel.client.events.ItemEvent` seen earlier.

        Raises:
            NotFound: there is no such job.
            BackendUnavailable: the service stays away.
        """
        decoder = Decoder(after)
        while True:
            self._run(flows.job(job_id))  # there is such a job, and a service
            try:
                for event in self._stream(job_id, decoder):
                    yield event
                    if isinstance(event, EndEvent):
                        return
            except httpx.TransportError:
                time.sleep(flows.RESUME_S)

    def finished(self, job_id: str) -> Iterator[Item]:
        """Yield a job's items as they end, each once."""
        for event in self.events(job_id):
            if isinstance(event, ItemEvent):
                yield event.item

    def cancel(self, job_id: str) -> Job:
        """Cancel what of a job has not ended."""
        return self._run(flows.act(job_id, "cancel"))

    def retry(self, job_id: str, wall_s: float) -> Job:
        """Check a job's undecided items again, with ``wall_s`` seconds each."""
        return self._run(flows.act(job_id, "retry", {"budget": {"wall_s": wall_s}}))

    def result(self, key: str) -> Result:
        """Return the verdict recorded under a content hash."""
        return self._run(flows.result(key))

    def receipt(self, key: str) -> Receipt:
        """Return a receipt of the verdict recorded under a content hash."""
        return self._run(flows.receipt(key))

    def audit(
        self,
        problems: Sequence[TheoremProblem],
        *,
        budget: int = SCREEN_BUDGET,
        wall_s: float = AUDIT_S,
    ) -> list[AuditRow]:
        """Have statements audited: what each has against it, in their order.

        Args:
            problems: the statements.
            budget: heartbeats of each search, in thousands; with 0 nothing is searched.
            wall_s: seconds that one statement may take, 120 at most.

        Raises:
            InvalidRequest: the service refuses the request; a text that is no statement has an
                ``error`` in its row instead.
            ToolchainMissing: the service has no prover of its own.
            BackendUnavailable: it does not answer, or its machine failed.
        """
        return self._run(audit(problems, budget, wall_s))

    def disprove(self, request: DisproofRequest | str) -> Disproof:
        """Have the service look for a proof of a statement's negation.

        Args:
            request: the statement; a text is ``theorem NAME …``.

        Raises:
            InvalidRequest: the text is no statement, or does not elaborate.
            BackendUnavailable: the machine failed; says nothing about the statement.
        """
        return self._run(disproof_of(request))

    def kernel(self, export: Export, *, steps: int = EXPORT_STEPS) -> KernelOutcome:
        """Have our own kernel check an export of Lean (lean4export's NDJSON) from nothing.

        Raises:
            QueueFull: as many exports are checked as may be.
            BackendUnavailable: the service does not answer, or cannot start a process.
        """
        return self._run(check_export(export, steps))

    def compare(
        self,
        challenge: Export,
        solution: Export,
        theorems: Sequence[str],
        *,
        axioms: Sequence[str] = STANDARD_AXIOMS,
        steps: int = EXPORT_STEPS,
    ) -> ComparisonOutcome:
        """Have two exports of Lean checked, and whether the second proves what the first states.

        Args:
            challenge: states the theorems; their proofs may be missing.
            solution: proves theorems of the same names.
            theorems: names, as Lean writes them.
            axioms: what a proof may rest on.
            steps: after which to stop.

        Raises:
            InvalidRequest: an export is not UTF-8, or a name is none of Lean's.
            QueueFull: as many exports are checked as may be.
            BackendUnavailable: the service does not answer, or cannot start a process.
        """
        return self._run(compare_exports(challenge, solution, theorems, axioms, steps))

    def search_lemmas(self, asked: LemmaSearch) -> LemmasFound:
        """Find lemmas that meet every criterion of a question, the best first.

        Raises:
            InvalidRequest: a pattern or goal does not elaborate, or an import does not exist.
            QueueFull: as many searches are under way as may be.
            BackendUnavailable: the service does not answer, or its prover failed.
        """
        return self._run(search_lemmas(asked))

    def close(self) -> None:
        """Close the connections; safe to call twice."""
        if self._own:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _stream(self, job_id: str, decoder: Decoder) -> Iterator[JobEvent]:
        with self._http.stream(**flows.stream_call(job_id, decoder.last)) as answer:
            if not answer.is_success:
                answer.read()
                raise error_of(answer)
            for line in answer.iter_lines():
                if (event := decoder.feed(line)) is not None:
                    yield event

    def _results(
        self, requests: Sequence[CheckRequest], key: str, seconds: float | None
    ) -> list[Item]:
        try:
            return self._run(flows.results(requests, key, seconds))
        except KeyboardInterrupt:
            self._withdraw(requests, key)
            raise

    def _leave(self, waiting: Iterable[_Waiting]) -> None:
        """Cancel what is under way; its threads return as soon as their jobs have ended."""
        for left in [left for left in waiting if not left.future.cancel()]:
            if not left.future.done():
                self._withdraw(left.chunk, left.key)

    def _withdraw(self, requests: Sequence[CheckRequest], key: str) -> None:
        # A service that is away has nothing to cancel with; why the caller leaves matters more.
        with suppress(AludelError):
            self._run(flows.withdraw(requests, key), retries=0)

    def _run(self, flow: Flow[T], retries: int | None = None) -> T:
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
                time.sleep(step.seconds)
                continue
            try:
                answer = self._http.request(**request_of(step))
            except httpx.TransportError as error:
                answer = error


class _Waiting(NamedTuple):
    """A job under way: its requests, where they begin, and its idempotency key."""

    start: int
    chunk: list[CheckRequest]
    key: str
    future: Future[list[Item]]


def _first(waiting: deque[_Waiting]) -> list[Item]:
    items = waiting[0].future.result()  # one that is interrupted stays, to be withdrawn
    return flows.placed(items, waiting.popleft().start)
