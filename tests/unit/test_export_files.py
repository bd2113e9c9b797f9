"""What an export writes reads back equal, in both formats, and always as the same bytes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.errors import InvalidRequest, NotFound
from aludel.models import Usage
from aludel.proof_export import RECIPES, VARIANTS, ExportOptions, ExportReport, Provenance, export
from aludel.proof_export.recipes.variants import ExportedVariant
from aludel.proof_export.rows import arrow_schema
from aludel.records import VariantFacts, VariantRecord

MADE = Provenance(command="aludel export", version="0.0.0")

texts = st.text(max_size=60)
names = st.tuples(texts, texts) | st.just(())
seconds = st.floats(min_value=0, allow_nan=False, allow_infinity=False)
usages = st.builds(
    Usage,
    wall_s=seconds,
    cpu_s=st.none() | seconds,
    prover_s=st.none() | seconds,
    heartbeats=st.none() | st.integers(0, 2**63 - 1),
    peak_memory_mb=st.none() | seconds,
    queue_s=st.none() | seconds,
)
variants = st.builds(
    VariantRecord,
    name=texts,
    statement=texts,
    proof=texts,
    lemma=texts,
    hypothesis=st.none() | texts,
    parents=names,
    round=st.integers(1, 2**63 - 1),
    imports=names,
    toolchain_digest=texts,
    verdict_hash=texts,
    term_hash=texts,
    usage=usages,
)


def variant(index: int, **changes: Any) -> VariantRecord:
    fields: dict[str, Any] = {
        "name": f"Nat.add_comm.rw{index}",
        "statement": f"theorem Nat.add_comm.rw{index} (n m : Nat) : m + n = n + m",
        "proof": "by\n  exact Nat.add_comm m n",
        "rule": "rw",
        "lemma": "Nat.add_comm",
        "direction": "forward",
        "position": "goal",
        "parents": ("Nat.add_comm", "Nat.add_comm"),
        "imports": ("Init",),
        "toolchain_digest": "d" * 64,
        "verdict_hash": f"{index:064x}",
        "term_hash": f"{index:064x}",
        "usage": Usage(wall_s=0.25, heartbeats=3),
    }
    return VariantRecord(**{**fields, **changes})


def run(
    records: Iterable[VariantRecord], out: Path, options: ExportOptions | None = None
) -> ExportReport:
    return export(records, out, options or ExportOptions(), MADE)


def json_rows(report: ExportReport, recipe: str) -> list[dict[str, Any]]:
    files = [f.path for f in report.files if f.recipe == recipe and f.format == "jsonl"]
    text = "".join((report.out / path).read_text("utf-8") for path in files)
    return [json.loads(line) for line in text.split("\n")[:-1]]


def parquet_rows(report: ExportReport, recipe: str) -> list[dict[str, Any]]:
    files = [f.path for f in report.files if f.recipe == recipe and f.format == "parquet"]
    return [row for path in files for row in pq.read_table(report.out / path).to_pylist()]


def back(row: dict[str, Any]) -> VariantRecord:
    """The record that a row of ``variants`` was made of."""
    usage = {key[6:]: row.pop(key) for key in list(row) if key.startswith("usage_")}
    row["facts"] = {key: row.pop(key) for key in VariantFacts.model_fields}
    code = row.pop("code")
    for name in ("term_hash", "shape_hash"):  # numbers that got a letter
        assert not row[name] or row[name].startswith("h")
        row[name] = row[name].removeprefix("h")
    record = VariantRecord.model_validate({**row, "usage": usage})
    assert record.code == code
    return record


@settings(deadline=None, max_examples=60)
@given(st.lists(variants, min_size=1, max_size=12), st.integers(1, 5))
def test_round_trip(records: list[VariantRecord], shard_rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report = run(records, Path(folder) / "out", ExportOptions(shard_rows=shard_rows))
        assert [back(row) for row in json_rows(report, "variants")] == records
        assert [back(row) for row in parquet_rows(report, "variants")] == records
        for rows in (json_rows(report, "cpt"), parquet_rows(report, "cpt")):
            assert [row["text"] for row in rows] == [record.code for record in records]
        assert max(file.rows for file in report.files) <= shard_rows


@pytest.mark.parametrize("text", ["", "∀ ε > 0, ∃ δ\u2028🎲 \x00 \r\n\t\"'\\", "x" * 9_000_000])
def test_unusual_texts_survive(tmp_path: Path, text: str) -> None:
    records = [variant(0, proof=text, hypothesis=text), variant(1)]
    report = run(records, tmp_path / "out")
    assert [back(row) for row in json_rows(report, "variants")] == records
    assert [back(row) for row in parquet_rows(report, "variants")] == records


def test_long_texts_close_a_row_group_early(tmp_path: Path) -> None:
    report = run([variant(i, proof="x" * 9_000_000) for i in range(2)], tmp_path / "out")
    groups = [pq.ParquetFile(path).num_row_groups for path in report.paths("parquet")]
    assert groups == [2, 2, 2]


def test_two_exports_are_the_same_bytes(tmp_path: Path) -> None:
    def contents(out: Path) -> dict[str, bytes]:
        run((variant(i) for i in range(25)), out, ExportOptions(shard_rows=10))
        files = (path for path in out.rglob("*") if path.is_file())
        return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}

    first = contents(tmp_path / "first")
    assert first == contents(tmp_path / "elsewhere" / "second")
    assert "data/cpt/train-00002-of-00003.parquet" in first
    assert len(first) == 3 * 2 * 3 + 2


def test_parquet_and_jsonl_have_the_same_rows(tmp_path: Path) -> None:
    report = run((variant(i) for i in range(33)), tmp_path / "out", ExportOptions(shard_rows=33))
    assert [file.rows for file in report.files] == [33] * 6
    for recipe in report.rows:
        (parquet,) = (report.out / "data" / recipe).glob("*.parquet")
        (jsonl,) = (report.out / "data" / recipe).glob("*.jsonl")
        assert pq.read_table(parquet).num_rows == len(jsonl.read_text().splitlines()) == 33
        assert parquet_rows(report, recipe) == json_rows(report, recipe)


FED = [recipe for recipe in RECIPES.values() if recipe.feed is VARIANTS]


@pytest.mark.parametrize("recipe", FED, ids=[recipe.name for recipe in FED])
def test_every_shard_has_the_schema_of_its_recipe(tmp_path: Path, recipe: Any) -> None:
    report = run([variant(0)], tmp_path / "out", ExportOptions(recipes=(recipe.name,)))
    parquet = pq.ParquetFile(report.paths("parquet")[0])
    assert parquet.schema_arrow.equals(arrow_schema(recipe.row))
    assert parquet.metadata.row_group(0).column(0).compression == "ZSTD"
    for row in json_rows(report, recipe.name):
        assert list(row) == list(recipe.row.model_fields)
        recipe.row.model_validate(row)


def test_variants_rows_hold_every_field_of_the_record() -> None:
    plain = {name for name in VariantRecord.model_fields if name not in ("usage", "facts")}
    costs = set(Usage.model_fields) - {"process", "request"}
    flat = {f"usage_{name}" for name in costs} | set(VariantFacts.model_fields)
    assert set(ExportedVariant.model_fields) == plain | flat | {"code"}


def test_manifest_lists_every_file_with_its_digest(tmp_path: Path) -> None:
    report = run([variant(0)], tmp_path / "out")
    manifest = json.loads(report.manifest.read_text())
    data = {path for path in (report.out / "data").rglob("*") if path.is_file()}
    assert {report.out / entry["path"] for entry in manifest["files"]} == data
    for entry in manifest["files"]:
        content = (report.out / entry["path"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_number_that_json_lacks_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(InvalidRequest, match=r"variants\.usage_wall_s: variant .* does not fit"):
        run([variant(0), variant(1, usage=Usage(wall_s=value))], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_export_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="aludel mutate"):
        run([], tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ExportOptions(recipes=("poem",)), "recipe: unknown recipe 'poem' .use cpt or variants or"),
        (
            ExportOptions(formats=("csv",)),
            "format: unknown format 'csv' .use jsonl or jsonl.zst or parquet",
        ),
        (ExportOptions(shard_rows=0), "shard_rows: must be at least 1"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, options: ExportOptions, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        run([variant(0)], tmp_path / "out", options)
    assert list(tmp_path.iterdir()) == []
