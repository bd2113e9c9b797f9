"""Lean's kernel of the pinned version, on what the solution of another version declares.

Nothing of that version's library is believed: an environment without imports is given every
declaration of the export, from the first on.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from aludel.advisories import advisories_of
from aludel.errors import AludelError
from aludel.lean_checker.judge.lean_kernel import LeanKernel
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import ProcessDied
from aludel.models import Budget, Toolchain, Usage


@dataclass(frozen=True)
class Replayed:
    """Lean's answer.

    Attributes:
        outcome: ``accepted``; ``rejected``, for a broken rule; ``limit``, when it ran out of
            something; ``missing``, when there is none to ask.
        message: why not accepted.
        kernel: the kernel, with its version.
        advisories: what is known against it.
        usage: what it cost.
    """

    outcome: Literal["accepted", "rejected", "limit", "missing"]
    message: str
    kernel: str
    advisories: tuple[int, ...] = ()
    usage: Usage = field(default_factory=Usage)


class AnyReplay(Protocol):
    """What a checker of exports needs of Lean's kernel."""

    def ask(self, tables: bytes, count: int, budget: Budget) -> Replayed:
        """Have every declaration of some tables checked; what is not decided is an answer, too."""
        ...

    def close(self) -> None:
        """End every process."""
        ...


class LeanReplay:
    """Asks the pinned Lean. Thread-safe.

    Args:
        open_pool: makes a pool of its processes, when it is first asked.
    """

    def __init__(self, open_pool: Callable[[], LeanPool]) -> None:
        self._open_pool = open_pool
        self._lock = threading.Lock()
        self._pool: LeanPool | None = None

    def ask(self, tables: bytes, count: int, budget: Budget) -> Replayed:
        """Have every declaration checked over nothing.

        Raises:
            BackendUnavailable: the machine failed.
        """
        try:
            pool = self._opened()
        except AludelError as error:
            message = f"{error.message}; {error.fix}" if error.fix else error.message
            return Replayed("missing", message, "Lean's kernel")
        kernel = _shown(pool.toolchain)
        question = Question(tables, hashlib.sha256(tables).hexdigest(), (), None, count)
        try:
            answer = LeanKernel(pool).ask_bare(question, budget)
        except (LimitReached, ProcessDied) as error:
            return Replayed("limit", error.message, kernel, usage=error.usage)
        known = tuple(one.pull for one in advisories_of(pool.toolchain))
        return Replayed(answer.outcome, answer.message, kernel, known, answer.usage)

    def close(self) -> None:
        """End every process; safe to call twice."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _opened(self) -> LeanPool:
        with self._lock:
            if self._pool is None:
                self._pool = self._open_pool()
            return self._pool


def _shown(toolchain: Toolchain) -> str:
    return f"lean {toolchain.version}"
