"""The dataset card: ``README.md`` in the form that the Hugging Face hub reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from string import Template
from typing import Any

import pyarrow as pa

from aludel.proof_export.manifest import Written
from aludel.proof_export.provenance import Provenance
from aludel.proof_export.recipes import Recipe
from aludel.proof_export.rows import arrow_schema, columns
from aludel.proof_export.splitting import Splits
from aludel.proof_export.tally import Tally

_DTYPES = {"double": "float64"}
_POWERS = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")


def render_card(written: Written) -> str:
    """Return the text of the card. Every figure comes from what was just written."""
    template = Template(files(__package__).joinpath("card.md").read_text(encoding="utf-8"))
    made, rows = written.made, written.rows()
    return template.substitute(
        size_category=size_category(max(sum(by_split.values()) for by_split in rows.values())),
        loading=_loading(written, rows),
        records=" and ".join(f"{f.records} {name}" for name, f in written.tally.feeds.items()),
        recipes=_recipe_table(written.recipes, rows),
        files=_table(
            ("File", "Rows", "Bytes"), ((f"`{f.path}`", f.rows, f.bytes) for f in written.files)
        ),
        groups="\n\n".join(_groups(written.tally)),
        splits=_splits(written.splits),
        quality=_quality(written),
        columns="\n\n".join(_schema(recipe) for recipe in written.recipes),
        toolchains=_toolchain_table(written.tally, made),
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


def _loading(written: Written, rows: dict[str, dict[str, int]]) -> str:
    """How a reader loads the files: the columns of each configuration, and where its splits are.

    A split without rows is left out, for `load_dataset` refuses the whole configuration with it;
    columns are named because those of a file whose values are all null would be guessed wrong.
    """
    filled = {recipe: [s for s, n in found.items() if n] for recipe, found in rows.items()}
    recipes = [recipe for recipe in written.recipes if filled[recipe.name]]
    if not recipes:
        return ""
    infos = "".join(
        f"- config_name: {recipe.name}\n  features:\n"
        + "".join(f"  {line}\n" for field in arrow_schema(recipe.row) for line in _feature(field))
        for recipe in recipes
    )
    configs = "".join(_config(written, recipe.name, filled[recipe.name]) for recipe in recipes)
    return f"dataset_info:\n{infos}configs:\n{configs}"


def _feature(field: pa.Field) -> list[str]:
    """Return a column in the words of the hub's `features`."""
    return [f"- name: {field.name}", *(f"  {line}" for line in _of_type(field.type))]


def _of_type(kind: pa.DataType, key: str = "dtype") -> list[str]:
    if pa.types.is_list(kind):
        return _of_type(kind.value_type, "list")
    if pa.types.is_struct(kind):
        fields = [f"  {line}" for field in kind for line in _feature(field)]
        return [f"{'list' if key == 'list' else 'struct'}:", *fields]
    return [f"{key}: {_DTYPES.get(str(kind), str(kind))}"]


def _config(written: Written, recipe: str, splits: Iterable[str]) -> str:
    suffix = written.files_of(recipe)[0].format
    lines = "".join(
        f"  - split: {split}\n    path: data/{recipe}/{split}-*.{suffix}\n" for split in splits
    )
    return f"- config_name: {recipe}\n  data_files:\n{lines}"


def _recipe_table(recipes: Sequence[Recipe[Any]], rows: dict[str, dict[str, int]]) -> str:
    return _table(
        ("Recipe", "Split", "Rows", "What it holds"),
        ((f"`{r.name}`", s, n, r.summary) for r in recipes for s, n in rows[r.name].items()),
    )


def _splits(splits: Splits | None) -> str:
    if splits is None:
        return (
            "All rows are in `train`. Variants of one theorem share ancestors: export with "
            "`--split`, never split at random by rows, when measuring a model."
        )
    plan, unit = splits.plan, "projects" if splits.plan.kind == "cross_project" else "families"
    counts = _table(("Split", "Theorems"), ((f"`{s}`", n) for s, n in splits.counts.items()))
    return (
        f"Split `{plan.kind}` with seed {plan.seed}, shares of {plan.test} for test and "
        f"{plan.valid} for valid: {splits.families} {unit}, each whole in one split. A family is "
        "closed under lineage (what a theorem was made from, and everything else made from that) "
        f"and under equal text, term and shape.\n\n{counts}"
    )


def _quality(written: Written) -> str:
    quality = written.quality
    found = [(f"same {what} as an earlier one", n) for what, n in quality.duplicates.items()]
    faults = [(what.replace("_", " "), _share(*n)) for what, n in quality.faults.items()]
    avoided = [
        (f"{name} left out for a statement to avoid", feed.avoided)
        for name, feed in written.tally.feeds.items()
    ]
    lines = [_table(("Quality", "Theorems"), [("theorems", quality.theorems), *found, *faults])]
    lines.append(_table(("Decontamination", "Records"), avoided))
    for split, leaks in quality.leakage.items():
        rows = ((what, n) for what, n in leaks.items())
        lines.append(_table((f"Leakage `{split}`", "With one in train"), rows))
    return "\n\n".join(lines)


def _share(having: int, searched: int) -> str:
    return f"{having} of {searched} searched" if searched else "not measured"


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
