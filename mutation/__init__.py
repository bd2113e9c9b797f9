"""Theorem mutation by symbolic rewriting (Alchemy, ICLR 2025)."""

from mutation.engine import MutationEngine, MutationPlan, TargetOutcome, run_to_end
from mutation.journal import Journal
from mutation.report import MutationReport

__all__ = [
    "Journal",
    "MutationEngine",
    "MutationPlan",
    "MutationReport",
    "TargetOutcome",
    "run_to_end",
]
