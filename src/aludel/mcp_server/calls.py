"""Calls of tools: carried out in threads, so many at once, each within its time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio
from mcp.server.mcpserver.exceptions import ToolError

from aludel.errors import AludelError, QueueFull

T = TypeVar("T")
MOST_CALLS = 32
"""Calls under way at once; what a client asks beyond that is refused."""
_RETRY_S = 5.0


class OutOfTime(Exception):
    """A call took longer than it may; what it does ends with its own budget."""

    def __init__(self, seconds: float, fix: str = "ask for less, or give it more time") -> None:
        super().__init__(f"no answer within {seconds:g} s ({fix})")


class Calls:
    """Carries calls out in threads. A call that ran out of time keeps its place until it ends.

    Args:
        most: how many may be under way at once.
    """

    def __init__(self, most: int = MOST_CALLS) -> None:
        self._most = most
        self._places = threading.Semaphore(most)
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="tool")

    async def run(self, seconds: float, call: Callable[[], T]) -> T:
        """Return what ``call`` does.

        Raises:
            OutOfTime: not within ``seconds``.
            QueueFull: as many calls are under way as may be.
        """
        if not self._places.acquire(blocking=False):
            raise QueueFull(f"{self._most} calls are under way", retry_after_s=_RETRY_S)
        future = self._threads.submit(call)
        future.add_done_callback(lambda _: self._places.release())
        with anyio.move_on_after(seconds):
            return await asyncio.wrap_future(future)
        raise OutOfTime(seconds)

    def close(self) -> None:
        """Begin no more calls; those under way end with what they wait for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def as_tool_errors() -> Iterator[None]:
    """Have an error of our tree be the answer, with its field and its fix, and want of time too."""
    try:
        yield
    except (AludelError, OutOfTime) as error:
        raise ToolError(str(error)) from error
