"""The state of a worker process: a store, a prover, a way to send more work."""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aludel.candidates import judged
from aludel.errors import AbilityMissing
from aludel.goals import Goals
from aludel.job_requests import ExportRequest
from aludel.jobs import MutationRequest
from aludel.metrics import observe_prover
from aludel.models import CheckRequest, Verdict
from aludel.protocols import Checker
from aludel.provers import AnyProver
from aludel.proving.run import Attempter
from aludel.queue import TaskQueue
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.store import CachedChecker, Store

_YIELD_S = 0.0005

Recorder = Callable[[VariantRecord], bool]


@dataclass(frozen=True, slots=True)
class MutationContext:
    """The arguments of a mutation.

    Attributes:
        request: what to do.
        checker: the prover itself.
        cached: the same prover, recording every verdict; a variant must rest on one of those.
        store: the corpus so far.
        project: folder of the worker's Lake project; empty for none.
        record: records a variant under the job, committed when it returns; safe to repeat.
        stopping: whether the worker wants to end soon.
    """

    request: MutationRequest
    checker: AnyProver
    cached: Checker
    store: Store
    project: str
    record: Recorder
    stopping: Callable[[], bool]


@dataclass(frozen=True, slots=True)
class ExportContext:
    """The arguments of an export.

    Attributes:
        request: what to write.
        store: what is recorded.
        checker: the worker's prover.
        folder: the dataset's; must appear whole or not at all.
        report: records how far it is, and says whether the worker still holds the job.
        stopping: whether the worker wants to end soon.
    """

    request: ExportRequest
    store: Store
    checker: AnyProver
    folder: Path
    report: Callable[[Mapping[str, Any]], bool]
    stopping: Callable[[], bool]


Mutator = Callable[[MutationContext], Mapping[str, Any]]
Exporter = Callable[[ExportContext], Mapping[str, Any]]
CheckerFactory = Callable[[Settings], AnyProver]
GoalsFactory = Callable[[AnyProver, Settings], Goals]
AttempterFactory = Callable[[AnyProver, Settings], Attempter]


@dataclass(frozen=True, slots=True)
class Parts:
    """What workers are made of; a worker without a part refuses the jobs that need it.

    Attributes:
        checker: opens the prover, in the process that uses it.
        mutate: carries out a mutation, and returns its summary (JSON).
        goals: sessions of tactics on the prover, for an API in the same process.
        attempter: makes what attempts problems, from the opened prover.
        export: writes a dataset, and returns its summary (JSON).
    """

    checker: CheckerFactory
    mutate: Mutator | None = None
    goals: GoalsFactory | None = None
    attempter: AttempterFactory | None = None
    export: Exporter | None = None

    def for_project(self) -> Parts:
        """Return what workers of a named project are made of: they judge, and keep sessions."""
        return Parts(checker=self.checker, goals=self.goals)


class _Yielding:
    """Lets the threads that wait for the prover go first, before a verdict is recorded.

    Otherwise they fight for the interpreter's lock with the recording while the prover idles:
    measured with Lean, 0.8 ms of every check.
    """

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self.toolchain = checker.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        verdict = judged(self._checker, request)
        observe_prover(self.toolchain.prover.value, verdict)
        time.sleep(_YIELD_S)
        return verdict

    def close(self) -> None:
        self._checker.close()


def _attempter(
    factory: AttempterFactory | None, checker: AnyProver, settings: Settings
) -> Attempter | None:
    """What attempts problems; None where nothing does, or the prover lacks what that takes."""
    if factory is None:
        return None
    try:
        return factory(checker, settings)
    except AbilityMissing:
        return None


class Runtime:
    """The state of one worker process. Open it after the fork.

    Attributes:
        name: names this process in leases; unique.
        project: name of the project whose checks it decides; empty for the default.
        attempter: attempts problems; None for a worker that does not, or whose prover cannot.
        export: writes datasets.
        threads: items that are carried out at once: one more than the prover has processes, so that
            recording one verdict does not keep the prover waiting for the next.
        stopping: set when the process wants to end.
    """

    def __init__(
        self, settings: Settings, store: Store, checker: AnyProver, parts: Parts, queue: TaskQueue
    ) -> None:
        self.settings = settings
        self.project = settings.project_name
        self.store = store
        self.checker = checker
        self.mutate = parts.mutate
        self.export = parts.export
        self.attempter = _attempter(parts.attempter, checker, settings)
        self.queue = queue
        self.cached = CachedChecker(
            _Yielding(checker), store, checker.caught, per_key=settings.per_key
        )
        self.name = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self.threads = (settings.pool_size or os.cpu_count() or 1) + 1
        self.stopping = threading.Event()

    @classmethod
    def open(
        cls, settings: Settings, parts: Parts, queue: TaskQueue, *, offered: bool = True
    ) -> Self:
        """Open the store and the prover, and register the toolchain if it is ``offered`` already.

        Raises:
            ToolchainMissing: the prover is not installed.
            StoreError: the database cannot be used.
        """
        store = Store.open(settings)
        try:
            checker = parts.checker(settings)
            try:
                if offered:
                    store.toolchains.register(checker.toolchain, settings.project_name)
            except BaseException:
                checker.close()
                raise
        except BaseException:
            store.close()
            raise
        return cls(settings, store, checker, parts, queue)

    def interrupt(self) -> None:
        """Stop prover and models, which ends what is under way; safe to call twice."""
        self.stopping.set()
        if self.attempter is not None:
            self.attempter.close()
        self.checker.close()

    def close(self) -> None:
        """Stop prover and models, and close the store; safe to call twice."""
        self.interrupt()
        self.store.close()
