"""A Lean and everything it can do: checks, sessions of tactics, operations, tactic states."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from aludel.errors import AbilityMissing
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.exported.locate import judged_by_exports
from aludel.lean_checker.exported.prover import ExportedLean, build_exported
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.judge.deciding import Judge
from aludel.lean_checker.key_processes import KeyProcesses
from aludel.lean_checker.lemmas import LeanLemmas
from aludel.lean_checker.operations import LeanOperations
from aludel.lean_checker.pool import LeanPool, PoolStats
from aludel.lean_checker.room import Rooms
from aludel.lean_checker.states import LeanStates
from aludel.lean_checker.toolchains import find_toolchain
from aludel.models import CheckRequest, Toolchain, Verdict
from aludel.progress import Progress
from aludel.projects import ensure_own
from aludel.settings import Settings


class LeanProver:
    """One toolchain and one pool of its processes; an `aludel.provers.AnyProver`. Thread-safe.

    Attributes:
        checker: judges candidates.
        operations: lists, prints, mutates and screens theorems.
        lemmas: finds lemmas by patterns and for goals.
        states: extracts the tactic states of accepted candidates.
    """

    def __init__(self, checker: LeanChecker, settings: Settings) -> None:
        self.checker = checker
        self.operations = LeanOperations(checker.pool)
        self.lemmas = LeanLemmas(checker.pool)
        self.states = LeanStates(checker.pool)
        self._sessions = KeyProcesses(checker.pool)
        self._settings = settings

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self.checker.toolchain

    @property
    def pool(self) -> LeanPool:
        """The processes."""
        return self.checker.pool

    @property
    def size(self) -> int:
        """The number of requests that are carried out at once."""
        return self.pool.size

    @property
    def known_options(self) -> NoReturn:
        """Raise AbilityMissing: the options are F*'s."""
        raise AbilityMissing("options of the command line", "F*")

    def goals(self) -> LeanGoals:
        """Return sessions of tactics, with a limit on their number of their own."""
        return LeanGoals(self.pool, self._settings, self._sessions)

    def check(self, request: CheckRequest) -> Verdict:
        """Judge one candidate; see :meth:`aludel.protocols.Checker.check`.

        Raises:
            InvalidRequest: it names another project than this prover's, too.
        """
        ensure_own(request, self._settings.project_name)
        return self.checker.check(request)

    def warm_up(self) -> None:
        """Start every elaborator that memory admits, and what judges their claims.

        Raises:
            BackendUnavailable: one cannot be started, or does not answer.
        """
        with ThreadPoolExecutor(2) as threads:
            started = (self.pool.warm_up, self.checker.judge.warm_up)
            for done in [threads.submit(start) for start in started]:
                done.result()

    def caught(self) -> frozenset[str]:
        """Name the processes that were caught at a false claim so far, by their labels."""
        return self.checker.judge.caught()

    def stats(self) -> PoolStats:
        """Count the processes and what became of them."""
        return self.pool.stats()

    def incidents(self) -> Mapping[str, int]:
        """Count false claims of processes, and disagreements of kernels."""
        return dict(self.checker.judge.incidents)

    def close(self) -> None:
        """Stop every process; safe to call twice."""
        self._sessions.close()
        self.checker.close()


def build_any(
    settings: Settings, progress: Progress | None = None, rooms: Rooms | None = None
) -> LeanProver | ExportedLean:
    """Return the prover on the toolchain that ``settings`` name; raises as :func:`build_prover`.

    One that the server program is not written for is judged by exports, where that can be.
    """
    if judged_by_exports(settings):
        return build_exported(settings, progress, rooms)
    return build_prover(settings, progress, rooms)


def build_prover(
    settings: Settings, progress: Progress | None = None, rooms: Rooms | None = None
) -> LeanProver:
    """Return the prover on the toolchain that ``settings`` names; processes start when needed.

    Args:
        settings: names the toolchain, and bounds the pool.
        progress: is told when our program must be compiled first, which takes up to a minute, and
            when a library must be exported for the second kernel.
        rooms: what the provers of one service share, so that they have as many processes as one.

    Raises:
        ToolchainMissing: that toolchain is not installed, or is damaged.
    """
    toolchain = find_toolchain(settings, progress=progress)
    pool = LeanPool(toolchain, settings, rooms=rooms)
    judge = Judge(pool, settings, progress)
    checker = LeanChecker(pool, settings, toolchain.modules, judge)
    return LeanProver(checker, settings)
