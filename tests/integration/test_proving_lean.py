"""The tactic portfolio with the real Lean, in process."""

from __future__ import annotations

import pytest

from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.goals import LeanGoals
from aludel.proving import SearchBudget, TacticPortfolio, TheoremProblem, best_first
from aludel.settings import Settings

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]
PROVABLE = {
    "comm": "theorem t (a b : Nat) : a + b = b + a",
    "and": "theorem t (p q r : Prop) : p ∧ (q ∧ r) → (p ∧ q) ∧ r",
    "or": "theorem t (p q : Prop) : p ∨ q → q ∨ p",
    "iff": "theorem t (p q : Prop) (hp : p) : (p → q) ↔ q",
    "append": "theorem t (l m n : List Nat) : l ++ m ++ n = l ++ (m ++ n)",
    "length": "theorem t (l : List Nat) (f : Nat → Nat) : (l.map f).length = l.length",
    "rewrite": "theorem t (f : Nat → Nat) (a b c : Nat) (h : f a = b) (k : b = c) : f (f a) = f c",
}


@pytest.mark.parametrize("name", PROVABLE)
def test_the_portfolio_proves(lean_checker: LeanChecker, name: str) -> None:
    problem = TheoremProblem(name=name, statement=PROVABLE[name])
    goals = LeanGoals(lean_checker.pool, Settings())
    found = best_first(problem, goals, TacticPortfolio(), lean_checker, SearchBudget(tactics=400))
    assert found.end == "proved", found
    assert found.verdict and found.verdict.kind == "accepted" and found.candidate
    assert found.candidate.statement == PROVABLE[name]


def test_what_does_not_hold_is_not_proved(lean_checker: LeanChecker) -> None:
    problem = TheoremProblem(name="no", statement="theorem t (a b : Nat) : a + b = a")
    goals = LeanGoals(lean_checker.pool, Settings())
    budget = SearchBudget(tactics=120, seconds=30)
    found = best_first(problem, goals, TacticPortfolio(), lean_checker, budget)
    assert found.end in ("tactics", "exhausted") and found.candidate is None
    assert found.tried <= 120 and found.duplicates >= 0
