"""What the workers of this installation are made of."""

from __future__ import annotations

from aludel.errors import BackendUnavailable
from aludel.fstar_checker.checker import build_checker as build_fstar_checker
from aludel.goals import Goals
from aludel.lean_checker.checker import LeanChecker, build_checker
from aludel.lean_checker.goals import LeanGoals
from aludel.protocols import Checker
from aludel.settings import Settings
from aludel.workers.dataset_export import write_dataset
from aludel.workers.lean_mutation import mutate
from aludel.workers.lean_proving import lean_proving
from aludel.workers.runtime import Parts


def lean_goals(checker: Checker, settings: Settings) -> Goals:
    """Return sessions of tactics in the processes of a Lean checker.

    Raises:
        BackendUnavailable: the checker is of another kind.
    """
    if not isinstance(checker, LeanChecker):
        raise BackendUnavailable("this worker has no Lean", fix="start a worker that has")
    return LeanGoals(checker.pool, settings)


def default_parts() -> Parts:
    """Return the real prover."""
    return Parts(
        checker=build_checker,
        mutate=mutate,
        goals=lean_goals,
        proving=lean_proving,
        export=write_dataset,
    )


def fstar_parts() -> Parts:
    """Return what a worker of the F* queue is made of."""
    return Parts(checker=build_fstar_checker)
