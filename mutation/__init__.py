"""Theorem mutation by symbolic rewriting (Alchemy, ICLR 2025)."""

from mutation.engine import MutationEngine, RoundProgress, run_to_end
from mutation.journal import Journal
from mutation.outcome import RefusedVariant, TargetOutcome
from mutation.plan import FILTERS, RULES, Filter, MutationPlan, Rule
from mutation.quality import QualityCheck, look_again, sample_of
from mutation.report import Costs, MutationReport, RuleFigures
from mutation.targets import Target

__all__ = [
    "FILTERS",
    "RULES",
    "Costs",
    "Filter",
    "Journal",
    "MutationEngine",
    "MutationPlan",
    "MutationReport",
    "QualityCheck",
    "RefusedVariant",
    "RoundProgress",
    "Rule",
    "RuleFigures",
    "Target",
    "TargetOutcome",
    "look_again",
    "run_to_end",
    "sample_of",
]
