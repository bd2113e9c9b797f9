"""Exports the corpus as datasets that people train on: recipes, writers, card."""

from proof_export.attempts_feed import ATTEMPTS, RunAttempt, attempts_of
from proof_export.exporter import DEFAULT_SHARD_ROWS, ExportOptions, ExportReport, export
from proof_export.feeds import VARIANTS, Feed
from proof_export.lineage_feed import LINEAGES, Lineage, lineages
from proof_export.provenance import Provenance, provenance
from proof_export.recipes import RECIPES
from proof_export.recorded import Selection, export_recorded
from proof_export.sinks import DEFAULT_FORMATS, FORMATS
from proof_export.splitting import SplitPlan, Splits, assign_splits
from proof_export.states_feed import PROOF_STATES, Extraction, Tracer, extract_states
from proof_export.writer import DataFile

__all__ = [
    "ATTEMPTS",
    "DEFAULT_FORMATS",
    "DEFAULT_SHARD_ROWS",
    "FORMATS",
    "LINEAGES",
    "PROOF_STATES",
    "RECIPES",
    "VARIANTS",
    "DataFile",
    "ExportOptions",
    "ExportReport",
    "Extraction",
    "Feed",
    "Lineage",
    "Provenance",
    "RunAttempt",
    "Selection",
    "SplitPlan",
    "Splits",
    "Tracer",
    "assign_splits",
    "attempts_of",
    "export",
    "export_recorded",
    "extract_states",
    "lineages",
    "provenance",
]
