"""What attempts problems for a worker, whatever the prover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from aludel.attempts import AttemptPlan, AttemptRecord, ProblemOutcome
from aludel.errors import BackendUnavailable
from aludel.job_requests import ProveRequest
from aludel.problems import TheoremProblem
from aludel.protocols import Checker
from aludel.provers import AnyProver
from aludel.settings import Settings
from aludel.workers.guarding import Guard

Attempted = tuple[ProblemOutcome, list[AttemptRecord]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a job's problems are attempted with.

    Attributes:
        plan: everything that the run depends on.
        attempt: attempts one problem, and asks the guard between its steps; thread-safe.
    """

    plan: AttemptPlan
    attempt: Callable[[TheoremProblem, Guard], Attempted]


class Proving(Protocol):
    """Attempts problems; lives as long as the worker's process, one job at a time."""

    def prepare(self, request: ProveRequest, checker: Checker) -> Prepared:
        """Open what the request names; ``checker`` records every verdict.

        Raises:
            InvalidRequest: the request names a model that is not there or not permitted.
            ToolchainMissing: the libraries for local models are not installed.
            BackendUnavailable: this worker carries out no attempts, or the machine failed.
        """
        ...

    def close(self) -> None:
        """Close what is open, which ends what is under way; safe to call twice."""
        ...


ProvingFactory = Callable[[AnyProver, Settings], Proving]


class NoProving:
    """A :class:`Proving` for workers that attempt nothing."""

    def prepare(self, request: ProveRequest, checker: Checker) -> Prepared:  # noqa: ARG002
        """Refuse.

        Raises:
            BackendUnavailable: always.
        """
        raise BackendUnavailable("this worker attempts no problems", fix="start one that does")

    def close(self) -> None:
        """Do nothing."""
