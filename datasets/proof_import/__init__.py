"""Imports what others have published: LeanDojo, miniF2F and PoPAI, bad records reported."""

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
