"""A session: one F* process, the fragments it holds, and queries with deadlines.

Rules measured on a real binary: a failed ``push`` rolls itself back, so it is never popped; an
option fragment persists until popped; an interrupt of an idle process ends it.
"""

from __future__ import annotations

import contextlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, ToolchainMissing
from aludel.fstar_checker.process import DeadlinePassed, FStarProcess
from aludel.fstar_checker.protocol import (
    INPUT,
    Banner,
    ProtocolError,
    Response,
    parse_banner,
    parse_object,
    parse_response,
    query_line,
)

BANNER_S = 30.0
INTERRUPT_S = 5.0
EXIT_S = 2.0
MAX_STRAY_LINES = 200
SOLVER_FIX = "put the Z3 of your F* version on PATH or beside fstar.exe"
KEPT_STRAYS = 20
_NO_SOLVER = re.compile(
    r"\*?\s*\(?Error 17\)?:?\s|"
    r"Unexpected error; please file a bug report, [^\n]*\n"
    r"Unix\.Unix_error\([A-Za-z.]*ENOENT, \"create_process\", \"z3[^\"]*\"\)"
)
"""How F* begins its last message when it could not start Z3."""
CHECKED_FILE = "push-partial-checked-file"
RESTART_SOLVER = "restart-solver"


class TimedOut(Exception):
    """The query's deadline passed; never leaves this package.

    Attributes:
        usable: whether the session survived (F* confirmed the interrupt and rolled back).
    """

    def __init__(self, *, usable: bool) -> None:
        super().__init__("deadline passed")
        self.usable = usable


@dataclass(frozen=True)
class Fragment:
    """A piece of the file as it is pushed: its text and where it begins (line from 1).

    ``checked_until`` makes it the module's checked file up to that definition instead of text.
    """

    code: str
    line: int
    column: int = 0
    checked_until: str | None = None

    @property
    def next_line(self) -> int:
        """The first line after a fragment that ends with a line break."""
        return self.line + self.code.count("\n")


class Session:
    """Speaks the protocol with one process. Not thread-safe: the pool leases it to one caller.

    Args:
        process: a process whose banner has not been read yet.
        banner_s: seconds to wait for the banner.
        when_killed: called when the process is gone; may be called twice.

    Raises:
        ToolchainMissing: what was started does not greet as F* does.
        BackendUnavailable: no banner in time.
    """

    def __init__(
        self,
        process: FStarProcess,
        banner_s: float = BANNER_S,
        when_killed: Callable[[], None] = lambda: None,
    ) -> None:
        self.process = process
        self._when_killed = when_killed
        self.stack: list[Fragment] = []
        self.served = 0
        self.modules: frozenset[str] = frozenset()
        self.sound_at: tuple[Fragment, ...] | None = None
        self._last_id = 0
        self._strays: deque[str] = deque(maxlen=KEPT_STRAYS)
        self._errors: deque[str] = deque(maxlen=KEPT_STRAYS)
        try:
            self.banner = self._greet(Deadline.after(banner_s))
        except BaseException:
            self.kill()
            raise

    @property
    def depth(self) -> int:
        """How many fragments are held."""
        return len(self.stack)

    def offers(self, feature: str) -> bool:
        """Whether the banner lists ``feature``."""
        return feature in self.banner.features

    def ask(self, query: str, args: dict[str, Any], deadline: Deadline) -> Response:
        """Send one query and return its response.

        Raises:
            TimedOut: the deadline passed; tells whether the session is still usable.
            ToolchainMissing: F* ended because it found no solver.
            MemoryExceeded: the process grew past its cap and was killed.
            BackendCrashed: the process ended, or its reply is malformed.
        """
        self._last_id += 1
        query_id = str(self._last_id)
        self.process.send(query_line(query_id, query, args))
        try:
            return self._response(query_id, deadline)
        except DeadlinePassed:
            raise TimedOut(usable=self._interrupt(query_id)) from None
        except ProtocolError as error:
            self.kill()
            raise BackendCrashed(f"F* answered outside its protocol: {error}") from error
        except BackendCrashed as error:
            self.kill()
            raise self._explained(error) from error

    def vfs_add(self, contents: str, deadline: Deadline) -> None:
        """Make the file's text known, so that the first push finds its module header.

        Raises:
            BackendCrashed: F* refused.
        """
        response = self.ask("vfs-add", {"filename": None, "contents": contents}, deadline)
        if response.status != "success":
            raise self._broken(f"vfs-add was refused: {response.body}")

    def push(self, fragment: Fragment, deadline: Deadline, kind: str = "full") -> Response:
        """Push one fragment; it is held only when F* answers ``success`` without an error.

        Raises:
            BackendCrashed: the answer contradicts itself, or is no verdict at all.
            TimedOut, MemoryExceeded: as :meth:`ask`.
        """
        args = {"kind": kind, "code": fragment.code, "line": fragment.line}
        response = self.ask("push", {**args, "column": fragment.column}, deadline)
        if response.status == "protocol-violation" or not isinstance(response.body, list):
            raise self._broken(f"push was not understood: {response.body}")
        if response.status == "success":
            self.stack.append(fragment)
        elif not response.issues:
            raise self._broken("push failed without saying why (interrupted from outside?)")
        return response

    def push_checked_file(self, fragment: Fragment, deadline: Deadline) -> Response:
        """Load the file's checked form up to ``fragment.checked_until`` (protocol 3).

        Raises:
            BackendUnavailable: this F* does not offer it.
        """
        if not self.offers(CHECKED_FILE):
            raise BackendUnavailable(f"this F* does not offer {CHECKED_FILE}")
        response = self.ask(CHECKED_FILE, {"until-lid": fragment.checked_until}, deadline)
        if response.status == "success":
            self.stack.append(fragment)
        return response

    def pop(self, deadline: Deadline) -> None:
        """Drop the last fragment held.

        Raises:
            BackendCrashed: F* disagrees about what it holds.
        """
        if not self.stack:
            raise self._broken("nothing to pop")
        response = self.ask("pop", {}, deadline)
        if response.status != "success":
            raise self._broken(f"pop was refused: {response.body}")
        self.stack.pop()

    def defined_at(self, symbol: str, module: str, deadline: Deadline) -> int | None:
        """Return the line of ``module`` at which F* says ``symbol`` is defined, if it is there."""
        wanted = {"context": "code", "location": None, "requested-info": ["defined-at"]}
        response = self.ask("lookup", {"symbol": symbol, **wanted}, deadline)
        place = response.body.get("defined-at") if isinstance(response.body, dict) else None
        if response.status != "success" or not isinstance(place, dict):
            return None
        try:
            here = (INPUT, "", f"{module}.fst")
            return int(place["beg"][0]) if place["fname"].rpartition("/")[2] in here else None
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise self._broken(f"lookup answered outside its protocol: {place}") from error

    def restart_solver(self, deadline: Deadline) -> None:
        """Give the session a fresh Z3 where F* offers it; nothing otherwise.

        Raises:
            BackendCrashed: F* refused.
            TimedOut, MemoryExceeded: as :meth:`ask`.
        """
        if not self.offers(RESTART_SOLVER):
            return
        response = self.ask(RESTART_SOLVER, {}, deadline)
        if response.status != "success":
            raise self._broken(f"{RESTART_SOLVER} was refused: {response.body}")

    def exit(self) -> None:
        """Ask F* to end, then make sure of it; safe on a dead session."""
        with contextlib.suppress(BackendUnavailable, TimedOut):
            self.ask("exit", {}, Deadline.after(EXIT_S))
            self.process.wait(EXIT_S)
        self.kill()

    def kill(self) -> None:
        """Kill and reap the process group; safe to call twice."""
        self.process.kill()
        self._when_killed()

    def _greet(self, deadline: Deadline) -> Banner:
        strays: list[str] = []
        while len(strays) < MAX_STRAY_LINES:
            try:
                line = self.process.line(deadline)
            except DeadlinePassed:
                if strays:
                    break
                raise BackendUnavailable("F* sent no banner in time") from None
            except BackendCrashed as error:
                said = " ".join([*strays, error.message])[-500:]
                raise ToolchainMissing(f"F* ended before its banner: {said}") from error
            if line.startswith("{"):
                try:
                    return parse_banner(line)
                except ProtocolError as error:
                    raise ToolchainMissing(str(error), field="fstar") from error
            strays.append(line)
        raise ToolchainMissing(f"not an F* banner: {strays[0][:200]!r}", field="fstar")

    def _response(self, query_id: str, deadline: Deadline) -> Response:
        messages: list[str] = []
        while True:
            line = self.process.line(deadline)
            if not line.startswith("{"):
                self._strays.append(line)  # debug output, which F* prints between answers
                continue
            value = parse_object(line)
            if value.get("query-id") not in (query_id, None):
                raise ProtocolError(f"an answer to another query: {value.get('query-id')!r}")
            if value.get("kind") == "message" and value.get("level") != "progress":
                messages.append(str(value.get("contents")))
                self._strays.append(messages[-1])  # F* may end after it, without a response
                if value.get("level") == "error":
                    self._errors.append(messages[-1])
            if value.get("kind") == "response":
                return parse_response(value, tuple(messages))

    def _interrupt(self, query_id: str) -> bool:
        """Interrupt the running query; keep the session only if F* confirms that it did.

        An answer that is not an interruption means that the signal may still hit an idle process,
        which ends it: then, as in every doubt, the session is killed.
        """
        if not self.offers("interrupt"):
            self.kill()
            return False
        self.process.interrupt()
        try:
            response = self._response(query_id, Deadline.after(INTERRUPT_S))
        except (DeadlinePassed, ProtocolError, BackendUnavailable):
            self.kill()
            return False
        if response.status == "failure" and response.body == []:
            return True
        self.kill()
        return False

    def _explained(self, error: BackendCrashed) -> BackendUnavailable | ToolchainMissing:
        said = next((e for e in self._errors if _NO_SOLVER.match(e)), None)
        if said is not None:
            return ToolchainMissing(f"F* found no Z3: {said[-300:]}", field="fstar", fix=SOLVER_FIX)
        return BackendCrashed(f"{error.message} {' '.join(self._strays)[-300:]}".strip())

    def _broken(self, message: str) -> BackendCrashed:
        self.kill()
        return BackendCrashed(message)
