"""Single checks, gathered into batches: for callers that ask for one verdict at a time."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cache

from aludel.client.asynchronous import AsyncClient
from aludel.errors import InvalidRequest
from aludel.jobs import Item
from aludel.models import CheckRequest

WINDOW_S = 0.02
LARGEST = 256
_HERE = "http://127.0.0.1:8321"


class Coalescer:
    """Has requests of any thread and event loop checked, those that come together as one job.

    An event loop of its own, in a thread that ends with the process, waits ``window_s`` seconds
    after the first request for others, for at most ``largest`` in all. A job whose callers have all
    left is cancelled on the service.

    Args:
        url: address of the service.
        key: the API key that it wants.
        window_s: seconds to wait for others.
        largest: requests of one job.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str | None = None,
        window_s: float = WINDOW_S,
        largest: int = LARGEST,
    ) -> None:
        self._client = AsyncClient(url, key=key)
        self._window_s = window_s
        self._largest = largest
        self._open: _Batch | None = None
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="aludel-checks", daemon=True).start()

    def submit(self, request: CheckRequest) -> Future[Item]:
        """Have a request checked; to cancel the future is to leave.

        The future raises what :meth:`AsyncClient.check_batch` does, ``InvalidRequest`` for this
        request alone.
        """
        return asyncio.run_coroutine_threadsafe(self._checked(request), self._loop)

    async def _checked(self, request: CheckRequest) -> Item:
        batch = self._open
        if batch is None:
            batch = self._open = _Batch()
            batch.task = asyncio.create_task(self._sent(batch))
        at = batch.add(request)
        if len(batch.requests) >= self._largest:
            self._close(batch)
        try:
            # Shielded, for one who leaves must not take the others' job along.
            found = (await asyncio.shield(batch.task))[at]
        finally:
            batch.callers -= 1
            if not batch.callers:
                self._close(batch)
                batch.task.cancel()
        if isinstance(found, InvalidRequest):
            raise found
        return found

    async def _sent(self, batch: _Batch) -> Sequence[Item | InvalidRequest]:
        await asyncio.sleep(self._window_s)
        self._close(batch)
        try:
            return await self._client.check_batch(batch.requests)
        except InvalidRequest:  # a service refuses the batch for one: each by itself
            return await asyncio.gather(*(self._alone(one) for one in batch.requests))

    async def _alone(self, request: CheckRequest) -> Item | InvalidRequest:
        try:
            [item] = await self._client.check_batch([request])
        except InvalidRequest as error:
            return error
        return item

    def _close(self, batch: _Batch) -> None:
        """Let nobody join a batch any more."""
        if self._open is batch:
            self._open = None


class _Batch:
    """Requests that become one job, and how many callers still wait for it."""

    task: asyncio.Task[Sequence[Item | InvalidRequest]]

    def __init__(self) -> None:
        self.requests: list[CheckRequest] = []
        self.callers = 0

    def add(self, request: CheckRequest) -> int:
        """Add the request of one caller and return its place."""
        self.requests.append(request)
        self.callers += 1
        return len(self.requests) - 1


def service_of(url: str | None = None, key: str | None = None) -> tuple[str, str | None]:
    """Return address and API key of a service, as far as they are not given by the environment.

    Args:
        url: address of the service; by default ``ALUDEL_SERVER``, or this machine.
        key: its API key; by default ``ALUDEL_API_KEY``.
    """
    found = url or os.environ.get("ALUDEL_SERVER") or _HERE
    return found, key or os.environ.get("ALUDEL_API_KEY")


def shared(url: str | None = None, key: str | None = None) -> Coalescer:
    """Return this process's coalescer for a service, the same at every call.

    Args are those of :func:`service_of`.
    """
    # By process, for one that was forked has none of its parent's threads.
    return _of_process(os.getpid(), *service_of(url, key))


@cache
def _of_process(process: int, url: str, key: str | None) -> Coalescer:  # noqa: ARG001
    return Coalescer(url, key=key)
