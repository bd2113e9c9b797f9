"""Theorem mutation by symbolic rewriting (Alchemy, ICLR 2025)."""

from aludel.distribution import needs

needs("lean", "psutil", "sqlalchemy")

from aludel.mutation.engine import MutationEngine, RoundProgress
from aludel.mutation.journal import Journal
from aludel.mutation.outcome import RefusedVariant, TargetOutcome
from aludel.mutation.plan import FILTERS, RULES, Filter, MutationPlan, Rule
from aludel.mutation.quality import QualityCheck, look_again, sample_of
from aludel.mutation.report import Costs, MutationReport, RuleFigures
from aludel.mutation.targets import Target

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
    "sample_of",
]
