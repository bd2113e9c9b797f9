"""An export as its readers load it: with Hugging Face's own library, in an environment of its own.

Leakage is counted on a real run too: the sample of variants of Init and Std that the repository
keeps.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from fake_hub import fake_hub
from hf_environment import NEEDS_HF, run_hf
from recorded_rows import MADE, fill, record_run

from aludel.models import LeanContext
from aludel.proof_export import (
    LINEAGES,
    ExportOptions,
    ExportReport,
    Provenance,
    Selection,
    SplitPlan,
    Splits,
    assign_splits,
    export,
    export_recorded,
    lineages,
)
from aludel.proof_export.splitting import ProjectBy, SplitKind
from aludel.records import VariantRecord
from aludel.store import Store

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "docs" / "results" / "mutation-init-std" / "sample.jsonl"
KINDS = [kind for kind in get_args(SplitKind) if kind != "none"]

LOAD = """
import json, sys
from datasets import load_dataset
folders, *configs = sys.argv[1:]
found = []
for folder in folders.split(":"):
    loaded = {config: load_dataset(folder, config) for config in configs}
    found.append({config: {split: [dict(row) for row in rows] for split, rows in one.items()}
                  for config, one in loaded.items()})
json.dump(found, sys.stdout)
"""


def sample() -> list[VariantRecord]:
    """200 variants that Lean accepted, as the run over Init and Std made them."""
    lines = SAMPLE.read_text(encoding="utf-8").splitlines()
    fixed = {"imports": ("Init", "Std"), "toolchain_digest": "d" * 64, "verdict_hash": "v"}
    return [VariantRecord.model_validate({**json.loads(line), **fixed}) for line in lines]


def exported(out: Path, plan: SplitPlan, **options: Any) -> ExportReport:
    variants = sample()
    chosen = ExportOptions(**options)
    made = Provenance("aludel export", "0")
    more = {LINEAGES: lineages(sample)}
    return export(variants, out, chosen, made, more, splits=assign_splits(variants, plan))


def rows(report: ExportReport, recipe: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for file in report.files:
        if file.recipe == recipe and file.format == "jsonl":
            lines = (report.out / file.path).read_text(encoding="utf-8").split("\n")[:-1]
            found.setdefault(file.split, []).extend(json.loads(line) for line in lines)
    return found


NAMED = ("cpt", "variants", "whole_proof", "messages", "prover", "verl", "lineage")


@NEEDS_HF
@pytest.mark.parametrize("formats", [("jsonl", "parquet"), ("jsonl", "jsonl.zst")])
def test_hugging_face_loads_every_configuration(tmp_path: Path, formats: tuple[str, ...]) -> None:
    plan = SplitPlan("lineage")
    report = exported(tmp_path / "out", plan, recipes=NAMED, formats=formats, shard_rows=60)
    [loaded] = json.loads(run_hf(LOAD, str(report.out), *report.rows, folder=tmp_path))
    assert list(loaded) == list(NAMED)
    for recipe in loaded:
        assert loaded[recipe] == rows(report, recipe)
        assert {s: len(found) for s, found in loaded[recipe].items()} == report.splits[recipe]


@NEEDS_HF
@pytest.mark.parametrize("formats", [("jsonl",), ("parquet", "jsonl")])
def test_attempts_load_though_a_split_is_empty_or_a_column_null(
    store: Store, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    fill(store)
    context = LeanContext(imports=("Init",))
    record_run(store, "all", context, "a", "b", "c", "d", "e", "f")
    record_run(store, "one", context, "e")  # of the test split
    recipes = ("attempts", "found_proofs", "preference")
    options = ExportOptions(recipes, formats)
    made = []
    for run in ("one", "all"):
        selection = Selection(runs=(run,), split=SplitPlan("lineage", test=0.4, valid=0.1))
        made.append(export_recorded(store, tmp_path / run, options, selection, MADE))
    folders = ":".join(str(report.out) for report in made)
    for report, loaded in zip(
        made, json.loads(run_hf(LOAD, folders, *recipes, folder=tmp_path)), strict=True
    ):
        for recipe in recipes:
            filled = {s: n for s, n in report.splits[recipe].items() if n}
            assert {s: len(found) for s, found in loaded[recipe].items()} == filled
            assert loaded[recipe] == {s: rows(report, recipe)[s] for s in filled}
    assert [report.splits["attempts"]["train"] == 0 for report in made] == [True, False]


@NEEDS_HF
def test_pandas_keeps_hashes_as_text(tmp_path: Path) -> None:
    report = exported(tmp_path / "out", SplitPlan("lineage"), formats=("jsonl",))
    read = """
import json, sys
import pandas
for path in sys.argv[1:]:
    table = pandas.read_json(path, lines=True)
    print(json.dumps({name: list(table[name]) for name in ("term_hash", "shape_hash")}))
"""
    for recipe in ("variants", "lineage"):
        paths = sorted((report.out / "data" / recipe).glob("train-*.jsonl"))
        [line] = run_hf(read, *map(str, paths), folder=tmp_path).splitlines()
        kept = rows(report, recipe)["train"]
        assert json.loads(line) == {
            name: [row[name] for row in kept] for name in ("term_hash", "shape_hash")
        }


PAGE = ROOT / "docs" / "how-to" / "export-a-dataset.md"


def test_the_documented_split_is_made_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    lines = [variant.model_dump_json() for variant in sample()]
    (tmp_path / "run" / "variants.jsonl").write_text("\n".join(lines), encoding="utf-8")
    section = PAGE.read_text("utf-8").partition("## Train, valid and test\n")[2]
    names: dict[str, Any] = {}
    exec(section.partition("```python\n")[2].partition("```")[0], names)  # noqa: S102 - the page's
    assert 0 < len(names["held_out"]) <= 0.4 * len(names["variants"])


@NEEDS_HF
def test_the_documented_upload_arrives_whole_and_loads(tmp_path: Path) -> None:
    report = exported(tmp_path / "nat-lineage", SplitPlan("lineage"))
    section = PAGE.read_text("utf-8").partition("## Put it on the Hub\n")[2]
    program = section.partition("```python\n")[2].partition("```")[0]
    with fake_hub() as hub:
        signed = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "hf_test", "HF_HUB_OFFLINE": "0"}
        run_hf(program, folder=tmp_path, **signed)
    there = {
        path.relative_to(report.out).as_posix(): path.read_bytes()
        for path in report.out.rglob("*")
        if path.is_file()
    }
    assert hub.files["me/nat-lineage"] == there
    assert "Bearer hf_test" in hub.tokens
    arrived = tmp_path / "arrived"
    for path, content in hub.files["me/nat-proofs"].items():
        (arrived / path).parent.mkdir(parents=True, exist_ok=True)
        (arrived / path).write_bytes(content)
    [loaded] = json.loads(run_hf(LOAD, str(arrived), "whole_proof", folder=tmp_path))
    assert loaded["whole_proof"] == rows(report, "whole_proof")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_leaks_in_a_real_run(tmp_path: Path, kind: SplitKind) -> None:
    by: ProjectBy = "namespace" if kind == "cross_project" else "imports"
    plan = SplitPlan(kind, test=0.2, valid=0.1, project=by)
    report = exported(tmp_path / "out", plan, formats=("jsonl",))
    parts = rows(report, "variants")
    assert min(len(parts[split]) for split in ("train", "valid", "test")) > 0
    assert sum(map(len, parts.values())) == len(sample())
    train = parts["train"]
    for keys in (
        lambda row: {row["name"], *row["parents"][:1]},
        lambda row: {row["term_hash"]},
        lambda row: {row["shape_hash"]},
        lambda row: {row["statement"].replace(row["name"], "")},
    ):
        known = set().union(*map(keys, train))
        assert [row["name"] for row in parts["test"] + parts["valid"] if keys(row) & known] == []
    names = {row["name"] for row in parts["test"]}
    assert [row["name"] for row in train if names & set(row["parents"])] == []
    quality = json.loads(report.manifest.read_text())["quality"]
    assert {n for leaks in quality["leakage"].values() for n in leaks.values()} == {0}
    assert set(quality["leakage"]) == {"valid", "test"}
    lineage = rows(report, "lineage")
    families = {split: {row["family"] for row in found} for split, found in lineage.items()}
    assert not families["test"] & families["train"]


def test_a_split_by_rows_would_leak_and_is_counted(tmp_path: Path) -> None:
    """The figures can be other than zero: here every row is drawn by itself."""
    variants = sample()

    class ByRows(Splits):
        def of(self, name: str) -> str:
            return "test" if name.endswith(tuple("02468ace")) else "train"

    twins = [v.model_copy(update={"name": f"twin{i}"}) for i, v in enumerate(variants)]
    made = Provenance("c", "0")
    chosen = ExportOptions(("cpt",), ("jsonl",))
    splits = ByRows(SplitPlan("random"), {}, 0, (), ())
    report = export([*variants, *twins], tmp_path / "out", chosen, made, splits=splits)
    quality = json.loads(report.manifest.read_text())["quality"]
    assert quality["duplicates"]["term"] == len(variants)
    assert quality["leakage"]["test"]["term"] > 50
    assert quality["leakage"]["test"]["sibling"] > 50
