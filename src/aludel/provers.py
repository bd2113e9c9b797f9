"""A prover with its abilities, whichever it is, and the one way to open one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from aludel.models import Prover
from aludel.protocols import Checker
from aludel.settings import Settings

if TYPE_CHECKING:
    from aludel.goals import Goals
    from aludel.lean_checker.lemmas import LeanLemmas
    from aludel.lean_checker.operations import LeanOperations
    from aludel.lean_checker.pool import PoolStats
    from aludel.lean_checker.states import LeanStates
    from aludel.progress import Progress


class AnyProver(Checker, Protocol):
    """A checker and what else its prover can do.

    Asking for an ability that a prover does not have raises `AbilityMissing`, and nothing else
    says so. A prover of which only candidates are judged takes the abilities, all of them
    missing, from :class:`aludel.protocols.CheckerOnly`.
    """

    @property
    def size(self) -> int:
        """The number of requests that are carried out at once."""
        ...

    @property
    def operations(self) -> LeanOperations:
        """Lists, prints, mutates and screens theorems.

        Raises:
            AbilityMissing: the prover is no Lean.
        """
        ...

    @property
    def lemmas(self) -> LeanLemmas:
        """Finds lemmas by patterns and for goals.

        Raises:
            AbilityMissing: the prover is no Lean.
        """
        ...

    @property
    def states(self) -> LeanStates:
        """Extracts the tactic states of accepted candidates.

        Raises:
            AbilityMissing: the prover is no Lean.
        """
        ...

    @property
    def known_options(self) -> frozenset[str] | None:
        """The options that this F* lists, None when it was not asked.

        Raises:
            AbilityMissing: the prover is no F*.
        """
        ...

    def goals(self) -> Goals:
        """Return sessions of tactics, with a limit on their number of their own.

        Raises:
            AbilityMissing: the prover has none.
        """
        ...

    def warm_up(self) -> None:
        """Start the processes that can be started before a request is known.

        Raises:
            BackendUnavailable: one cannot be started, or does not answer.
        """
        ...

    def caught(self) -> frozenset[str]:
        """Name the processes that were caught at a false claim so far, by their labels."""
        ...

    def incidents(self) -> Mapping[str, int]:
        """Count false claims of its processes and disagreements of kernels, by what it was."""
        ...

    def stats(self) -> PoolStats:
        """Count the processes and what became of them.

        Raises:
            AbilityMissing: the prover does not count them.
        """
        ...


def build_prover(
    settings: Settings, prover: Prover = Prover.LEAN, progress: Progress | None = None
) -> AnyProver:
    """Return the prover that ``settings`` lead to; its processes start when they are needed.

    Only the asked prover's package is imported: the other's toolchain need not be there.

    Args:
        settings: names the toolchain, and bounds the pool.
        prover: which of the two.
        progress: is told when Lean's server program must be compiled first.

    Raises:
        ToolchainMissing: it is not installed, or is damaged.
    """
    if prover is Prover.FSTAR:
        from aludel.fstar_checker.checker import build_checker

        return build_checker(settings)
    from aludel.lean_checker.prover import build_any

    return build_any(settings, progress)


__all__ = ["AnyProver", "build_prover"]
