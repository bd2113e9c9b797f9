"""What the workers of this installation are made of."""

from __future__ import annotations

from fstar_checker.checker import build_checker as build_fstar_checker
from lean_checker.checker import build_checker
from workers.lean_mutation import mutate
from workers.runtime import Parts


def default_parts() -> Parts:
    """Return the real prover."""
    return Parts(checker=build_checker, mutate=mutate)


def fstar_parts() -> Parts:
    """Return what a worker of the F* queue is made of."""
    return Parts(checker=build_fstar_checker)
