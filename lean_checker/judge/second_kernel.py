"""Our own kernel, in worker processes outside Lean, on libraries exported once.

A library is a folder in the cache, by toolchain (the digest of its compiled modules, a project's
too) and import set, and its files are read-only. Whoever reads candidates never writes there: it
is exported by a Lean process that reads nothing else, when it is needed for the first time.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import select
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.deadline import Deadline
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.kernel_library import EXPORT_S
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.lock import folder_lock
from aludel.lean_checker.process import ProcessDied
from aludel.lean_kernel.starting import command, environment
from aludel.models import Toolchain, Usage
from aludel.progress import Progress, Silent
from aludel.settings import Settings

_LOG = logging.getLogger(__name__)

STEPS = 3_000_000
"""Steps of one question; the largest honest proof measured takes 139,000."""
WORKER_MB = 3_000
INDEX = "library.index.json"
MOST_LIBRARIES = 64
"""Import sets of one toolchain that are exported; that of Std takes 56 MB."""
_PART = 65_536

Verdict = Literal["accepted", "rejected", "not_shown_equal", "declined", "out_of_budget"]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    rule: str
    message: str
    steps: int = Field(ge=0)
    declarations: int = Field(ge=0)
    axioms: list[str]


@dataclass(frozen=True)
class SecondAnswer:
    """The second kernel's answer.

    Attributes:
        verdict: ``accepted``; ``rejected``, for a broken rule; the others decide nothing.
        message: why not accepted.
        usage: what it cost.
    """

    verdict: Verdict
    message: str
    usage: Usage


class Libraries:
    """Exported libraries of one toolchain, in the cache folder. Thread-safe.

    Whoever sends a request names its import set. So that nobody fills disk or memory by naming
    many, one is exported at a time, and there are :data:`MOST_LIBRARIES` at most.

    Args:
        settings: name the cache folder.
        toolchain: whose libraries they are.
        export: writes an import set's tables to the folder that it is given.
        progress: is told of every export.
    """

    def __init__(
        self,
        settings: Settings,
        toolchain: Toolchain,
        export: Callable[[tuple[str, ...], Path], object],
        progress: Progress | None = None,
    ) -> None:
        self._export = export
        self._progress = progress or Silent()
        self._failed: dict[Path, str] = {}
        self._exporting = threading.Lock()
        self._root = settings.cache_dir.expanduser() / "kernel" / toolchain.digest[:32]

    def folder(self, imports: tuple[str, ...]) -> Path:
        """Return the folder of an import set's library, whether it is there or not."""
        key = json.dumps(import_set(imports)).encode()
        return self._root / hashlib.sha256(key).hexdigest()[:32]

    def has(self, imports: tuple[str, ...]) -> bool:
        """Whether the library of an import set was exported."""
        return (self.folder(imports) / INDEX).is_file()

    def install(self, imports: tuple[str, ...]) -> Path:
        """Export the library of an import set, unless it is there; return its folder.

        Raises:
            NoLibrary: it took more time or memory than there is, now or before, or there are as
                many as there may be.
            InvalidRequest: there is no such import set.
            BackendUnavailable: the machine failed.
        """
        folder = self.folder(imports)
        if not self.has(imports):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with self._exporting, folder_lock(folder.with_suffix(".lock"), EXPORT_S):
                if not self.has(imports):
                    self._install(imports, folder)
        return folder

    def _install(self, imports: tuple[str, ...], folder: Path) -> None:
        if folder in self._failed:
            raise NoLibrary(self._failed[folder])
        if sum(not path.suffix for path in folder.parent.iterdir()) >= MOST_LIBRARIES:
            raise NoLibrary(
                f"{MOST_LIBRARIES} libraries of this toolchain are exported, as many as there may "
                f"be; the operator may remove some from {folder.parent}"
            )
        shown, begun = ", ".join(imports), time.monotonic()
        self._progress.step(f"exporting {shown} for the second kernel")
        partial = folder.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            self._export(imports, partial)
        except (LimitReached, ProcessDied) as error:
            self._failed[folder] = f"the library of {shown} cannot be exported: {error.message}"
            _LOG.error(self._failed[folder])
            raise NoLibrary(self._failed[folder]) from error
        for file in partial.iterdir():
            file.chmod(0o444)
        partial.rename(folder)
        _LOG.info("exported %s for the second kernel in %.0f s", shown, time.monotonic() - begun)


class NoLibrary(Exception):
    """An import set's library cannot be exported, so that nothing over it can be checked again."""


class AnySecondKernel(Protocol):
    """What a judge needs of a second kernel."""

    def install(self, imports: tuple[str, ...]) -> Path:
        """Export an import set's library, unless it is there; return its folder."""
        ...

    def ask(self, question: Question, imports: tuple[str, ...], wall_s: float) -> SecondAnswer:
        """Put a question; what is not decided is an answer, too."""
        ...

    def close(self) -> None:
        """End every process."""
        ...


class SecondKernel:
    """Asks our own kernel. Thread-safe.

    Args:
        libraries: what questions are about; a missing one is exported.
        size: how many workers there may be.
    """

    def __init__(self, libraries: Libraries, size: int) -> None:
        self._libraries = libraries
        self._slots = threading.Semaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._closed = False

    def install(self, imports: tuple[str, ...]) -> Path:
        """Export an import set's library; see :meth:`Libraries.install`."""
        return self._libraries.install(imports)

    def ask(self, question: Question, imports: tuple[str, ...], wall_s: float) -> SecondAnswer:
        """Put a question, once the import set's library is there.

        A worker that does not answer in time, or dies, decides nothing.

        Raises:
            BackendUnavailable: the machine failed while the library was exported.
        """
        try:
            folder = self.install(imports)
        except NoLibrary as error:
            return SecondAnswer("declined", str(error), Usage())
        deadline = Deadline.after(wall_s)
        begun = time.monotonic()
        with self._slots:
            worker = self._take()
            try:
                answer = worker.ask(question, folder, deadline)
            except _WorkerFailed as failure:
                worker.kill()
                answer = _Answer(
                    verdict="out_of_budget", rule="", message=str(failure), steps=0,
                    declarations=0, axioms=[],
                )  # fmt: skip
            else:
                self._give_back(worker)
        message = f"{answer.rule}: {answer.message}" if answer.rule else answer.message
        return SecondAnswer(answer.verdict, message, Usage(wall_s=time.monotonic() - begun))

    def close(self) -> None:
        """End every idle worker; the others end with their question."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.kill()

    def _take(self) -> _Worker:
        with self._lock:
            return self._idle.pop() if self._idle else _Worker()

    def _give_back(self, worker: _Worker) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(worker)
                return
        worker.kill()


class _WorkerFailed(Exception):
    """A worker gave no answer."""


class _Worker:
    """One worker process. It ends when its input does, with this process at the latest."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            command("worker", WORKER_MB),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )

    def ask(self, question: Question, folder: Path, deadline: Deadline) -> _Answer:
        """Put a question.

        Raises:
            _WorkerFailed: there is no answer within the deadline, or none that can be read.
        """
        asked = question.asked
        head = {
            "folder": str(folder), "digest": question.digest, "asked": asked, "steps": STEPS,
            "bytes": len(question.data),
        }  # fmt: skip
        try:
            self._send(json.dumps(head).encode() + b"\n" + question.data, deadline)
            return _Answer.model_validate_json(self._line(deadline))
        except (OSError, ValidationError) as error:
            raise _WorkerFailed("the second kernel's process died") from error

    def kill(self) -> None:
        """End the process and reap it; safe to call twice."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()

    def _send(self, data: bytes, deadline: Deadline) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened above
        number, sent = self._process.stdin.fileno(), 0
        while sent < len(data):
            _, ready, _ = select.select([], [number], [], max(0.0, deadline.remaining()))
            if not ready:
                raise _WorkerFailed("the second kernel takes no question in time")
            sent += os.write(number, data[sent : sent + _PART])

    def _line(self, deadline: Deadline) -> bytes:
        assert self._process.stdout is not None  # noqa: S101 - opened above
        number, read = self._process.stdout.fileno(), b""
        while not read.endswith(b"\n"):
            ready, _, _ = select.select([number], [], [], max(0.0, deadline.remaining()))
            if not ready:
                raise _WorkerFailed("the second kernel does not answer in time")
            part = os.read(number, _PART)
            if not part:
                raise _WorkerFailed("the second kernel's process died")
            read += part
        return read
