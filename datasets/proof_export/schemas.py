"""JSON Schemas of the row types and their table of columns, as kept in the repository.

``make schemas`` writes both; a test fails when they are out of date.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from aludel.proof_export.recipes import RECIPES
from aludel.proof_export.rows import columns

_RULE = "| --- | --- | --- |\n"
_ROWS = re.compile(r"(?:\|[^\n]*\n)*")


def json_schemas() -> dict[str, str]:
    """Return the text of each recipe's JSON Schema, by file name."""
    return {
        f"{recipe.name}.schema.json": json.dumps(
            {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                **recipe.row.model_json_schema(mode="serialization"),
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
        for recipe in RECIPES.values()
    }


def with_columns(reference: str) -> str:
    """Return the text of the reference with every recipe's table of columns as it is now."""
    for recipe in RECIPES.values():
        heading = reference.index(f"## `{recipe.name}`\n")
        begin = reference.index(_RULE, heading) + len(_RULE)
        end = _ROWS.match(reference, begin)
        rows = "".join(
            f"| `{one.name}` | {one.type}{', may be null' * one.nullable} | {one.description} |\n"
            for one in columns(recipe.row)
        )
        reference = reference[:begin] + rows + reference[end.end() if end else begin :]
    return reference


def main(folder: Path, reference: Path) -> None:
    """Write the schemas to ``folder``, and the columns into the tables of ``reference``."""
    for name, text in json_schemas().items():
        (folder / name).write_text(text, encoding="utf-8")
    reference.write_text(with_columns(reference.read_text("utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
