"""What the workers of this installation are made of."""

from __future__ import annotations

from aludel.fstar_checker.checker import build_checker as build_fstar_checker
from aludel.goals import Goals
from aludel.lean_checker.prover import build_prover
from aludel.provers import AnyProver
from aludel.settings import Settings
from aludel.workers.dataset_export import write_dataset
from aludel.workers.lean_mutation import mutate
from aludel.workers.lean_proving import lean_proving
from aludel.workers.runtime import Parts


def lean_goals(prover: AnyProver, _settings: Settings) -> Goals:
    """Return sessions of tactics in the processes of a Lean.

    Raises:
        AbilityMissing: the prover has none.
    """
    return prover.goals()


def default_parts() -> Parts:
    """Return the real prover."""
    return Parts(
        checker=build_prover,
        mutate=mutate,
        goals=lean_goals,
        proving=lean_proving,
        export=write_dataset,
    )


def fstar_parts() -> Parts:
    """Return what a worker of the F* queue is made of."""
    return Parts(checker=build_fstar_checker)
