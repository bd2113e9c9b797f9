"""Every figure of the card equals a recount from the files."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from aludel.models import Prover, Toolchain
from aludel.proof_export import RECIPES, VARIANTS, ExportOptions, ExportReport, Provenance, export
from aludel.proof_export.card import size_category
from aludel.proof_export.rows import columns
from aludel.proof_export.schemas import json_schemas
from aludel.records import VariantRecord

ROOT = Path(__file__).resolve().parents[2]
DIGESTS = ("a" * 64, "b" * 64)
TOOLCHAIN = Toolchain(
    prover=Prover.LEAN, name="t", version="4.28.0", commit="38f3", kind="embedded", digest="a" * 64
)


def _record(i: int) -> VariantRecord:
    return VariantRecord(
        name=f"v{i}",
        statement=f"theorem v{i} : True",
        proof="trivial",
        rule="apply" if i % 5 == 0 else "rw",
        lemma=f"l{i % 3}",
        direction="backward" if i % 4 == 0 else "forward",
        position="hypothesis" if i % 3 == 0 else "goal",
        parents=(f"t{i % 7}", f"l{i % 3}"),
        round=1 + i % 2,
        imports=("Init", "Std") if i % 6 == 0 else ("Init",),
        toolchain_digest=DIGESTS[i % 2],
        verdict_hash=f"h{i}",
        term_hash=f"h{i}",
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> ExportReport:
    made = Provenance("aludel export", "1.2.3", "c0ffee", 7, toolchains={DIGESTS[0]: TOOLCHAIN})
    out = tmp_path_factory.mktemp("card") / "out"
    return export((_record(i) for i in range(101)), out, ExportOptions(shard_rows=40), made)


@pytest.fixture(scope="module")
def card(report: ExportReport) -> str:
    return report.card.read_text("utf-8")


def _tables(card: str) -> dict[str, list[list[str]]]:
    """The tables of the card by the first cell of their head."""
    tables: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE):
        lines = [
            [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in block.splitlines()
        ]
        tables.setdefault(lines[0][0], []).extend(lines[2:])
    return tables


def _rows(report: ExportReport, recipe: str) -> list[dict[str, Any]]:
    files = sorted((report.out / "data" / recipe).glob("*.parquet"))
    return [row for path in files for row in pq.read_table(path).to_pylist()]


def test_rows_of_each_recipe(report: ExportReport, card: str) -> None:
    counted = {name: len(_rows(report, name)) for name in report.rows}
    assert {row[0]: int(row[2]) for row in _tables(card)["Recipe"]} == counted == report.rows


def test_rows_and_bytes_of_each_file(report: ExportReport, card: str) -> None:
    listed = {row[0]: (int(row[1]), int(row[2])) for row in _tables(card)["File"]}
    counted = {}
    for path in (report.out / "data").rglob("*.*"):
        rows = (
            pq.read_table(path).num_rows
            if path.suffix == ".parquet"
            else path.read_bytes().count(b"\n")
        )
        counted[path.relative_to(report.out).as_posix()] = (rows, path.stat().st_size)
    assert listed == counted
    assert len(listed) == 18


@pytest.mark.parametrize("column", ["rule", "direction", "position", "round", "toolchain_digest"])
def test_groups(report: ExportReport, card: str, column: str) -> None:
    counted = Counter(str(row[column]) for row in _rows(report, "variants"))
    assert {row[0]: int(row[1]) for row in _tables(card)[column]} == counted


def test_import_groups(report: ExportReport, card: str) -> None:
    counted = Counter(" ".join(row["imports"]) for row in _rows(report, "variants"))
    assert {row[0]: int(row[1]) for row in _tables(card)["imports"]} == counted


def test_toolchains(report: ExportReport, card: str) -> None:
    counted = Counter(row["toolchain_digest"] for row in _rows(report, "variants"))
    assert {row[0]: int(row[3]) for row in _tables(card)["Digest"]} == counted
    assert "| lean 4.28.0 (embedded) | 38f3 |" in card
    assert "| not recorded |" in card


def test_columns(card: str) -> None:
    described = [(row[0], row[2]) for row in _tables(card)["Column"]]
    expected = [
        (c.name, c.description)
        for r in RECIPES.values()
        for c in columns(r.row)
        if r.feed is VARIANTS and r.by_default
    ]
    assert described == expected
    assert all(description for _, description in expected)


def test_provenance(card: str) -> None:
    assert (
        "- Command: `aludel export`\n- Version: aludel 1.2.3\n- Commit: c0ffee\n- Seed: 7\n" in card
    )


def test_front_matter_names_files_that_exist(report: ExportReport, card: str) -> None:
    front = card.split("---\n")[1]
    assert "license: apache-2.0\n" in front
    assert "size_categories:\n- n<1K\n" in front
    patterns = re.findall(r"^    path: (.+)$", front, flags=re.MULTILINE)
    found = sorted(path for pattern in patterns for path in report.out.glob(pattern))
    assert found == sorted(report.paths("parquet"))


def test_front_matter_points_at_jsonl_when_there_is_no_parquet(tmp_path: Path) -> None:
    options = ExportOptions(formats=("jsonl",), recipes=("cpt",))
    only = export([_record(1)], tmp_path / "out", options, Provenance("c", "0"))
    front = only.card.read_text().split("---\n")[1]
    assert "path: data/cpt/train-*.jsonl\n" in front
    assert "parquet" not in front


@pytest.mark.parametrize(
    ("rows", "category"),
    [
        (0, "n<1K"),
        (999, "n<1K"),
        (1_000, "1K<n<10K"),
        (99_999, "10K<n<100K"),
        (10**6, "1M<n<10M"),
        (10**9, "n>1B"),
    ],
)
def test_size_category(rows: int, category: str) -> None:
    assert size_category(rows) == category


def test_kept_json_schemas_are_up_to_date() -> None:
    """Mend with: make schemas"""
    folder = ROOT / "datasets" / "schemas"
    kept = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    assert kept == json_schemas()
    for text in kept.values():
        assert json.loads(text)["additionalProperties"] is False


def test_reference_describes_every_column() -> None:
    reference = (ROOT / "docs" / "reference" / "dataset-schema.md").read_text("utf-8")
    for recipe in RECIPES.values():
        for column in columns(recipe.row):
            line = f"| `{column.name}` | {column.type}{', may be null' * column.nullable} | "
            assert line + column.description + " |\n" in reference
