"""Importer of PoPAI's JSON; `aludel.fstar_checker.dataset` defines the fields of a definition."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aludel.errors import InvalidRequest
from aludel.fstar_checker.dataset import Definition
from aludel.proof_import.records import Imported, first_error, json_lines, read_file


def read(path: Path) -> Imported:
    """Read definitions: the harness form, a list of it, rows as a JSON array, or rows as JSONL.

    Raises:
        InvalidRequest: the file cannot be read, or is not JSON.
    """
    found = Imported()
    for where, row in _rows(path, found):
        try:
            definition = Definition.model_validate(row)
        except ValidationError as error:
            found.refuse(where, first_error(error))
            continue
        found.definitions.append(definition.model_dump(mode="json", exclude_unset=True))
    return found


def _rows(path: Path, found: Imported) -> Iterator[tuple[str, Any]]:
    for where, row in _entries(path, found):
        if not isinstance(row, dict) or "defs" not in row:
            yield where, row
            continue
        source = row.get("source")
        project = source.get("project_name") if isinstance(source, dict) else None
        for number, definition in enumerate(row["defs"] if isinstance(row["defs"], list) else []):
            if project and isinstance(definition, dict) and not definition.get("project_name"):
                definition = {**definition, "project_name": project}
            yield f"{where}.defs[{number}]", definition


def _entries(path: Path, found: Imported) -> Iterator[tuple[str, Any]]:
    if path.suffix == ".jsonl":
        yield from json_lines(path, found)
        return
    try:
        value = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            f"{path} is not JSON: {error}", field="PATH", fix="name a file of this format"
        ) from error
    for number, entry in enumerate(value if isinstance(value, list) else [value]):
        yield f"{path.name}[{number}]", entry
