"""Disproofs on the real Lean: false statements of many forms, true ones, and the page's lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from aludel.cli.main import cli
from aludel.disproofs import DisproofRequest, disprove
from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.receipts import Receipt, differences

pytestmark = pytest.mark.lean
PAGE = Path(__file__).parents[2] / "docs/how-to/disprove-statements.md"

FALSE = [
    "theorem t (a b : Nat) : a - b + b = a",
    "theorem t (n : Nat) (h : 0 < n) : n < 5",
    "theorem t.{u} {α : Type u} (xs ys : List α) : xs ++ ys = ys ++ xs",
    "theorem t {α : Type _} (xs ys : List α) : xs ++ ys = ys ++ xs",
    "theorem t : ∃ n : Nat, n < 0",
    "theorem t (p q : Prop) (h : p → q) : q → p",
    "theorem t (b : Bool) : b",
    "theorem t (x : Int) : 0 ≤ x",
    "theorem t (f : Nat → Nat) (h : ∀ x y, f x = f y → x = y) : f 0 = 0",
    "theorem t : ∀ n : Nat, n * n ≠ 10 * n",
    "theorem t (x : Fin 3) (y : BitVec 8) : x.val = y.toNat",
    "open Nat in\ntheorem Nat.t (n : Nat) : succ n = n",
    "theorem t (s : String) : s.length = 0",
]


@pytest.mark.parametrize("statement", FALSE)
def test_a_false_statement_is_disproved(lean_checker: LeanChecker, statement: str) -> None:
    found = disprove(DisproofRequest(statement=statement), lean_checker.check)
    assert found.outcome == "statement_false" and found.verdict is not None
    assert found.verdict.kind == "accepted"
    assert len(found.verdict.evidence.kernels) == 2


@pytest.mark.parametrize(
    "statement",
    ["theorem t (a b : Nat) : a + b = b + a", "theorem t (n : Nat) (h : n < 0) : n = 7"],
)
def test_a_true_statement_is_not(lean_checker: LeanChecker, statement: str) -> None:
    found = disprove(DisproofRequest(statement=statement), lean_checker.check)
    assert (found.outcome, found.verdict) == ("not_found", None)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("theorem t (x : Foo) : x = x", "Foo"),
        ("theorem t : True) ∧ (False", "brackets"),
        ("theorem t : 1 +", "incomplete header"),
        ("theorem t (h : by run_tac pure ()) : False", "run_tac"),
    ],
)
def test_what_is_no_statement_is_an_error(
    lean_checker: LeanChecker, statement: str, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        disprove(DisproofRequest(statement=statement), lean_checker.check)


def test_an_unknown_import_is_an_error(lean_checker: LeanChecker) -> None:
    with pytest.raises(InvalidRequest, match="No"):
        disprove(DisproofRequest(statement=FALSE[0], imports=("No.Such",)), lean_checker.check)


def test_a_receipt_of_the_negation(shared_lean: None, tmp_path: Path) -> None:
    paper = tmp_path / "receipt.json"
    words = ["disprove", FALSE[0], "--imports", "Std", "--receipt", str(paper)]
    assert CliRunner().invoke(cli, words, standalone_mode=False).return_value == 0
    receipt = Receipt.model_validate_json(paper.read_text("utf-8"))
    assert differences(receipt) == [] and receipt.verdict.kind == "accepted"
    assert receipt.request.statement == "theorem t.negation : ¬ (∀ (a b : Nat), a - b + b = a)"


def test_the_page(shared_lean: None, capsys: pytest.CaptureFixture[str]) -> None:
    text = PAGE.read_text("utf-8")
    shown = re.findall(r"\$ aludel disprove '([^']*)'\n(.*?)(?=\$|```)", text, re.S)
    assert len(shown) == 2
    for statement, output in shown:
        done = CliRunner().invoke(cli, ["disprove", statement], standalone_mode=False)
        assert done.output == output
    [block] = re.findall(r"```python\n(.*?)```", text, re.S)
    exec(block, {})  # noqa: S102 - the documentation's own lines
    assert capsys.readouterr().out == "statement_false t.negation\n"
