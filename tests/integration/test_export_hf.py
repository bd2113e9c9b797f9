"""An export as its readers load it: with Hugging Face's own library, in an environment of its own.

Leakage is counted on a real run too: the sample of variants of Init and Std that the repository
keeps.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from aludel.proof_export import (
    LINEAGES,
    ExportOptions,
    ExportReport,
    Provenance,
    SplitPlan,
    Splits,
    assign_splits,
    export,
    lineages,
)
from aludel.proof_export.splitting import ProjectBy, SplitKind
from aludel.records import VariantRecord

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(os.environ.get("HF_DATASETS_FOLDER", ROOT / ".venv" / "hf-datasets"))
SAMPLE = ROOT / "docs" / "results" / "mutation-init-std" / "sample.jsonl"
KINDS = [kind for kind in get_args(SplitKind) if kind != "none"]

LOAD = """
import json, sys
from datasets import load_dataset
folder, *configs = sys.argv[1:]
found = {}
for config in configs:
    loaded = load_dataset(folder, config)
    found[config] = {split: [dict(row) for row in rows] for split, rows in loaded.items()}
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


@pytest.mark.skipif(
    not PACKAGES.exists(), reason="Hugging Face's datasets are not installed: make hf-datasets"
)
@pytest.mark.parametrize("formats", [("jsonl", "parquet"), ("jsonl", "jsonl.zst")])
def test_hugging_face_loads_every_configuration(tmp_path: Path, formats: tuple[str, ...]) -> None:
    report = exported(tmp_path / "out", SplitPlan("lineage"), formats=formats, shard_rows=60)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PACKAGES),
        "HF_HOME": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", LOAD, str(report.out), *report.rows],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = json.loads(done.stdout)
    assert list(loaded) == ["cpt", "variants", "whole_proof", "lineage"]
    for recipe in loaded:
        assert loaded[recipe] == rows(report, recipe)
        assert {s: len(found) for s, found in loaded[recipe].items()} == report.splits[recipe]


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
