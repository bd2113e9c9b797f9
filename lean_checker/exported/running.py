"""One program run to its end: what it reads, writes and takes is bounded."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from aludel.errors import BackendUnavailable
from aludel.lean_checker.exported.folders import MOST_FILES, holds_more, nameless_bytes
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.meter import MEGABYTE, Meter
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.watchdog import Watchdog
from aludel.models import Usage

_POLL_S = 0.1
_COUNT_S = 0.3
_PART = 1 << 16
_ERRORS = 1 << 16


@dataclass(frozen=True)
class Bounds:
    """What a program may take.

    Attributes:
        wall_s: seconds.
        memory_mb: megabytes of its own.
        out_mb: megabytes that it may write to standard output.
        folder: where it may write files.
        folder_mb: megabytes of files that it may have there.
    """

    wall_s: float
    memory_mb: float
    out_mb: float
    folder: Path | None = None
    folder_mb: float = 0.0


@dataclass(frozen=True)
class Ended:
    """A program that came to its end.

    Attributes:
        code: its exit code; negative for a signal.
        out: what it wrote to standard output.
        errors: the beginning of what it wrote to standard error.
        usage: what it cost.
    """

    code: int
    out: bytes
    errors: str
    usage: Usage


def run_bounded(
    command: ServerCommand, bounds: Bounds, watchdog: Watchdog, given: Iterable[bytes] = ()
) -> Ended:
    """Run a program on ``given`` to its end; nothing of its process group outlives this call.

    Raises:
        LimitReached: it took more than its bounds; output and files count as memory.
        BackendUnavailable: it cannot be started.
    """
    try:
        process = subprocess.Popen(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise BackendUnavailable(f"{command.argv[0]} cannot be started: {error}") from error
    watchdog.watch(process.pid)
    try:
        return _Run(process, bounds, given).ended()
    finally:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        watchdog.forget(process.pid)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class _Run:
    """A running program. Used by one thread."""

    def __init__(
        self, process: subprocess.Popen[bytes], bounds: Bounds, given: Iterable[bytes]
    ) -> None:
        self._process, self._bounds = process, bounds
        self._given = [memoryview(part) for part in given if part]
        self._meter = Meter(process.pid)
        self._begun = time.monotonic()
        self._peak = 0.0
        self._counted_at = float("-inf")
        self._out, self._errors = bytearray(), bytearray()
        self._selector = selectors.DefaultSelector()

    def ended(self) -> Ended:
        """Follow it to its end; raises as :func:`run_bounded`."""
        with self._selector:
            self._register(self._process.stdin, selectors.EVENT_WRITE, self._write)
            self._register(self._process.stdout, selectors.EVENT_READ, self._read)
            self._register(self._process.stderr, selectors.EVENT_READ, self._read_errors)
            while self._selector.get_map() or self._process.poll() is None:
                self._turn()
        code = self._process.wait()
        self._count_files()  # it may have written them since they were counted
        return Ended(code, bytes(self._out), self._errors.decode(errors="replace"), self._usage())

    def _register(self, stream: IO[bytes] | None, event: int, work: Callable[[int], bool]) -> None:
        assert stream is not None  # noqa: S101 - opened as pipes
        os.set_blocking(stream.fileno(), False)
        self._selector.register(stream, event, work)

    def _turn(self) -> None:
        """Wait for something to do, for a moment, and look at the bounds."""
        ready = self._selector.select(_POLL_S) if self._selector.get_map() else ()
        if not ready and not self._selector.get_map():
            time.sleep(_POLL_S)
        for key, _ in ready:
            if not key.data(key.fd):
                self._selector.unregister(key.fileobj)
                key.fileobj.close()  # type: ignore[union-attr]
        self._look()

    def _look(self) -> None:
        bounds = self._bounds
        self._peak = max(self._peak, self._meter.sample(_POLL_S).memory_mb)
        if time.monotonic() - self._begun > bounds.wall_s:
            raise self._over("timeout", f"no answer within {bounds.wall_s:g} s of wall time")
        if self._peak > bounds.memory_mb:
            raise self._over("memory", f"more than {bounds.memory_mb:g} MB of memory")
        if len(self._out) > bounds.out_mb * MEGABYTE:
            raise self._over("memory", f"more than {bounds.out_mb:g} MB of output")
        if time.monotonic() - self._counted_at > _COUNT_S:
            self._count_files()

    def _count_files(self) -> None:
        bounds = self._bounds
        self._counted_at = time.monotonic()
        if bounds.folder is None:
            return
        left = bounds.folder_mb * MEGABYTE - nameless_bytes(self._process.pid)
        if left < 0 or holds_more(bounds.folder, left):
            what = f"{bounds.folder_mb:g} MB of files, or {MOST_FILES} of them"
            raise self._over("memory", f"more than {what}")

    def _over(self, limit: Literal["timeout", "memory"], message: str) -> LimitReached:
        return LimitReached(message, limit=limit, usage=self._usage())

    def _usage(self) -> Usage:
        sample = self._meter.sample()
        return Usage(
            wall_s=time.monotonic() - self._begun, cpu_s=sample.cpu_s, peak_memory_mb=self._peak
        )

    def _write(self, number: int) -> bool:
        """Hand it a part of its input; whether there is more."""
        if not self._given:
            return False
        try:
            sent = os.write(number, self._given[0][:_PART])
        except BrokenPipeError:
            return False
        self._given[0] = self._given[0][sent:]
        if not self._given[0]:
            self._given.pop(0)
        return bool(self._given)

    def _read(self, number: int) -> bool:
        part = os.read(number, _PART)
        self._out += part
        return bool(part)

    def _read_errors(self, number: int) -> bool:
        part = os.read(number, _PART)
        self._errors += part[: _ERRORS - len(self._errors)]
        return bool(part)
