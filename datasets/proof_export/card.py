"""The dataset card: ``README.md`` in the form that the Hugging Face hub reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from proof_export.provenance import Provenance
from proof_export.recipes import Recipe
from proof_export.rows import columns
from proof_export.tally import Tally
from proof_export.writer import SPLIT, DataFile

_POWERS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")


def render_card(
    recipes: Sequence[Recipe[Any]], data_files: Sequence[DataFile], tally: Tally, made: Provenance
) -> str:
    """Return the text of the card. Every figure comes from what was just written."""
    template = Template(files("proof_export").joinpath("card.md").read_text(encoding="utf-8"))
    return template.substitute(
        size_category=size_category(max(_rows_of(recipe, data_files) for recipe in recipes)),
        configs="".join(_config(recipe, data_files) for recipe in recipes),
        records=tally.records,
        recipes=_recipe_table(recipes, data_files),
        files=_table(
            ("File", "Rows", "Bytes"), ((f"`{f.path}`", f.rows, f.bytes) for f in data_files)
        ),
        groups="\n\n".join(_groups(tally)),
        columns="\n\n".join(_schema(recipe) for recipe in recipes),
        toolchains=_toolchain_table(tally, made),
        command=made.command,
        version=made.version,
        commit=made.commit or "unknown (not run from a checkout)",
        seed="none" if made.seed is None else made.seed,
    )


def size_category(rows: int) -> str:
    """Return the hub's size category of a number of rows."""
    lower = ""
    for power, upper in enumerate(_POWERS):
        if rows < 10 ** (power + 3):
            return f"{lower}<n<{upper}" if lower else f"n<{upper}"
        lower = upper
    return f"n>{lower}"


def _rows_of(recipe: Recipe[Any], data_files: Sequence[DataFile]) -> int:
    mine = [f for f in data_files if f.recipe == recipe.name]
    return sum(f.rows for f in mine if f.format == mine[0].format)


def _config(recipe: Recipe[Any], data_files: Sequence[DataFile]) -> str:
    """One configuration, read from Parquet where there is Parquet."""
    suffix = max(f.format for f in data_files if f.recipe == recipe.name)
    return (
        f"- config_name: {recipe.name}\n"
        "  data_files:\n"
        f"  - split: {SPLIT}\n"
        f"    path: data/{recipe.name}/{SPLIT}-*.{suffix}\n"
    )


def _recipe_table(recipes: Sequence[Recipe[Any]], data_files: Sequence[DataFile]) -> str:
    return _table(
        ("Recipe", "Split", "Rows", "What it holds"),
        ((f"`{r.name}`", SPLIT, _rows_of(r, data_files), r.summary) for r in recipes),
    )


def _groups(tally: Tally) -> Iterator[str]:
    for groups in tally.groups().values():
        yield from (_group(name, counts) for name, counts in groups.items())


def _group(name: str, counts: dict[str, int]) -> str:
    return _table((f"`{name}`", "Records"), ((f"`{value}`", n) for value, n in counts.items()))


def _schema(recipe: Recipe[Any]) -> str:
    rows = (
        (f"`{c.name}`", c.type + (", may be null" if c.nullable else ""), c.description)
        for c in columns(recipe.row)
    )
    return f"### `{recipe.name}`\n\n" + _table(("Column", "Type", "Meaning"), rows)


def _toolchain_table(tally: Tally, made: Provenance) -> str:
    def row(digest: str, records: int) -> tuple[object, ...]:
        known = made.toolchains.get(digest)
        label = f"{known.prover} {known.version} ({known.kind})" if known else "not recorded"
        return f"`{digest}`", label, (known and known.commit) or "", records

    rows = (row(digest, n) for digest, n in tally.toolchains().items())
    return _table(("Digest", "Toolchain", "Commit", "Records"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    """One cell: a line break or a bar inside it would end it."""
    return " ".join(str(value).split()).replace("|", "\\|")


def render_manifest(
    manifest_format: str, data_files: Sequence[DataFile], tally: Tally, made: Provenance
) -> str:
    """Return the manifest: what this export wrote, and from what."""
    content = {
        "format": manifest_format,
        "version": made.version,
        "commit": made.commit,
        "command": made.command,
        "seed": made.seed,
        "records": tally.records,
        "counts": tally.groups(),
        "files": [
            {
                "path": f.path,
                "recipe": f.recipe,
                "format": f.format,
                "rows": f.rows,
                "bytes": f.bytes,
                "sha256": f.sha256,
            }
            for f in data_files
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
