"""Exports the corpus as datasets that people train on: recipes, writers, card."""

from aludel.distribution import needs

needs("export", "pyarrow", "sqlalchemy")

from aludel.proof_export.attempts_feed import ATTEMPTS, RunAttempt, attempts_of
from aludel.proof_export.exporter import DEFAULT_SHARD_ROWS, ExportOptions, ExportReport, export
from aludel.proof_export.feeds import VARIANTS, Feed
from aludel.proof_export.lineage_feed import LINEAGES, Ancestry, lineages
from aludel.proof_export.provenance import Provenance, provenance
from aludel.proof_export.recipes import RECIPES
from aludel.proof_export.recorded import Selection, export_recorded
from aludel.proof_export.sinks import DEFAULT_FORMATS, FORMATS
from aludel.proof_export.splitting import SplitPlan, Splits, assign_splits
from aludel.proof_export.states_feed import PROOF_STATES, Extraction, extract_states
from aludel.proof_export.writer import DataFile

__all__ = [
    "ATTEMPTS",
    "DEFAULT_FORMATS",
    "DEFAULT_SHARD_ROWS",
    "FORMATS",
    "LINEAGES",
    "PROOF_STATES",
    "RECIPES",
    "VARIANTS",
    "Ancestry",
    "DataFile",
    "ExportOptions",
    "ExportReport",
    "Extraction",
    "Feed",
    "Provenance",
    "RunAttempt",
    "Selection",
    "SplitPlan",
    "Splits",
    "assign_splits",
    "attempts_of",
    "export",
    "export_recorded",
    "extract_states",
    "lineages",
    "provenance",
]
