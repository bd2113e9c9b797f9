"""One Lean server process: started, asked over JSON lines, measured, killed and reaped."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import psutil

from aludel.deadline import Deadline
from aludel.errors import (
    BackendCrashed,
    BackendUnavailable,
    InvalidRequest,
    ToolchainMissing,
)
from aludel.lean_checker.import_sets import is_library
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.meter import Meter, Sample
from aludel.lean_checker.watchdog import Watchdog
from aludel.lean_checker.wire import (
    Done,
    LineChannel,
    Ready,
    Refused,
    StreamedItem,
    WireClosed,
    WireError,
    encode,
    parse_ready,
    parse_reply,
)
from aludel.lean_checker.wording import import_fix
from aludel.models import Usage
from aludel.protocols import Limit

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1
_EXIT_S = 10.0
_TAIL_BYTES = 8_192
_QUOTED = 300
# What V8, Emscripten and Lean write when heap or stack has run out.
_EXHAUSTED = ("out of memory", "cannot enlarge memory", "stack overflow", "maximum call stack size")
# What Lean writes when our own program calls what the toolchain does not have.
_DEFECT = "could not find native implementation"


@dataclass(frozen=True)
class ServerCommand:
    """How to start one Lean server process.

    Attributes:
        argv: program and arguments; never passed through a shell.
        env: the whole environment of the process (nothing is inherited).
        cwd: working directory of the process.
        options: what a project sets for the texts in it; a request's own go before them.
        unbuilt: packages of a project that have no compiled modules, for who imports one.
        unchanged: raises BackendUnavailable where a project is no more what it was when its digest
            was taken.
    """

    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: Path
    options: Mapping[str, bool | int | str] = field(default_factory=dict)
    unbuilt: tuple[str, ...] = ()
    unchanged: Callable[[], None] = field(default=lambda: None, compare=False)


@dataclass(frozen=True)
class Reply:
    """The end of a request that was carried out, and what it cost."""

    result: dict[str, Any]
    usage: Usage


class ProcessDied(BackendCrashed):
    """The process ended by itself in the middle of a request."""

    def __init__(self, status: int | None, stderr_tail: str, usage: Usage) -> None:
        words = " ".join(stderr_tail[-_QUOTED:].split())
        said = f" ({words})" if words else ""
        super().__init__(f"the Lean server stopped with exit code {status}{said}")
        self.status = status
        self.stderr_tail = stderr_tail
        self.usage = usage

    @property
    def exhausted(self) -> bool:
        """Whether its last words say that heap or stack had run out."""
        words = self.stderr_tail.lower()
        return any(sign in words for sign in _EXHAUSTED)

    @property
    def defective(self) -> bool:
        """Whether its last words blame the server program, not what it was given."""
        return _DEFECT in self.stderr_tail.lower()


class _Cost:
    """What one request costs, sampled while it runs."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._started = time.monotonic()
        self._first = self._last = meter.sample(_POLL_S)
        self._peak = self._first.memory_mb

    def observe(self, max_age_s: float = _POLL_S) -> Sample:
        """Measure, unless the last measurement is younger than ``max_age_s``."""
        self._last = self._meter.sample(max_age_s)
        self._peak = max(self._peak, self._last.memory_mb)
        return self._last

    def usage(self, done: Done | Refused | None = None) -> Usage:
        """Measure a last time and sum up; ``done`` adds what Lean itself counted."""
        wall = time.monotonic() - self._started
        self.observe(0.0)
        return Usage(
            wall_s=wall,
            cpu_s=self._last.cpu_s - self._first.cpu_s,
            prover_s=done.ms / 1000 if done else None,
            heartbeats=done.heartbeats if done else None,
            peak_memory_mb=self._peak,
        )


class LeanProcess:
    """A Lean server that answers one request at a time.

    Owned by one thread; only :meth:`interrupt` may be called from others.

    Attributes:
        ready: what the server said of itself.
        requests: how many requests it has been sent, preparations not counted.
        loaded: import sets it is known to hold.
        pins: sessions of tactics that live in it.
        tenant: who alone is lent the process; None while that is anybody.
        label: a random name of the process, for verdicts to tell who made the claim.
        distrusted: whether something it said was found to be wrong; any thread may set it, and it
            is lent to nobody from then on.
    """

    def __init__(
        self,
        popen: subprocess.Popen[bytes],
        watchdog: Watchdog,
        memory_mb: float,
        command: ServerCommand,
    ) -> None:
        assert popen.stdin and popen.stdout and popen.stderr  # noqa: S101 - opened as pipes
        self._popen = popen
        self._watchdog = watchdog
        self._memory_mb = memory_mb
        self._command = command
        self._idle = False
        self._killed = False
        self._meter = Meter(popen.pid)
        self._channel = LineChannel(popen.stdin.fileno(), popen.stdout.fileno())
        self._tail = bytearray()
        self._drain = threading.Thread(target=self._drain_stderr, daemon=True)
        self._drain.start()
        self.ready: Ready | None = None
        self.requests = 0
        self.pins = 0
        self.tenant: str | None = None
        self.label = secrets.token_hex(6)
        self.distrusted = False
        self.loaded: set[tuple[str, ...]] = {("Init",)}
        self._indexed: set[tuple[str, tuple[str, ...]]] = set()
        watchdog.watch(popen.pid)

    @classmethod
    def start(
        cls,
        command: ServerCommand,
        deadline: Deadline,
        *,
        watchdog: Watchdog,
        memory_mb: float,
        stopping: Callable[[], bool] = lambda: False,
    ) -> LeanProcess:
        """Start a server and wait for its first line.

        Args:
            command: how to start it.
            deadline: when to give up.
            watchdog: kills it should this process end without doing so.
            memory_mb: megabytes of its own at which a request is ended.
            stopping: whether it is wanted no more.

        Raises:
            ToolchainMissing: the program to run is not there.
            BackendUnavailable: it was not ready in time, is not wanted any more, or stopped before
                (`BackendCrashed`).
        """
        process = cls(_spawn(command), watchdog, memory_mb, command)
        try:
            process._await_ready(deadline, stopping)
        except BaseException:
            process.kill()
            raise
        return process

    @property
    def pid(self) -> int:
        """The process's id, which is its process group's too."""
        return self._popen.pid

    @property
    def idle(self) -> bool:
        """Whether the last request came to its proper end and nothing was said since."""
        return self._idle and not self.distrusted and self._channel.quiet

    @property
    def memory_mb(self) -> float:
        """Megabytes of its own at most 0.1 s ago, children included, mapped files left out."""
        return self._meter.sample(_POLL_S).memory_mb

    @property
    def cpu_s(self) -> float:
        """Processor seconds since the start, at most 0.1 s ago, children included."""
        return self._meter.sample(_POLL_S).cpu_s

    def ping(self, deadline: Deadline) -> None:
        """Wait for a sign of life.

        Raises:
            BackendUnavailable: there is none.
        """
        try:
            self.ask("ping", {}, deadline)
        except LimitReached as reached:
            raise BackendUnavailable(f"the Lean server: {reached.message}") from reached

    def load(self, imports: tuple[str, ...], deadline: Deadline) -> None:
        """Have modules imported for the requests to come, unless they are.

        Who imports what is not there is told so by the request itself.

        Raises:
            LimitReached: deadline or memory cap.
            BackendUnavailable: the process died, or talks nonsense (`BackendCrashed`), or a project
                was built again meanwhile.
        """
        if imports in self.loaded:
            return
        with contextlib.suppress(InvalidRequest):
            self._prepare("load", imports, deadline)
            self.loaded.add(imports)
        if not is_library(imports):  # after the import, so that it was of what is unchanged
            self._command.unchanged()

    def index(
        self, imports: tuple[str, ...], deadline: Deadline, *, op: str = "index", of: str = ""
    ) -> None:
        """Have the lemmas of an import set indexed for the requests to come, unless they are.

        Args:
            imports: the import set.
            deadline: when to give up.
            op: the operation that makes its index; with an empty request it does nothing else.
            of: a field that asks for one more index, if not empty.

        Raises as :meth:`load`.
        """
        key = (op + of, imports)
        if key not in self._indexed:
            self._prepare(op, imports, deadline, {of: True} if of else {})
            self._indexed.add(key)

    def _prepare(
        self,
        op: str,
        imports: tuple[str, ...],
        deadline: Deadline,
        more: Mapping[str, bool] | None = None,
    ) -> None:
        try:
            self.ask(op, {"imports": list(imports), **(more or {})}, deadline)
        finally:
            self.requests -= 1  # it is no request of a caller's

    def ask(
        self,
        op: str,
        body: dict[str, Any],
        deadline: Deadline,
        *,
        memory_mb: float | None = None,
        attached: Mapping[str, bytes] | None = None,
    ) -> Reply:
        """Carry out a request that has one answer; raises as :meth:`ask_stream`."""
        parts = self.ask_stream(op, body, deadline, memory_mb=memory_mb, attached=attached)
        for part in parts:
            if isinstance(part, Reply):
                return part
            self._malformed("an item where one answer was due")
        raise AssertionError("a stream ends with its reply")

    def ask_stream(
        self,
        op: str,
        body: dict[str, Any],
        deadline: Deadline,
        *,
        memory_mb: float | None = None,
        attached: Mapping[str, bytes] | None = None,
    ) -> Iterator[dict[str, Any] | Reply]:
        """Carry out a request; yield each streamed item, and last the :class:`Reply`.

        ``memory_mb`` is a cap below the process's own, ``attached`` are fields that are JSON
        already and are sent as they are. Every exception but `InvalidRequest` kills
        the process; so must a caller who stops early, which a lease of the pool does for it.

        Raises:
            InvalidRequest: the server refused the request; the process is as good as before.
            LimitReached: deadline or memory cap.
            BackendCrashed: the process died (`ProcessDied`) or its reply is malformed.
        """
        request_id = secrets.token_hex(16)
        self._idle = False
        self.requests += 1
        cost = _Cost(self._meter)
        cap = min(self._memory_mb, memory_mb or self._memory_mb)
        if self._command.options:
            body = {**body, "options": {**self._command.options, **body.get("options", {})}}
        self._channel.send(encode({"id": request_id, "op": op, **body}, attached))
        while True:
            part = self._next_part(request_id, deadline, cost, cap)
            if isinstance(part, StreamedItem):
                yield part.item
                continue
            self._idle = True
            if isinstance(part, Refused):
                self._refuse(part)
            yield Reply(part.result, cost.usage(part))
            return

    def interrupt(self) -> None:
        """Kill the process from any thread; whoever is asking it gets `ProcessDied`."""
        if self._popen.returncode is not None:
            return
        family = self._meter.family()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for process in family:
            # Those that left the group. psutil compares start times, so no reused id is hit.
            with contextlib.suppress(psutil.Error):
                process.kill()

    def kill(self) -> int | None:
        """Kill the process with its whole group, reap it and return its exit code. Idempotent."""
        if not self._killed:
            self._killed = True
            self._idle = False
            self.interrupt()
            self._reap()
        return self._popen.returncode

    def _reap(self) -> None:
        try:
            self._popen.wait(_EXIT_S)
        except subprocess.TimeoutExpired:
            _LOG.error("process %d survives SIGKILL (it waits inside the kernel)", self.pid)
        self._watchdog.forget(self.pid)
        self._drain.join(1.0)
        self._channel.close()
        for pipe in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None  # noqa: S101 - opened as a pipe
                pipe.close()

    def _await_ready(self, deadline: Deadline, stopping: Callable[[], bool]) -> None:
        try:
            while (line := self._channel.poll_line(min(_POLL_S, deadline.remaining()))) is None:
                if stopping():
                    raise BackendUnavailable("the pool of Lean processes is closed")
                if deadline.passed:
                    raise BackendUnavailable(
                        "the Lean server was not ready in time", fix="run `aludel doctor`"
                    )
            self.ready = parse_ready(line)
        except WireError as error:
            status = self._last_words()
            raise BackendCrashed(
                f"the Lean server did not start ({error}; exit code {status}): "
                f"{self._stderr_tail()[-500:].strip() or 'it said nothing'}",
                fix="run `aludel doctor`",
            ) from error
        self._idle = True

    def _next_part(
        self, request_id: str, deadline: Deadline, cost: _Cost, cap: float
    ) -> StreamedItem | Done | Refused:
        try:
            while (line := self._channel.poll_line(min(_POLL_S, deadline.remaining()))) is None:
                if deadline.passed:
                    self._stop("timeout", "no answer within the wall time", cost)
                if cost.observe().memory_mb > cap:
                    self._stop("memory", f"memory above {cap:g} MB", cost)
            return parse_reply(line, request_id)
        except WireClosed as error:
            usage = cost.usage()
            raise ProcessDied(self._last_words(), self._stderr_tail(), usage) from error
        except WireError as error:
            self._malformed(str(error))

    def _stop(self, limit: Limit, message: str, cost: _Cost) -> NoReturn:
        usage = cost.usage()
        self.kill()
        raise LimitReached(message, limit=limit, usage=usage)

    def _malformed(self, what: str) -> NoReturn:
        self.kill()
        raise BackendCrashed(f"the Lean server's reply is malformed: {what}")

    def _refuse(self, reply: Refused) -> NoReturn:
        error = reply.error
        if error.code != "invalid_request":
            self.kill()
            raise BackendCrashed(f"the Lean server failed: {error.code}: {error.message}")
        raise InvalidRequest(error.message, field=error.field, fix=self._import_fix(error.message))

    def _import_fix(self, message: str) -> str | None:
        return import_fix(message, self._command.unbuilt)

    def _last_words(self) -> int | None:
        """Let a process that closed its output end by itself, for its exit code tells why."""
        patience = Deadline.after(1.0)
        while not self._meter.gone and not patience.passed:
            time.sleep(0.01)
        return self.kill()

    def _stderr_tail(self) -> str:
        return bytes(self._tail).decode(errors="replace")

    def _drain_stderr(self) -> None:
        pipe = self._popen.stderr
        assert pipe is not None  # noqa: S101 - opened as a pipe
        with pipe:
            while chunk := pipe.read(_TAIL_BYTES):
                self._tail = (self._tail + chunk)[-_TAIL_BYTES:]


def _spawn(command: ServerCommand) -> subprocess.Popen[bytes]:
    """Start ``command`` as the leader of its own session, so that one signal reaches all of it."""
    try:
        return subprocess.Popen(
            command.argv,
            env=command.env,
            cwd=command.cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )
    except FileNotFoundError as error:
        raise ToolchainMissing(
            f"cannot run {command.argv[0]}: {error.filename} does not exist",
            fix="run `aludel doctor`",
        ) from error
    except OSError as error:
        raise BackendUnavailable(f"cannot run {command.argv[0]}: {error.strerror}") from error
