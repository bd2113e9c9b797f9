"""Exchanges with the service as generators (see :mod:`aludel.client.transport`)."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from aludel.client.transport import (
    Call,
    Flow,
    Pause,
    fetch,
    idempotent,
    page_of,
    request_of,
)
from aludel.deadline import Deadline
from aludel.errors import (
    AludelError,
    BackendUnavailable,
    Conflict,
    ExtraMissing,
    InvalidRequest,
    NotFound,
    ToolchainMissing,
)
from aludel.http_models import MAX_BATCH, ItemPage, Submitted
from aludel.jobs import Failure, Item, ItemState, Job
from aludel.models import CheckRequest, Verdict
from aludel.progress import Told, teller
from aludel.receipts import Receipt
from aludel.records import Result

_WAIT_S = 50.0  # below the minute after which proxies give up
_POLL_S = 0.25
_SILENCE_S = 60.0  # the service says something every 15 s
RESUME_S = 0.5


def submit(
    requests: Sequence[CheckRequest], wait_s: float, key: str | None = None
) -> Flow[Submitted]:
    """Submit a job; with its results if it ends within ``wait_s`` seconds.

    Raises:
        InvalidRequest: there are no requests, or too many of them.
    """
    if not 1 <= len(requests) <= MAX_BATCH:
        raise InvalidRequest(
            f"a job has 1 to {MAX_BATCH} requests, not {len(requests)}", field="requests"
        )
    call = Call(
        "POST",
        "/v1/checks",
        params={"wait": wait_s} if wait_s else {},
        json={"requests": [request.model_dump(mode="json") for request in requests]},
        headers=idempotent(key),
        read_s=wait_s + 60.0,
    )
    return fetch(Submitted, call)


def results(
    requests: Sequence[CheckRequest], key: str, seconds: float | None = None
) -> Flow[list[Item]]:
    """Submit a job, wait for its end, and return its items in order.

    After ``seconds`` it is cancelled, and returned as it stands.
    """
    if seconds is not None and seconds <= 0:
        return unjudged(requests)
    deadline = None if seconds is None else Deadline.after(seconds)
    wait_s = _WAIT_S if seconds is None else min(_WAIT_S, seconds)
    submitted = yield from submit(requests, wait_s, key)
    if submitted.items is not None:
        return list(submitted.items)
    name = submitted.job.id
    while (yield from job(name)).finished_at is None:
        if deadline is not None and deadline.passed:
            yield from act(name, "cancel")
            break
        yield Pause(_POLL_S if deadline is None else min(_POLL_S, deadline.remaining()))
    found: list[Item] = []
    cursor: int | None = None
    while True:
        items, cursor = yield from page(name, cursor)
        found += items
        if cursor is None:
            return found


def unjudged(requests: Sequence[CheckRequest]) -> list[Item]:
    """Return items for requests that were never submitted."""
    return [
        Item(position=at, state=ItemState.CANCELLED, metadata=request.metadata)
        for at, request in enumerate(requests)
    ]


def withdraw(requests: Sequence[CheckRequest], key: str) -> Flow[Job]:
    """Cancel the job that was, or is being, submitted under ``key``.

    Its id is known to the answer alone that its submitter no longer waits for; submitting it again
    under its key asks for the id, and makes no second job.
    """
    submitted = yield from submit(requests, 0.0, key)
    return (yield from act(submitted.job.id, "cancel"))


def job(job_id: str) -> Flow[Job]:
    """Return a job as it stands."""
    return fetch(Job, Call("GET", f"/v1/jobs/{job_id}"))


def act(job_id: str, action: str, body: object = None) -> Flow[Job]:
    """Cancel or retry a job."""
    return fetch(Job, Call("POST", f"/v1/jobs/{job_id}/{action}", json=body))


def ended(job_id: str, seconds: float | None = None) -> Flow[Job]:
    """Wait for the end of a job, for up to ``seconds``.

    Raises:
        BackendUnavailable: it has not ended by then.
    """
    deadline = None if seconds is None else Deadline.after(seconds)
    while True:
        found = yield from job(job_id)
        if found.finished_at is not None:
            return found
        if deadline is not None and deadline.passed:
            raise BackendUnavailable(
                f"job {job_id} has not ended in time", fix="wait longer, or cancel it"
            )
        yield Pause(_POLL_S)


def page(job_id: str, cursor: int | None) -> Flow[tuple[Sequence[Item], int | None]]:
    """Return a page of a job's items, and the cursor of the next."""
    call = Call("GET", f"/v1/jobs/{job_id}/items", params=page_of(cursor))
    found = yield from fetch(ItemPage, call)
    return found.items, found.next_cursor


def stream_call(job_id: str, last: str | None) -> dict[str, Any]:
    """Return the arguments of httpx's ``stream`` that read a job's events after ``last``."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": last} if last else {})
    call = Call("GET", f"/v1/jobs/{job_id}/events", headers=headers, read_s=_SILENCE_S)
    return request_of(call)


def result(key: str) -> Flow[Result]:
    """Return a recorded verdict with its request."""
    return fetch(Result, Call("GET", f"/v1/results/{key}"))


def receipt(key: str) -> Flow[Receipt]:
    """Return a receipt of a recorded verdict."""
    return fetch(Receipt, Call("GET", f"/v1/results/{key}/receipt"))


def verdict_of(item: Item) -> Verdict:
    """Return the verdict of an item.

    Raises:
        AludelError: it has none, because the machine failed or the request was wrong.
    """
    if item.verdict is not None:
        return item.verdict
    raise error_of_failure(item.error)


def error_of_failure(failure: Failure | None) -> AludelError:
    """Return the error that a failed item records."""
    if failure is None:
        return BackendUnavailable("the item has neither a verdict nor an error")
    kinds: tuple[type[AludelError], ...] = (
        InvalidRequest, NotFound, Conflict, ToolchainMissing, ExtraMissing
    )  # fmt: skip
    kind = next((k for k in kinds if k.code == failure.code), BackendUnavailable)
    return kind.told(failure.message, failure.field, failure.fix)


def chunks(requests: Iterable[CheckRequest], size: int) -> Iterator[list[CheckRequest]]:
    """Yield ``requests`` in lists of ``size``, taking no more than is asked for."""
    source = iter(requests)
    while chunk := list(islice(source, size)):
        yield chunk


def placed(items: Sequence[Item], start: int) -> list[Item]:
    """Return items with their place in the whole, not in their job."""
    return [item.model_copy(update={"position": start + item.position}) for item in items]


class Judged:
    """Counts the items that were judged, and tells whoever wants to know; thread-safe."""

    def __init__(self, progress: Told) -> None:
        self._tell = teller(progress)
        self._count = 0
        self._one_at_a_time = threading.Lock()

    def and_told(self, items: list[Item]) -> list[Item]:
        """Return the items of a job that has ended, after they were counted."""
        with self._one_at_a_time:
            self._count += sum(item.state is not ItemState.CANCELLED for item in items)
            self._tell(self._count)
        return items
