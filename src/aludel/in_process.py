"""The common part of `Lean` and `FStar`: a prover in this process that judges candidates."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TypeVar

from pydantic import ValidationError

from aludel.candidates import judged
from aludel.errors import InvalidRequest
from aludel.jobs import Failure, Item, ItemState
from aludel.models import CheckRequest, Toolchain, Verdict
from aludel.progress import Told, teller
from aludel.provers import AnyProver
from aludel.settings import Settings, load_settings

P = TypeVar("P", bound=AnyProver)


def settings_with(**given: str | Path | int | None) -> Settings:
    """Return the environment's settings, with those that are given instead.

    Raises:
        InvalidRequest: a value does not fit; ``field`` names it.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    texts = {name: str(v) if isinstance(v, Path) else v for name, v in chosen.items()}
    try:
        return Settings.model_validate({**load_settings().model_dump(), **texts})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidRequest(first["msg"], field=str(first["loc"][0])) from error


class InProcess(Generic[P]):
    """A prover of this process; use as a context manager. Safe to use from several threads."""

    def __init__(self, prover: P) -> None:
        self._prover = prover

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._prover.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate.

        Raises:
            InvalidRequest: the request is wrong (an unknown import, a statement that is none).
            BackendUnavailable: the machine failed; says nothing about the candidate.
        """
        return self._prover.check(request)

    def check_many(
        self,
        requests: Iterable[CheckRequest],
        *,
        workers: int | None = None,
        progress: Told = False,
    ) -> Iterator[Item]:
        """Judge any number of candidates; yield their items in the order of ``requests``.

        An item has a verdict, or the error of a request that is wrong; a candidate whose own header
        names a module that the toolchain does not have is rejected. At most twice ``workers``
        requests are read ahead of what was yielded.

        Args:
            requests: the candidates.
            workers: how many are judged at once; as many as there are prover processes by default.
            progress: is told how many are judged so far, one call at a time, by a thread of ours;
                True writes that on stderr now and then.

        Raises:
            BackendUnavailable: the machine failed; says nothing about the candidates.
        """
        at_once, tell = workers or self._prover.size, teller(progress)
        waiting: deque[Future[Item]] = deque()
        numbers, one_at_a_time = itertools.count(1), threading.Lock()

        def judged(position: int, request: CheckRequest) -> Item:
            item = self._item(position, request)
            with one_at_a_time:
                tell(next(numbers))
            return item

        with ThreadPoolExecutor(at_once) as threads:
            try:
                for position, request in enumerate(requests):
                    waiting.append(threads.submit(judged, position, request))
                    if len(waiting) >= 2 * at_once:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()

    def close(self) -> None:
        """End every process of the prover; safe to call twice."""
        self._prover.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _item(self, position: int, request: CheckRequest) -> Item:
        asked = Item(position=position, state=ItemState.DONE, attempts=1, metadata=request.metadata)
        try:
            return asked.model_copy(update={"verdict": judged(self._prover, request)})
        except InvalidRequest as error:
            failure = {"state": ItemState.FAILED, "error": Failure.of(error)}
            return asked.model_copy(update=failure)
