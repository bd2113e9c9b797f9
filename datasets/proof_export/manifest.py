"""The result of an export, and its manifest."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aludel.proof_export.provenance import Provenance
from aludel.proof_export.quality import Quality
from aludel.proof_export.recipes import Recipe
from aludel.proof_export.splitting import SPLITS, Splits
from aludel.proof_export.staging import MANIFEST_FORMAT
from aludel.proof_export.tally import Tally
from aludel.proof_export.writer import DataFile


@dataclass(frozen=True)
class Written:
    """The contents of card and manifest."""

    recipes: Sequence[Recipe[Any]]
    files: tuple[DataFile, ...]
    tally: Tally
    quality: Quality
    splits: Splits | None
    made: Provenance

    def files_of(self, recipe: str) -> list[DataFile]:
        """Return the files of a recipe, in one format: Parquet where there is Parquet."""
        mine = [file for file in self.files if file.recipe == recipe]
        formats = {file.format for file in mine}
        chosen = "parquet" if "parquet" in formats else min(formats)
        return [file for file in mine if file.format == chosen]

    def rows(self) -> dict[str, dict[str, int]]:
        """Return the rows by recipe and split; splits without rows are left out."""
        found: dict[str, dict[str, int]] = {}
        for recipe in self.recipes:
            counts = dict.fromkeys(SPLITS, 0)
            for file in self.files_of(recipe.name):
                counts[file.split] += file.rows
            found[recipe.name] = {s: n for s, n in counts.items() if n or s == SPLITS[0]}
        return found


def render_manifest(written: Written) -> str:
    """Return the manifest: what this export wrote, and from what."""
    made, splits = written.made, written.splits
    content = {
        "format": MANIFEST_FORMAT,
        "version": made.version,
        "commit": made.commit,
        "command": made.command,
        "seed": made.seed,
        "split": None if splits is None else dataclasses.asdict(splits.plan),
        "families": None if splits is None else splits.families,
        "records": {name: feed.records for name, feed in written.tally.feeds.items()},
        "avoided": {name: feed.avoided for name, feed in written.tally.feeds.items()},
        "counts": written.tally.groups(),
        "rows": written.rows(),
        "quality": {
            **dataclasses.asdict(written.quality),
            "not_measured": [name for name, n in written.quality.faults.items() if not n[1]],
        },
        "files": [dataclasses.asdict(file) for file in written.files],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
