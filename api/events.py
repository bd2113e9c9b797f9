"""``GET /v1/jobs/{id}/events``: the progress of a job as server-sent events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from aludel.api.auth import Reader
from aludel.api.jobs import JobId
from aludel.api.service import Service, ServiceDep
from aludel.api.text import StrictRoute
from aludel.errors import AludelError, InvalidRequest
from aludel.jobs import ENDED, Item, Job, JobProgress

_FIRST_POLL_S = 0.01
_LONGEST_POLL_S = 0.25
_PAGE = 200
_SAY_SOMETHING_S = 15.0
_PROGRESS_S = 0.5
_MAX_EVENT = 2**31 - 1
# Proxies must neither keep events back nor store them.
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["jobs"])


@router.get(
    "/jobs/{id}/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events until the end"}},
)
async def stream_events(
    service: ServiceDep,
    caller: Reader,
    request: Request,
    id: JobId,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=20)] = "",
    after: Annotated[
        int, Query(ge=0, le=_MAX_EVENT, description="as Last-Event-ID, for those who cannot")
    ] = 0,
) -> StreamingResponse:
    """Stream a job: `item` for each that ends (its id resumes), `progress`, and at last `end`."""
    await run_in_threadpool(caller.reach, id)
    job = await run_in_threadpool(service.store.jobs.get, id)
    stream = _Stream(service, request, job, _number(last, after))
    return StreamingResponse(stream.run(), media_type="text/event-stream", headers=_HEADERS)


def _number(last: str, after: int) -> int:
    if not last:
        return after
    if not last.isascii() or not last.isdecimal() or int(last) > _MAX_EVENT:
        raise InvalidRequest(
            f"{last!r} is not the id of an event",
            field="Last-Event-ID",
            fix="send one received before",
        )
    return int(last)


class _Stream:
    """One caller's view of one job."""

    def __init__(self, service: Service, request: Request, job: Job, last: int) -> None:
        self._service = service
        self._request = request
        self._job = job
        self._last = last
        self._shown: JobProgress | None = None
        self._shown_at = self._said_at = time.monotonic()

    async def run(self) -> AsyncIterator[str]:
        """Yield events until the job has ended, or the caller is gone.

        A database out of reach ends the stream; the caller comes back with the last id.
        """
        pause = _FIRST_POLL_S
        try:
            while not await self._request.is_disconnected():
                text, over = await run_in_threadpool(self._look)
                if text:
                    self._said_at, pause = time.monotonic(), _FIRST_POLL_S
                    yield text
                if over:
                    return
                if not text:
                    await asyncio.sleep(pause)
                    pause = min(2 * pause, _LONGEST_POLL_S)
                if time.monotonic() - self._said_at > _SAY_SOMETHING_S:
                    self._said_at = time.monotonic()
                    yield ": still here\n\n"
        except AludelError:
            return

    def _look(self) -> tuple[str, bool]:
        """Return what is new, and whether that was all. The job is read first: see its end last."""
        job = self._service.store.jobs.get(self._job.id)
        found = self._service.events(job, self._last, _PAGE)
        parts = [_event("item", item, number) for number, item in found]
        if found:
            self._last = found[-1][0]
        over = job.state in ENDED and len(found) < _PAGE
        now = time.monotonic()
        due = over or self._shown is None or now - self._shown_at > _PROGRESS_S
        if due and job.progress != self._shown:
            self._shown, self._shown_at = job.progress, now
            parts.append(_event("progress", job.progress))
        if over:
            parts.append(_event("end", job))
        return "".join(parts), over


def _event(name: str, data: Item | JobProgress | Job, number: int | None = None) -> str:
    ident = "" if number is None else f"id: {number}\n"
    return f"{ident}event: {name}\ndata: {data.model_dump_json()}\n\n"
