"""What each recipe makes of its records; splits, figures and what is avoided."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
from recorded_rows import MADE, TREE, fill, record_run, rows, variant

from aludel.errors import Conflict, InvalidRequest, NotFound
from aludel.job_requests import RecipeName
from aludel.lean_checker.avoided import AvoidedStatements, normal_text
from aludel.models import (
    FStarContext,
    LeanContext,
)
from aludel.proof_export import (
    LINEAGES,
    ExportOptions,
    Selection,
    SplitPlan,
    assign_splits,
    export,
    export_recorded,
    lineages,
)
from aludel.proof_export.recipes import RECIPES
from aludel.store import Store

FAMILIES = [{"a", "b", "c", "d"}, {"e", "f"}]


def test_a_lineage_knows_ancestors_siblings_and_family(tmp_path: Path) -> None:
    options = ExportOptions(("lineage",))
    report = export(TREE, tmp_path / "out", options, MADE, {LINEAGES: lineages(lambda: TREE)})
    found = {row["name"]: row for row in rows(report, "lineage")["train"]}
    assert found["d"]["ancestors"] == ["c", "a", "lib.one"]
    assert found["a"]["ancestors"] == ["lib.one"]
    assert {name: row["siblings"] for name, row in found.items()} == {
        "a": 1, "b": 1, "c": 0, "d": 0, "e": 0, "f": 0,
    }  # fmt: skip
    for family in FAMILIES:
        assert len({found[name]["family"] for name in family}) == 1
    assert len({row["family"] for row in found.values()}) == 2


def test_prompt_and_completion_are_the_code(tmp_path: Path) -> None:
    report = export(TREE, tmp_path / "out", ExportOptions(("whole_proof",)), MADE)
    found = rows(report, "whole_proof")["train"]
    assert [row["prompt"] + row["completion"] for row in found] == [v.code for v in TREE]
    assert all(row["prompt"].endswith(" :=") for row in found)


def test_a_recipe_without_its_records_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="'lineage' is made of lineages, and none are given"):
        export(TREE, tmp_path / "out", ExportOptions(("lineage",)), MADE)


def test_records_that_came_after_the_split_are_refused(tmp_path: Path) -> None:
    splits = assign_splits(TREE, SplitPlan("lineage", test=0.4))
    late = [*TREE, variant("late", "lib.four")]
    with pytest.raises(Conflict, match="'late' is in no split"):
        export(late, tmp_path / "out", ExportOptions(), MADE, splits=splits)
    assert list(tmp_path.iterdir()) == []


def test_what_is_avoided_is_left_out_by_text_and_by_shape(tmp_path: Path) -> None:
    by_text = normal_text("theorem quiz   :  a = a := by sorry")
    avoid = AvoidedStatements(frozenset({by_text}), frozenset({"se"}))
    report = export(TREE, tmp_path / "out", ExportOptions(("cpt",)), MADE, avoid=avoid)
    assert [row["name"] for row in rows(report, "cpt")["train"]] == ["b", "c", "d"]
    assert report.avoided == {"variants": 3}
    assert report.records == 3
    assert "| variants left out for a statement to avoid | 3 |" in report.card.read_text()
    everything = AvoidedStatements(shapes=frozenset(v.shape_hash for v in TREE))
    with pytest.raises(NotFound, match="every variant is avoided"):
        export(TREE, tmp_path / "none", ExportOptions(), MADE, avoid=everything)


def test_attempts_with_verdicts_follow_their_theorem(store: Store, tmp_path: Path) -> None:
    fill(store)
    record_run(store, "run", LeanContext(imports=("Init",)), "a", "d", "e", "elsewhere")
    plan = SplitPlan("lineage", test=0.45, valid=0.2)
    selection = Selection(runs=("run",), split=plan)
    report = export_recorded(store, tmp_path / "out", ExportOptions(), selection, MADE)
    assert "fstar" not in report.rows
    variants = {r["name"]: s for s, found in rows(report, "variants").items() for r in found}
    attempts = rows(report, "attempts")
    assert {len({variants[name] for name in family}) for family in FAMILIES} == {1}
    for split, found in attempts.items():
        assert {variants.get(row["problem"], split) for row in found} == {split}
    good = next(r for f in attempts.values() for r in f if r["accepted"])
    bad = next(r for f in attempts.values() for r in f if not r["accepted"])
    assert (good["verdict"], good["reason"], good["axioms"]) == ("accepted", None, ["propext"])
    assert (bad["reason"], bad["diagnostics"]) == ("elaboration", ["error 2:4: no"])
    assert bad["settings"] == '{"temperature":1.0}' and bad["imports"] == ["Init"]
    assert sum(map(len, attempts.values())) == report.rows["attempts"] == 8


def test_attempts_alone(store: Store, tmp_path: Path) -> None:
    record_run(store, "run", LeanContext(imports=("Init",)), "a")
    options, selection = ExportOptions(), Selection(runs=("run",))
    report = export_recorded(store, tmp_path / "out", options, selection, MADE)
    assert report.rows["attempts"] == 2
    assert not report.rows.keys() & {"cpt", "variants", "lineage", "fstar"}
    with pytest.raises(NotFound, match="there is no run 'other'"):
        export_recorded(store, tmp_path / "no", options, Selection(runs=("other",)), MADE)


def test_fstar_attempts_have_the_fields_of_popai(store: Store, tmp_path: Path) -> None:
    options = ("--z3rlimit", "20", "--max_fuel", "1")
    context = FStarContext(
        module="M", opens=("FStar.Mul", "L=FStar.List.Tot"), options=options, prefix="module M\n"
    )
    record_run(store, "f", context, "M.x")
    record_run(store, "g", context.model_copy(update={"options": ("--fuel", "2")}), "M.y")
    report = export_recorded(
        store, tmp_path / "out", ExportOptions(), Selection(runs=("f", "g")), MADE
    )
    bad, good, other, _ = rows(report, "fstar")["train"]
    assert (good["name"], good["file_name"], good["source_type"]) == (
        "M.x",
        "M.fst",
        "val M.x : int",
    )
    assert json.loads(good["opens_and_abbrevs"]) == [
        {"abbrev": "L", "full_module": "FStar.List.Tot"},
        {"open": "FStar.Mul"},
    ]
    assert json.loads(good["vconfig"]) == {"z3rlimit": 20, "max_fuel": 1}
    assert other["vconfig"] is None and other["options"] == ["--fuel", "2"]
    assert (good["isa_accepted"], bad["isa_accepted"]) == (True, False)
    assert good["file_context"] == "module M\n"


def cells(card: str, first: str) -> dict[str, str]:
    """The last table of the card whose head begins so, as its first and last columns."""
    block = re.findall(rf"^\| {re.escape(first)} \|.*\n\|.*\n((?:\|.*\n)*)", card, re.MULTILINE)[-1]
    lines = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in block.splitlines()]
    return {line[0]: line[-1] for line in lines}


def test_figures_of_splits_and_quality_equal_a_recount(store: Store, tmp_path: Path) -> None:
    fill(store)
    record_run(store, "run", LeanContext(imports=("Init",)), "x1", "x2")
    selection = Selection(runs=("run",), split=SplitPlan("lineage", test=0.4, valid=0.2))
    report = export_recorded(store, tmp_path / "out", ExportOptions(), selection, MADE)
    card, manifest = report.card.read_text(), json.loads(report.manifest.read_text())
    for recipe, by_split in report.splits.items():
        counted = {s: len(found) for s, found in rows(report, recipe).items()}
        assert counted == by_split == manifest["rows"][recipe]
        for split, count in counted.items():
            assert re.search(rf"^\| `{recipe}` \| {split} \| {count} \|", card, re.MULTILINE)
    exported = [r for found in rows(report, "variants").values() for r in found]
    problems = {
        (r["problem"], r["statement"]) for f in rows(report, "attempts").values() for r in f
    }
    quality = cells(card, "Quality")
    assert int(quality["theorems"]) == len(exported) + len(problems)
    shapes = Counter(row["shape_hash"] for row in exported)
    assert int(quality["same shape as an earlier one"]) == sum(n - 1 for n in shapes.values()) == 1
    assert int(quality["same text as an earlier one"]) == 1  # x1 and x2 both state 1 = 1
    assert (
        quality["trivial"] == quality["vacuous"] == quality["unused hypothesis"] == "not measured"
    )
    assert set(cells(card, "Leakage `test`").values()) == {"0"}
    assert manifest["quality"]["duplicates"] == {"text": 1, "term": 0, "shape": 1}
    drawn = cells(card, "Split")
    assert sum(int(n) for n in drawn.values()) == len(TREE) + 2


def test_the_service_refuses_other_names_of_recipes_at_once() -> None:
    assert set(get_args(RecipeName)) == set(RECIPES)
