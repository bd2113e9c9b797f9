"""Imports of what others have published, bad records among good ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from aludel.candidates import extract
from aludel.cli.importing import command
from aludel.columns import candidates_of, theorem_of
from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.fstar_checker.dataset import read_definitions
from aludel.problems import read_problems
from aludel.proof_import import BadRecord, Imported, import_records
from aludel.proof_import.statements import UnusableText, declared, module_of, split_header

HEADER = "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 400000\n\nopen Nat Real\n"
SAMPLES = Path(__file__).resolve().parents[2] / "datasets" / "samples"


def _write(path: Path, rows: list[Any]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_minif2f_in_the_forms_in_which_it_is_published(tmp_path: Path) -> None:
    path = _write(
        tmp_path / "minif2f.jsonl",
        [
            {
                "name": "mathd_1",
                "split": "valid",
                "informal_prefix": "/-- One. -/\n",
                "formal_statement": "theorem mathd_1 (n : ℕ) (h : n = 1) :\n  n + 1 = 2 := by\n",
                "goal": "…",
                "header": HEADER,
            },
            {
                "id": "amc_2",
                "split": "test",
                "informal_stmt": "Two.",
                "formal_statement": f"{HEADER}/-- doc -/\ntheorem amc_2 : 1 = 1 := sorry",
            },
            {"formal_statement": "lemma third (p : Prop) (h : p) : p := by sorry"},
        ],
    )
    found = import_records("minif2f", path)
    assert found.bad == []
    first, second, third = found.problems
    opened = "open Nat Real in\n"
    assert first.statement == f"{opened}theorem mathd_1 (n : ℕ) (h : n = 1) :\n  n + 1 = 2"
    assert first.imports == second.imports == ("Mathlib", "Aesop")
    assert (first.split, second.informal) == ("valid", "Two.")
    assert second.statement == f"{opened}theorem amc_2 : 1 = 1"
    assert (third.name, third.statement) == ("third", "theorem third (p : Prop) (h : p) : p")
    assert third.imports == ("Init",)


def test_byte_order_marks_of_a_record_are_no_text(tmp_path: Path) -> None:
    row = {"header": "\ufeffopen Nat\n", "formal_statement": "\ufefftheorem t : True := by sorry"}
    found = import_records("minif2f", _write(tmp_path / "marked.jsonl", [row]))
    assert (found.bad, [p.statement for p in found.problems]) == (
        [], ["open Nat in\ntheorem t : True"]
    )  # fmt: skip


def test_bad_records_are_reported_with_line_and_reason_and_the_rest_is_kept(
    tmp_path: Path,
) -> None:
    good = {"name": "a", "formal_statement": "theorem a : True := sorry"}
    path = _write(
        tmp_path / "mixed.jsonl",
        [
            good,
            "{not json",
            "[]",
            {"name": "b"},
            {"name": "c", "formal_statement": "example : True := sorry"},
            {"name": "d", "formal_statement": "theorem d : True := by trivial"},
            {"name": "e", "header": "namespace N", "formal_statement": "theorem e : n = n"},
            good,
            {"name": "f", "formal_statement": "theorem f : True", "imports": 3},
            {"name": "z", "formal_statement": "theorem z : True"},
        ],
    )
    found = import_records("minif2f", path)
    assert [problem.name for problem in found.problems] == ["a", "z"]
    told = {record.where.partition(":")[2]: record.reason for record in found.bad}
    assert list(told) == ["2", "3", "4", "5", "6", "7", "8", "9"]
    assert "not JSON" in told["2"]
    assert "formal_statement" in told["4"]
    assert "holds a proof" in told["6"]
    assert "cannot carry `namespace N`" in told["7"]
    assert told["8"] == "the name 'a' is taken by mixed.jsonl:1"
    assert told["9"].startswith("imports")


MATHLIB = "import Mathlib\n"
PUBLISHED = {  # rows in the columns of published sets, and the problem that each one poses
    "FormalMATH": (
        {
            "theorem_names": ["u_1"],
            "refined_statement": f"{MATHLIB}open Nat\n\ntheorem om (n : ℕ) : n = n := by sorry",
        },
        ("u_1", "open Nat in\ntheorem om (n : ℕ) : n = n"),
    ),
    "ProofNet#": (
        {
            "id": "Rudin|1_1", "nl_statement": "Rationals.",
            "lean4_src_header": f"{MATHLIB}\nopen Set\nopen scoped Pointwise\n",
            "lean4_formalization": "theorem ex (n : ℕ) : n = n :=",
        },
        ("Rudin|1_1", "open Set in\nopen scoped Pointwise in\ntheorem ex (n : ℕ) : n = n"),
    ),
    "Lean-workbook-proofs": (
        {
            "problem_id": "lean_workbook_7",
            "full_proof": f"{MATHLIB}set_option maxHeartbeats 400000\nopen Real\n\n"
            'theorem lw (a : ℝ) (h : "/-" ≠ "-/") : a = a := by\n  have : 1 = 1 := rfl\n  rfl',
        },
        ("lean_workbook_7", 'open Real in\ntheorem lw (a : ℝ) (h : "/-" ≠ "-/") : a = a'),
    ),
    "NuminaMath-LEAN": (
        {
            "uuid": "0a1", "formal_statement": f"{MATHLIB}\ntheorem nm : 1 = 1 := by sorry",
            "formal_ground_truth": f"{MATHLIB}\ntheorem nm : 1 = 1 := by rfl",
            "ground_truth_type": "complete", "formal_proof": None,
        },
        ("0a1", "theorem nm : 1 = 1"),
    ),
    "DeepSeek-Prover-V1": (
        {
            "name": "thm_0", "header": f"{MATHLIB}open Nat", "goal": "⊢ 1 = 1",
            "formal_statement": "theorem thm_0 : 1 = 1 := by", "formal_proof": "  rfl",
        },
        ("thm_0", "open Nat in\ntheorem thm_0 : 1 = 1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_rows_of_published_sets_pose_their_theorem(tmp_path: Path, name: str) -> None:
    row, (called, statement) = PUBLISHED[name]
    found = import_records("minif2f", _write(tmp_path / "set.jsonl", [row]))
    assert found.bad == []
    [problem] = found.problems
    assert (problem.name, problem.statement) == (called, statement)
    assert problem.imports == ("Mathlib",)
    posed = theorem_of(row)  # what `aludel verify` poses is the same
    assert (posed.name, posed.statement) == (called, statement)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("NuminaMath-LEAN", "theorem nm : 1 = 1 := by rfl"),
        ("DeepSeek-Prover-V1", "open Nat in\ntheorem thm_0 : 1 = 1\n:= by\n  rfl\n"),
    ],
)
def test_rows_of_published_sets_hold_candidates(name: str, code: str) -> None:
    row, _ = PUBLISHED[name]
    [text] = candidates_of(row) or []
    assert extract(str(text), theorem_of(row).shown).split() == code.split()


@pytest.mark.parametrize(
    ("before", "opened"),
    [
        ("variable (n : Nat)\n", "variable (n : Nat) in\n"),
        ("open Nat\n  Real\nvariable {α : Type*}\n  [Group α] in\n",
         "open Nat Real in\nvariable {α : Type*} [Group α] in\n"),
        ("  open Nat\n  variable (n : Nat)\n", "open Nat in\nvariable (n : Nat) in\n"),
        ("universe u\nvariable (h : 1 = 1) -- used\ninclude h\n",
         "universe u in\nvariable (h : 1 = 1) in\ninclude h in\n"),
        ("noncomputable section Here\nvariable (s : String := \"--\")\n",
         'variable (s : String := "--") in\n'),
    ],
)  # fmt: skip
def test_commands_before_a_statement_stay_with_it(before: str, opened: str) -> None:
    end = "\nend Here" if "section" in before else ""
    posed = theorem_of({"formal_statement": f"{before}theorem t : p := by\n  sorry{end}"})
    assert (posed.statement, posed.shown) == (
        f"{opened}theorem t : p", f"{opened}theorem t : p := by",
    )  # fmt: skip


ODD: list[tuple[dict[str, Any], str]] = [
    ({}, "no field formal_statement or"),
    ({"formal_statement": None, "name": "n"}, "no field formal_statement"),
    ({"formal_statement": 7}, "cannot carry `7`"),
    ({"formal_statement": {"text": "theorem a : 1 = 1"}}, "cannot carry"),
    ({"formal_statement": []}, "no field"),
    ({"formal_statement": "theorem a : 1 = 1", "header": ["import Mathlib"]}, "header is not text"),
    ({"formal_statement": "theorem a : 1 = 1", "imports": {"Mathlib": 1}}, "no list of names"),
    ({"formal_statement": "theorem a : " + "1 = 1 ∧ " * 50_000 + "True"}, "characters are more"),
    ({"full_proof": "theorem a : 1 = 1 := by rfl\n" * 50_000}, "characters are more"),
    (
        {"full_proof": "theorem a : 1 = 1 := by rfl\ntheorem b : 1 = 1 := a"},
        "more than one theorem",
    ),
    ({"full_proof": "def a := 1\ntheorem b : a = 1 := rfl"}, "cannot carry `def a := 1`"),
    ({"formal_statement": "theorem a : 1 = 1", "name": "n" * 2_000}, "at most 1000 characters"),
    ({"formal_statement": "theorem a : 1 = 1 /- open"}, "no end"),
]


@pytest.mark.parametrize(("row", "why"), ODD, ids=range(len(ODD)))
def test_odd_rows_are_bad_records(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    good = {"name": "good", "formal_statement": "theorem g : True"}
    found = import_records("minif2f", _write(tmp_path / "odd.jsonl", [row, good]))
    assert [problem.name for problem in found.problems] == ["good"]
    [bad] = found.bad
    assert why in bad.reason and bad.where == "odd.jsonl:1"


def test_of_two_columns_the_first_with_a_value_counts(tmp_path: Path) -> None:
    rows: list[Any] = [
        {"formal_statement": "", "lean4_code": "theorem a : 1 = 1", "refined_statement": "x"},
        '{"name": "half\\ud800", "statement": "theorem b : \\"\\ud800\\" = \\"x\\""}',
        {"problem_id": None, "uuid": 0, "statement": "theorem c : 1 = 1", "split": 3},
    ]
    found = import_records("minif2f", _write(tmp_path / "two.jsonl", rows))
    assert [(p.name, p.split) for p in found.problems] == [
        ("a", ""), ("half\N{REPLACEMENT CHARACTER}", ""), ("0", "3"),
    ]  # fmt: skip


THEOREM = {
    "url": "https://example.org/orchard",
    "commit": "0" * 40,
    "file_path": "Orchard/Apple.lean",
    "full_name": "Apple.swap",
    "start": [3, 1],
    "end": [4, 20],
    "traced_tactics": [
        {
            "tactic": "rw [Nat.add_comm]",
            "annotated_tactic": [
                "rw [<a>Nat.add_comm</a>]",
                [
                    {
                        "full_name": "Nat.add_comm",
                        "def_path": ".lake/packages/lean4/src/lean/Init/Data/Nat/Basic.lean",
                        "def_pos": [1, 1],
                        "def_end_pos": [1, 9],
                    }
                ],
            ],
            "state_before": "a b : Nat\n⊢ a + b = b + a",
            "state_after": "no goals",
        }
    ],
}
CORPUS = {
    "path": "Orchard/Apple.lean",
    "imports": [".lake/packages/lean4/src/lean/Init.lean", "Orchard/Tree.lean"],
    "premises": [
        {
            "full_name": "Apple.swap",
            "code": "@[simp] protected theorem swap (a b : Nat) : a + b = b + a",
            "start": [3, 1],
            "end": [4, 20],
            "kind": "commanddeclaration",
        },
        {"full_name": "Apple.pip", "code": "def pip := 1", "start": [6, 1], "end": [6, 9]},
    ],
}


def _benchmark(folder: Path, *, corpus: bool = True) -> Path:
    split = folder / "random"
    split.mkdir(parents=True)
    broken = {**THEOREM, "full_name": "Apple.broken", "start": "?"}
    bare = {**THEOREM, "full_name": "Apple.bare", "traced_tactics": []}
    (split / "train.json").write_text(json.dumps([THEOREM, broken]))
    (split / "val.json").write_text(json.dumps([bare, 7]))
    (split / "test.json").write_text("[]")
    if corpus:
        _write(folder / "corpus.jsonl", [CORPUS])
    return split


def test_leandojo_benchmark_gives_theorems_with_tactics_and_problems(tmp_path: Path) -> None:
    found = import_records("leandojo", _benchmark(tmp_path))
    assert [(record.where, record.reason.partition(":")[0]) for record in found.bad] == [
        ("train.json[1]", "start"),
        ("val.json[1]", "not a JSON object"),
    ]
    swap, bare = found.theorems
    assert (swap.split, swap.imports) == ("train", ("Init", "Orchard.Tree"))
    [step] = swap.steps
    assert (step.before, step.after) == ("a b : Nat\n⊢ a + b = b + a", "")
    assert [(p.name, p.module) for p in step.premises] == [("Nat.add_comm", "Init.Data.Nat.Basic")]
    assert (bare.name, bare.statement, bare.steps) == ("Apple.bare", None, ())
    [problem] = found.problems
    assert problem.statement == "theorem Apple.swap (a b : Nat) : a + b = b + a"
    assert (problem.imports, problem.split) == (("Init", "Orchard.Tree"), "train")


def test_leandojo_without_a_corpus_gives_theorems_only(tmp_path: Path) -> None:
    split = _benchmark(tmp_path, corpus=False)
    found = import_records("leandojo", split / "train.json")
    assert ([t.name for t in found.theorems], found.problems) == (["Apple.swap"], [])
    with pytest.raises(InvalidRequest, match=r"no train\.json"):
        import_records("leandojo", tmp_path)


def test_popai_keeps_good_definitions_of_a_file_with_a_bad_one(tmp_path: Path) -> None:
    whole = import_records("popai", SAMPLES / "fstar_problems.json")
    assert whole.bad == []
    value = json.loads((SAMPLES / "fstar_problems.json").read_text())
    value["defs"][1].pop("name")
    damaged = tmp_path / "damaged.json"
    damaged.write_text(json.dumps(value))
    found = import_records("popai", damaged)
    assert len(found.definitions) == len(whole.definitions) - 1
    assert found.bad == [BadRecord("damaged.json[0].defs[1]", "name: Field required")]


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(command, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_the_command_writes_what_attempts_take(tmp_path: Path) -> None:
    out, theorems = tmp_path / "problems.jsonl", tmp_path / "theorems.jsonl"
    split = str(_benchmark(tmp_path / "bench"))
    code, said, errors = _run("leandojo", split, "--out", str(out), "--theorems", str(theorems))
    assert code == 1  # some were bad
    assert said == "1 problems, 2 theorems with tactics; 2 bad records left out\n"
    assert "train.json[1]: start" in errors
    [problem] = read_problems(out)
    assert problem.name == "Apple.swap"
    lines = [json.loads(line) for line in theorems.read_text().splitlines()]
    assert lines[0]["steps"][0]["premises"][0]["name"] == "Nat.add_comm"
    code, said, _ = _run("leandojo", split, "--out", str(out), "--split", "val", "--json")
    assert (json.loads(said)["problems"], json.loads(said)["theorems"]) == (0, 1)
    code, _, _ = _run("popai", str(SAMPLES / "fstar_problems.json"), "--out", str(out))
    assert code == 0
    assert read_definitions(out) == read_definitions(SAMPLES / "fstar_problems.json")


def test_files_without_a_usable_record_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    empty = _write(tmp_path / "empty.jsonl", ["{}"])
    out = tmp_path / "out.jsonl"
    with pytest.raises(InvalidRequest, match="no usable record; the first bad one, empty"):
        _run("minif2f", str(empty), "--out", str(out))
    assert not out.exists()
    (tmp_path / "object.json").write_text("{}")
    for name in ("leandojo", "popai"):
        with pytest.raises(InvalidRequest):
            import_records(name, tmp_path / "object.json")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        import_records("minif2f", tmp_path / "missing.jsonl")


def test_a_missing_library_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "lean_dojo", None)
    with pytest.raises(ToolchainMissing, match=r"aludel-proofs\[leandojo\]"):
        import_records("leandojo-repo", tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("theorem t : p := by\n  sorry", "theorem t : p"),
        ("theorem t : p :=\n", "theorem t : p"),
        ("/-- a := b -/ @[simp, norm_cast] lemma A.t {x} : p -- :=", "theorem A.t {x} : p"),
        ("theorem t (h : a = b := by rfl) : p", "theorem t (h : a = b := by rfl) : p"),
        ("theorem t", None),
        ("def t : Nat := 1", None),
    ],
)
def test_headers(text: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(UnusableText):
            declared(text)
    else:
        assert declared(text).statement == expected


def test_modules_and_preambles() -> None:
    assert module_of("Mathlib/Order/Basic.lean") == "Mathlib.Order.Basic"
    assert module_of(".lake/packages/batteries/Batteries/Data.lean") == "Batteries.Data"
    assert module_of(".lake/packages/lean4/src/lean/Init/Core.lean") == "Init.Core"
    imports, opened, rest = split_header("import A\nimport A\nopen B in\nopen C\ntheorem t : p")
    assert (imports, opened, rest) == (("A",), "open B in\nopen C in\n", "theorem t : p")
    assert Imported().bad == []
