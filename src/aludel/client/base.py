"""What the blocking and the awaiting client share; they differ in input and output alone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from aludel.client import flows
from aludel.client.transport import Exchange, Flow, exchange
from aludel.jobs import Item
from aludel.models import CheckRequest, Verdict

T = TypeVar("T")
C = TypeVar("C")

Page = Callable[[C | None], Flow[tuple[Sequence[T], C | None]]]
"""Asks for the page at a cursor; returns it with the next one's cursor, None at the end."""


class Runner(Protocol):
    """Carries out flows, blocking."""

    def __call__(self, flow: Flow[T]) -> T:
        """Return what the flow ends with."""
        ...


class AsyncRunner(Protocol):
    """Carries out flows, awaiting."""

    async def __call__(self, flow: Flow[T]) -> T:
        """Return what the flow ends with."""
        ...


def every(run: Runner, page: Page[C, T]) -> Iterator[T]:
    """Yield what all pages hold, each asked for when it is needed."""
    cursor: C | None = None
    while True:
        found, cursor = run(page(cursor))
        yield from found
        if cursor is None:
            return


async def async_every(run: AsyncRunner, page: Page[C, T]) -> AsyncIterator[T]:
    """Yield what all pages hold, each asked for when it is needed."""
    cursor: C | None = None
    while True:
        found, cursor = await run(page(cursor))
        for one in found:
            yield one
        if cursor is None:
            return


class Resource:
    """A part of the service, for a blocking client."""

    def __init__(self, run: Runner) -> None:
        self._run = run


class AsyncResource:
    """A part of the service, for an awaiting client."""

    def __init__(self, run: AsyncRunner) -> None:
        self._run = run


class BaseClient:
    """What either client knows: how often a call is repeated, and what needs no service."""

    _retries: int

    def _exchange(self, flow: Flow[T], retries: int | None = None) -> Exchange[T]:
        return exchange(flow, self._retries if retries is None else retries)

    @staticmethod
    def _one(request: CheckRequest | str) -> Sequence[CheckRequest]:
        return [CheckRequest(code=request) if isinstance(request, str) else request]

    @staticmethod
    def verdict_of(item: Item) -> Verdict:
        """Return the verdict of an item.

        Raises:
            InvalidRequest: it has none, for the request was wrong.
            BackendUnavailable: it has none, for the machine failed.
        """
        return flows.verdict_of(item)
