"""A session: one F* process, the fragments it holds, and queries with deadlines.

Rules measured on a real binary: a failed ``push`` rolls itself back, so it is never popped; an
option fragment persists until popped; an interrupt of an idle process ends it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, ToolchainMissing
from fstar_checker.process import DeadlinePassed, FStarProcess
from fstar_checker.protocol import (
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
    """A piece of the file as it is pushed: its text and where it begins (line from 1)."""

    code: str
    line: int
    column: int = 0

    @property
    def next_line(self) -> int:
        """The first line after a fragment that ends with a line break."""
        return self.line + self.code.count("\n")


class Session:
    """Speaks the protocol with one process. Not thread-safe: the pool leases it to one caller.

    Args:
        process: a process whose banner has not been read yet.
        banner_s: seconds to wait for the banner.

    Raises:
        ToolchainMissing: what was started does not greet as F* does.
        BackendUnavailable: no banner in time.
    """

    def __init__(self, process: FStarProcess, banner_s: float = BANNER_S) -> None:
        self.process = process
        self.stack: list[Fragment] = []
        self.served = 0
        self._last_id = 0
        try:
            self.banner = self._greet(Deadline.after(banner_s))
        except BaseException:
            process.kill()
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
            MemoryExceeded: the process grew past its cap and was killed.
            BackendCrashed: the process ended or answered something that is not an answer.
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

    def push_checked_file(self, until: str, deadline: Deadline) -> Response:
        """Load the file's checked form up to the definition ``until`` (protocol 3).

        Raises:
            BackendUnavailable: this F* does not offer it.
        """
        if not self.offers("push-partial-checked-file"):
            raise BackendUnavailable("this F* does not offer push-partial-checked-file")
        response = self.ask("push-partial-checked-file", {"until-lid": until}, deadline)
        if response.status == "success":
            self.stack.append(Fragment("", 1))
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

    def lookup_type(self, symbol: str, deadline: Deadline) -> str | None:
        """Return the type that F* prints for ``symbol``, or None when it knows no such symbol."""
        args = {"symbol": symbol, "context": "code", "location": None, "requested-info": ["type"]}
        response = self.ask("lookup", args, deadline)
        if response.status != "success" or not isinstance(response.body, dict):
            return None
        found = response.body.get("type")
        return found if isinstance(found, str) else None

    def restart_solver(self, deadline: Deadline) -> None:
        """Give the session a fresh Z3 where F* offers it; nothing otherwise."""
        if self.offers("restart-solver"):
            self.ask("restart-solver", {}, deadline)

    def exit(self) -> None:
        """Ask F* to end, then make sure of it; safe on a dead session."""
        with contextlib.suppress(BackendUnavailable, TimedOut):
            self.ask("exit", {}, Deadline.after(EXIT_S))
            self.process.wait(EXIT_S)
        self.kill()

    def kill(self) -> None:
        """Kill and reap the process group; safe to call twice."""
        self.process.kill()

    def _greet(self, deadline: Deadline) -> Banner:
        strays: list[str] = []
        while len(strays) < MAX_STRAY_LINES:
            try:
                line = self.process.line(deadline)
            except DeadlinePassed:
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
                continue  # debug output, which F* prints between answers
            value = parse_object(line)
            if value.get("query-id") not in (query_id, None):
                raise ProtocolError(f"an answer to another query: {value.get('query-id')!r}")
            if value.get("kind") == "message" and value.get("level") != "progress":
                messages.append(str(value.get("contents")))
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

    def _broken(self, message: str) -> BackendCrashed:
        self.kill()
        return BackendCrashed(message)
