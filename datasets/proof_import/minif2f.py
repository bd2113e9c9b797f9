"""miniF2F-style JSONL: a formal statement a line, a header of imports and ``open`` lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aludel.proof_import.records import Imported, json_lines
from aludel.proof_import.statements import UnusableText, declared, split_header

_STATEMENTS = ("formal_statement", "lean4_code", "statement")
_INFORMAL = ("informal_statement", "informal_stmt", "informal_prefix", "problem")
_NAMES = ("name", "problem_id", "id")


def read(path: Path) -> Imported:
    """Read problems; the fields that the publications of miniF2F use are known.

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
    text = _first(row, _STATEMENTS)
    if not text:
        raise UnusableText(f"it has no field {' or '.join(_STATEMENTS)}")
    header = row.get("header") or ""
    if not isinstance(header, str):
        raise UnusableText("its field header is not text")
    # Each was a file once, and may begin with a byte order mark.
    texts = (part.removeprefix("\ufeff") for part in (header, text))
    imports, opened, declaration = split_header("\n".join(texts))
    name, statement = declared(declaration)
    listed = row.get("imports")
    return {
        "name": _first(row, _NAMES) or name,
        "statement": opened + statement,
        "imports": listed if listed is not None else imports or ("Init",),
        "split": str(row.get("split") or ""),
        "informal": _first(row, _INFORMAL),
    }


def _first(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the first field that is there, as text."""
    return next((str(row[name]).strip() for name in names if row.get(name)), "")
