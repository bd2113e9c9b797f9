"""JSON Schemas of the row types, as kept in ``datasets/schemas``.

``python -m aludel.proof_export.schemas FOLDER`` writes them; a test fails when they are out of
date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aludel.proof_export.recipes import RECIPES


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


def main(folder: Path) -> None:
    """Write the schemas to ``folder``."""
    for name, text in json_schemas().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
