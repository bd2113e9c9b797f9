"""Audits with the real Lean: statements of ours with known faults, and the page on it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from console import commands_of, matches
from live_api import live_api

from aludel.auditing import LeanAuditor
from aludel.audits import Audit, AuditRow
from aludel.cli.main import cli
from aludel.lean import Lean
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.operations import LeanOperations
from aludel.problems import TheoremProblem
from aludel.provers import build_prover
from aludel.settings import Settings

pytestmark = [
    pytest.mark.lean,
    pytest.mark.timeout(600),
    pytest.mark.usefixtures("shared_lean"),
]

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"
PAGE = ROOT / "docs" / "how-to" / "audit-statements.md"
UNUSED = {"unused_hypotheses", "unused_variables"}


def run(*words: str) -> Result:
    done = CliRunner().invoke(cli, ["audit", *words], standalone_mode=False)
    assert done.exception is None, done.exception
    return done


def rows_in(folder: Path) -> list[AuditRow]:
    text = (folder / "audits.jsonl").read_text("utf-8")
    return [AuditRow.model_validate_json(line) for line in text.split("\n") if line]


def test_every_known_fault_is_found_and_no_clean_statement_has_one(tmp_path: Path) -> None:
    """60 statements: 12 of each of four kinds, and 12 without a fault."""
    file = DATA / "audit_statements.jsonl"
    known: list[dict[str, Any]] = [
        json.loads(line) for line in file.read_text("utf-8").splitlines()
    ]
    counted = Counter(one["fault"] for one in known)
    assert set(counted.values()) == {12} and len(counted) == 5
    run(str(file), "--out", str(tmp_path / "out"))
    for one, row in zip(known, rows_in(tmp_path / "out"), strict=True):
        found = {"unused" if name in UNUSED else name for name in row.faults}
        assert found == ({one["fault"]} - {"clean"}), (one, row.faults)


def test_thirty_statements_in_the_form_of_competitions(tmp_path: Path) -> None:
    done = run(str(DATA / "competition_statements.jsonl"), "--out", str(tmp_path / "out"), "--json")
    report = json.loads(done.stdout)
    assert report["problems"] == 30 and report["refused"] == 0
    assert report["faults"]["broken"] == report["faults"]["false"] == 0
    assert report["faults"]["vacuous"] == report["faults"]["auto_bound"] == 0
    assert (tmp_path / "out" / "report.html").exists()


@pytest.fixture(scope="module")
def operations(lean_checker: LeanChecker) -> LeanOperations:
    return LeanOperations(lean_checker.pool)


CASES = [
    ("theorem t : 1 = sorry", "sorry", ("sorry",)),
    ("theorem t (n : Nat) : n = 1", "false", None),
    ("theorem t (l m : List Nat) : l ++ m = m ++ l", "false", None),
    ("theorem t (x : Int) (h : x * x = 4) : x = 2", "false", None),
    ("theorem t : 2 + 2 = 5", "false", ("decide",)),
    ("theorem t (p q : Prop) (h : p → q) : q → p", "false", None),
    ("theorem t.{u} {α : Type u} (l m : List α) : l ++ m = m ++ l", "false", None),
    ("theorem t (a b : Nat) (h : ∀ x, a < x + 1) : a = b", "false", None),
    ("theorem t : Nope", "broken", None),
    ("theorem t (n : Nat) : n = n theorem u : True", "broken", None),
    ("local notation \"N\" => Nat\ntheorem t (n : N) : n = n", "own_notation", None),
    ("theorem t (n : Nat) (h : n = n) : True ∧ n = n", "trivial", None),
    ("theorem t (a b c : Nat) (h : a < b) (k : c < 5) : a ≤ b", "unused_hypotheses", ("k",)),
]  # fmt: skip
CLEAN = [
    "theorem t (x : Empty) (p : Prop) : p ∨ 1 = 2",  # that there is such a thing is of use
    "theorem t {α : Type} (a : α) (p : α → Prop) (h : ∀ x, p x) : ∃ x, p x",
    "theorem t (n : Nat) (v : Fin n → Nat) (i : Fin n) (h : ∀ j, v j < n) : 0 < n",
    "theorem t (a b : Nat) (h : a < b) (k : b < a) : False",  # it says so itself
    'theorem t (n : Nat) : ("sorry" ++ toString n).length = 5 + (toString n).length /- sorry -/',
]


def test_the_other_faults_and_what_looks_like_one(operations: LeanOperations) -> None:
    texts = [text for text, _, _ in CASES] + CLEAN
    problems = [TheoremProblem(name=f"t{n}", statement=text) for n, text in enumerate(texts)]
    rows = LeanAuditor(operations, 2).audit(problems)
    for (text, fault, by), row in zip(CASES, rows, strict=False):
        assert fault in row.faults, (text, row)
        assert by is None or row.faults[fault].by == by, (text, row)
    for text, row in zip(CLEAN, rows[len(CASES) :], strict=True):
        assert set(row.faults) <= {"trivial"}, (text, row)


HOSTILE = [
    '#eval IO.FS.writeFile "x" "y"\ntheorem t : 1 = 1',
    "theorem t : (by exact (1 : Nat)) = 1",
    "theorem t : run_tac do throwError \"x\"",
    "theorem t (n : Nat) : (by run_tac (do IO.Process.exit 0)) = n",
    "theorem t : " + "(" * 3_000 + "1 = 1" + ")" * 3_000,
    "theorem t : " + " ∧ ".join(f"{n} = {n}" for n in range(2_000)),
    "theorem t " + " ".join(f"(a{n} : Nat)" for n in range(300)) + " : a1 = a1",
    "set_option maxHeartbeats 0 in\ntheorem t : 2 ^ 100000000 = 1",
    "theorem t : (List.range 100000000).length = 100000000",
    "theorem t : (inferInstanceAs (Decidable (Nat.repr (10 ^ 1000000) = \"\"))) = isTrue h",
    "theorem t (h : \u202e1 = 2) : \u2066 False",
]  # fmt: skip


def test_a_statement_cannot_hide_a_name_that_lean_bound(operations: LeanOperations) -> None:
    ghost = "theorem t (x : Nope) (f : Nope → Nat) : f x = 0 ∨ 0 < f x"
    texts = [
        f"set_option autoImplicit true in\nset_option relaxedAutoImplicit true in\n{ghost}",
        "theorem t.{u} {α : Type u} {β : Type v} (f : α → β) (x : α) : f x = f x",
        "theorem t.{u} {α : Type u} (x : α) : [x] ≠ []",
    ]
    problems = [TheoremProblem(name=f"t{n}", statement=text) for n, text in enumerate(texts)]
    rows = LeanAuditor(operations, 2).audit(problems)
    found = [row.audit.auto_bound for row in rows if row.audit is not None]
    assert [one.answer for one in found] == ["undecided", "yes", "no"]
    assert found[1].by == ("v",)


def test_hostile_statements_cost_themselves_alone(operations: LeanOperations) -> None:
    fine = TheoremProblem(name="fine", statement="theorem t : 1 + 1 = 2")
    problems = [fine]
    for n, text in enumerate(HOSTILE):
        problems += [TheoremProblem(name=f"h{n}", statement=text), fine]
    rows = LeanAuditor(operations, 2).audit(problems, wall_s=15.0)
    assert len(rows) == len(problems)
    for row in rows[::2]:
        assert row.audit is not None and row.audit.trivial.by == ("rfl",)


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shown = commands_of(PAGE.read_text("utf-8"))
    done: Result | None = None
    with live_api(
        Settings(data_dir=tmp_path / "data", pool_size=2),
        build_prover,
        auditor=lambda prover: LeanAuditor(prover.operations, 2),
    ) as api:
        for command in shown:
            line, _, _ = command.line.replace("http://localhost:8321", api.url).partition(" || ")
            line, _, into = line.partition(" > ")
            program, *words = line.split()
            if program == "cat":
                Path(words[0]).write_text("".join(f"{one}\n" for one in command.shown), "utf-8")
                continue
            assert (program, words[0]) == ("aludel", "audit")
            done = run(*words[1:])
            code = f"exit {done.return_value}\n" if done.return_value else ""
            assert matches(command.shown, ("" if into else done.stdout) + code), done.stdout
    assert [command.line.split()[0] for command in shown] == ["cat", *["aludel"] * 3]
    report = json.loads(done.stdout) if done is not None else {}
    assert report["faults"]["duplicate"] == 1 and Path("served", "report.html").exists()


def test_lean_in_this_process_audits_one_and_many() -> None:
    text = "theorem t (a b : Nat) (h : a < b) (k : b < a) : a = 7"
    with Lean() as lean:
        found = lean.audit(text)
        rows = lean.audit_many([TheoremProblem(name="a", statement=text)] * 2)
    assert isinstance(found, Audit) and found.vacuous.by == ("(exfalso; omega)",)
    assert "duplicate" in rows[1].faults and "duplicate" not in rows[0].faults
