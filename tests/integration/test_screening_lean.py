"""Screening with the real Lean: what it finds, what it cannot find, and that it says so."""

from __future__ import annotations

import pytest

from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.operations import LeanOperations, Screening, ScreenItem, ScreenTask

pytestmark = pytest.mark.lean

PROOF = """by
  have := Nat.add_comm a b
  rw [Nat.add_comm b a] at this
  exact this"""


@pytest.fixture(scope="module")
def operations(lean_checker: LeanChecker) -> LeanOperations:
    return LeanOperations(lean_checker.pool)


def look(operations: LeanOperations, statement: str, **changes: object) -> Screening:
    items = (ScreenItem(statement),)
    (found,) = operations.screen(ScreenTask(items, ("Init",), **changes)).screenings  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("statement", "tactic"),
    [
        ("theorem t : 2 ^ 3 = 8", "rfl"),
        ("theorem t (p : Prop) (h : p) : p", "assumption"),
        ("theorem t : 3 < 5 ∧ 5 ∣ 10", "decide"),
        ("theorem t (l : List Nat) : (l ++ []).length = l.length", "simp"),
        ("theorem t (a b c : Nat) (h : a < b) (k : b < c) : a + 1 < c", None),
    ],
)
def test_what_a_standard_tactic_closes_is_trivial(
    operations: LeanOperations, statement: str, tactic: str | None
) -> None:
    assert look(operations, statement).trivial == tactic


@pytest.mark.parametrize(
    ("statement", "contradictory"),
    [
        ("theorem t (b : Nat) (h : b ∈ []) : b = 0", True),  # the four shapes that Alchemy's
        ("theorem t (a : Nat) (h : 0 = 1) : a = 2", True),  # demonstration kept
        ("theorem t (a b : Nat) (h : a < b) (k : b < a) : a = 2", True),
        ("theorem t (l : List Nat) (h : l.length < 0) : l = [1]", True),
        ("theorem t (a b : Nat) (h : a < b) (k : b < a + 2) : b = a + 1", False),
        ("theorem t (a b : Nat) (h : a < b) (k : b < a) : False", False),  # it says so itself
        ("theorem t (a b : Nat) : a + b = b + a", False),
    ],
)
def test_hypotheses_that_contradict_each_other_are_vacuous(
    operations: LeanOperations, statement: str, contradictory: bool
) -> None:
    assert (look(operations, statement).vacuous is not None) == contradictory


def test_the_target_under_reducible_definitions_is_unchanged(operations: LeanOperations) -> None:
    same = "theorem t {n : Nat} (h : n = 0 → False) : n > n - 1"
    assert look(operations, same, target="Nat.sub_one_lt").unchanged
    other = "theorem t {n : Nat} (h : 0 ≠ n) : n - 1 < n"
    assert not look(operations, other, target="Nat.sub_one_lt").unchanged
    assert not look(operations, same).unchanged


def test_hypotheses_that_nobody_uses_are_named(operations: LeanOperations) -> None:
    statement = "theorem t (a b c : Nat) (h : a < b) (k : b < c) (i : c < 9) (l : 0 < a) : a < c"
    proof = "by\n  exact Nat.lt_trans h k"
    items = (ScreenItem(statement, "t", proof), ScreenItem(statement))
    proved, bare = operations.screen(ScreenTask(items, ("Init",))).screenings
    assert proved.unused == ("i", "l")
    assert bare.unused == ()  # without a proof nothing is known


def test_a_budget_that_ran_out_is_no_answer_and_said_so(operations: LeanOperations) -> None:
    chain = " ".join(f"(h{i} : a{i} < a{i + 1})" for i in range(12))
    names = " ".join(f"a{i}" for i in range(13))
    statement = f"theorem t ({names} : Nat) {chain} (k : a12 < a0) : a0 = 7"
    little = look(operations, statement, budget=10)
    assert little.vacuous is None
    assert "(exfalso; omega)" in little.exhausted
    enough = look(operations, statement, budget=50_000)
    assert enough.vacuous == "(exfalso; omega)"
    assert enough.exhausted == ()


def test_ancestors_are_elaborated_first(operations: LeanOperations) -> None:
    ancestor = "theorem mine (a b : Nat) : b + a = a + b := Nat.add_comm b a\n"
    same = "theorem t (x y : Nat) : y + x = x + y"
    assert look(operations, same, preamble=ancestor, target="mine").unchanged
    with pytest.raises(InvalidRequest) as caught:
        look(operations, same, preamble="theorem mine : 1 = 2 := rfl")
    assert caught.value.field == "preamble"


def test_what_does_not_elaborate_is_an_answer_of_its_own(operations: LeanOperations) -> None:
    items = (ScreenItem("theorem t (a : Nope) : a = a"), ScreenItem("theorem t : 1 = 2 ∨ 2 = 2"))
    wrong, right = operations.screen(ScreenTask(items, ("Init",))).screenings
    assert wrong.error is not None
    assert right.error is None
