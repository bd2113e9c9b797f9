"""Importers of published data: LeanDojo, miniF2F and PoPAI. Bad records are reported."""

from aludel.proof_import.formats import FORMATS, Format, import_records
from aludel.proof_import.records import (
    BadRecord,
    Imported,
    ImportedProblem,
    ImportedStep,
    ImportedTheorem,
)

__all__ = [
    "FORMATS",
    "BadRecord",
    "Format",
    "Imported",
    "ImportedProblem",
    "ImportedStep",
    "ImportedTheorem",
    "import_records",
]
