"""miniF2F-style JSONL: a formal statement a line, a header of imports and ``open`` lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aludel.columns import INFORMAL, first_text, theorem_of
from aludel.proof_import.records import Imported, json_lines
from aludel.statements import UnusableText


def read(path: Path) -> Imported:
    """Read problems; the columns of :mod:`aludel.columns` are known.

    Raises:
        InvalidRequest: the file cannot be read.
    """
    found = Imported()
    for where, row in json_lines(path, found):
        try:
            found.add_problem(where, _problem(row))
        except UnusableText as error:
            found.refuse(where, error.message)
    return found


def _problem(row: dict[str, Any]) -> dict[str, Any]:
    posed = theorem_of(row)
    return {
        "name": posed.name,
        "statement": posed.statement,
        "imports": posed.imports,
        "split": str(row.get("split") or ""),
        "informal": first_text(row, INFORMAL),
    }
