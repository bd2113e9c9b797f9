"""Exports the corpus as datasets that people train on: recipes, writers, card."""

from proof_export.exporter import DEFAULT_SHARD_ROWS, ExportOptions, ExportReport, export
from proof_export.feeds import VARIANTS, Feed
from proof_export.provenance import Provenance, provenance
from proof_export.recipes import RECIPES
from proof_export.sinks import FORMATS
from proof_export.splitting import SplitPlan, Splits, assign_splits
from proof_export.writer import DataFile

__all__ = [
    "DEFAULT_SHARD_ROWS",
    "FORMATS",
    "RECIPES",
    "VARIANTS",
    "DataFile",
    "ExportOptions",
    "ExportReport",
    "Feed",
    "Provenance",
    "SplitPlan",
    "Splits",
    "assign_splits",
    "export",
    "provenance",
]
