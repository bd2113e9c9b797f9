"""Variants as problems: what ``demo`` and ``iterate`` attempt, and hold out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aludel.problems import TheoremProblem
from aludel.proof_export import Splits
from aludel.records import VariantRecord


def problems_in(
    variants: Iterable[VariantRecord], splits: Splits, split: str
) -> Sequence[TheoremProblem]:
    """Return the variants of one split without their proofs, by name.

    A variant that needs declarations before it is no problem by itself, and is left out.

    Raises:
        Conflict: a variant was not among those that were divided.
    """
    found = [
        TheoremProblem(name=variant.name, statement=variant.statement, imports=variant.imports)
        for variant in variants
        if not variant.preamble and splits.of(variant.name) == split
    ]
    return sorted(found, key=lambda problem: problem.name)
