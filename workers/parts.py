"""What the workers of this installation are made of."""

from __future__ import annotations

from lean_checker.checker import build_checker
from workers.runtime import Parts


def default_parts() -> Parts:
    """Return the real prover."""
    return Parts(checker=build_checker)
