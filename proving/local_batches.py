"""Batching: requests of several threads go through one model together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


class Batches(Generic[Job, Result]):
    """Runs jobs in batches: whatever waits when the model is free, the oldest first.

    Args:
        run: carries out a batch; gives one result for each job, in order.
        size: jobs of a batch at most.
        alike: jobs share a batch only if this is equal for them.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Job]], Sequence[Result]],
        size: int,
        alike: Callable[[Job], Hashable],
    ) -> None:
        self._run, self._size, self._alike = run, size, alike
        self._waiting: deque[tuple[Job, Future[Result]]] = deque()
        self._list = threading.Lock()
        self._model = threading.Lock()

    def results(self, jobs: Sequence[Job]) -> list[Result]:
        """Return the results of ``jobs``, in order; raises what ``run`` raised.

        The calling threads take turns in running batches, which may hold jobs of others; there is
        no thread to stop.
        """
        ours: list[Future[Result]] = [Future() for _ in jobs]
        with self._list:
            self._waiting.extend(zip(jobs, ours, strict=True))
        for future in ours:
            while not future.done():
                with self._model:
                    if not future.done():
                        self._next()
        return [future.result() for future in ours]

    def _next(self) -> None:
        batch = self._taken()
        try:
            results = self._run([job for job, _ in batch])
            for (_, future), result in zip(batch, results, strict=True):
                future.set_result(result)
        except BaseException as error:  # whoever waits for it must hear of it, of Ctrl-C as well
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            if not isinstance(error, Exception):
                raise

    def _taken(self) -> list[tuple[Job, Future[Result]]]:
        with self._list:
            kind = self._alike(self._waiting[0][0])
            batch = [one for one in self._waiting if self._alike(one[0]) == kind][: self._size]
            taken = {id(future) for _, future in batch}
            self._waiting = deque(one for one in self._waiting if id(one[1]) not in taken)
        return batch
