"""Starting a Lean process, and seeing that it works."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any, Protocol

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable
from aludel.lean_checker.import_sets import is_library
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.process import LeanProcess, ServerCommand
from aludel.lean_checker.watchdog import Watchdog
from aludel.models import Toolchain

_LOG = logging.getLogger(__name__)
START_S = 120.0
_PROBE_S = 60.0
_PROBE: dict[str, Any] = {
    "options": {},
    "statement": "theorem aludel_probe : True",
    "code": "theorem aludel_probe : True := True.intro\n",
    "heartbeats": 200_000,
    "allow_native": False,
}


class ServerToolchain(Protocol):
    """What a pool needs of a toolchain: its identity, and how to start its server."""

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        ...

    def server_command(self) -> ServerCommand:
        """How to start one server process."""
        ...


def start_process(
    toolchain: ServerToolchain,
    watchdog: Watchdog,
    memory_mb: float,
    stopping: Callable[[], bool],
) -> LeanProcess:
    """Start a process; once more if it died, for Lean's threads race while it starts.

    Rarely, on a busy machine, that ends in "LEAN ASSERTION VIOLATION ... g_task_manager".
    Nobody's text has been read by then, so starting again hides no fault of a candidate.

    Raises:
        BackendUnavailable: it does not start within two minutes, or dies twice.
    """
    start = functools.partial(
        LeanProcess.start,
        toolchain.server_command(),
        Deadline.after(START_S),
        watchdog=watchdog,
        memory_mb=memory_mb,
        stopping=stopping,
    )
    try:
        return start()
    except BackendCrashed as crash:
        _LOG.warning("a Lean process died while it started; starting another: %s", crash)
        return start()


def probe(process: LeanProcess) -> None:
    """Have ``process`` check a theorem that holds, over the modules of a project if it holds some.

    Raises:
        BackendUnavailable: it does not answer, or answers wrongly: the machine is at fault.
    """
    held = next((held for held in process.loaded if not is_library(held)), ("Init",))
    body = {**_PROBE, "imports": list(held)}
    try:
        reply = process.ask("check", body, Deadline.after(_PROBE_S))
    except (BackendUnavailable, LimitReached) as error:
        raise BackendCrashed(
            f"the Lean server cannot check a first theorem: {error.message}",
            fix="run `aludel doctor`",
        ) from error
    statement = reply.result.get("statement")
    if not isinstance(statement, dict) or statement.get("match") != "identical":
        process.kill()
        raise BackendCrashed(
            "the Lean server does not accept `theorem : True`", fix="run `aludel doctor`"
        )
