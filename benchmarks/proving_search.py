"""Stepping against replaying, and how much of a search is spent in Lean.

    python benchmarks/proving_search.py [--depth 40] [--json]

The first part builds one proof of many cheap steps and measures states per second: by a session,
and by running the whole prefix again for each state. The second part searches for proofs of a few
theorems with the tactic portfolio, without premises and with eight for each state, and reports the
share of wall time spent waiting for Lean.
"""

from __future__ import annotations

import argparse
import json
import time

from aludel.goals import GoalRequest
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.operations import LeanOperations
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.models import LeanContext
from aludel.proving import SearchBudget, TacticPortfolio, TheoremProblem, best_first
from aludel.proving.premises import Library, PremisedTactics
from aludel.settings import load_settings

LONG = "theorem long (a b : Nat) : a + b = b + a"
PROBLEMS = (
    "theorem t (p q r : Prop) : p ∧ (q ∧ r) → (p ∧ q) ∧ r",
    "theorem t (p q : Prop) : p ∨ q → q ∨ p",
    "theorem t (p q : Prop) (hp : p) : (p → q) ↔ q",
    "theorem t (l m n : List Nat) : l ++ m ++ n = l ++ (m ++ n)",
    "theorem t (f : Nat → Nat) (a b c : Nat) (h : f a = b) (k : b = c) : f (f a) = f c",
    "theorem t (a b : Nat) : a + b = a",
)


def stepping(goals: LeanGoals, operations: LeanOperations, depth: int) -> dict[str, float]:
    """Return states per second by a session, and by replaying every prefix."""
    tactics = [f"have h{n} : a + {n} = {n} + a := Nat.add_comm _ _" for n in range(depth)]
    context = LeanContext(imports=("Init",))
    state = goals.open(GoalRequest(context=context, statement=LONG))
    began = time.perf_counter()
    for tactic in tactics:
        [step] = goals.step(state.session, state.state, [tactic])
        assert step.state is not None, step.error
        state = step.state
    by_session = depth / (time.perf_counter() - began)
    goals.close(state.session)
    began = time.perf_counter()
    for end in range(1, depth + 1):
        found = operations.goals(LONG, tuple(tactics[:end]), ("Init",))
        assert found.error is None, found.error
    by_replay = depth / (time.perf_counter() - began)
    return {"states_per_s_session": by_session, "states_per_s_replay": by_replay}


def searching(
    goals: LeanGoals, checker: LeanProver, library: Library, premises: int
) -> dict[str, float]:
    """Return what searches cost in all, retrieval of premises included."""
    budget = SearchBudget(tactics=150)
    found = []
    for number, statement in enumerate(PROBLEMS):
        problem = TheoremProblem(name=str(number), statement=statement)
        generator = PremisedTactics(TacticPortfolio(), library, problem, premises)
        found.append(best_first(problem, goals, generator, checker, budget))
    wall = sum(result.wall_s for result in found)
    return {
        "problems": len(found),
        "proved": sum(result.end == "proved" for result in found),
        "tactics": sum(result.tried for result in found),
        "tactics_per_s": sum(result.tried for result in found) / wall,
        "states_expanded_per_s": sum(result.expanded for result in found) / wall,
        "prover_share": sum(result.prover_s for result in found) / wall,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    settings = load_settings().model_copy(update={"pool_size": 1})
    checker = build_prover(settings)
    try:
        checker.pool.warm_up()
        goals = checker.goals()
        operations = checker.operations
        library = Library(operations, settings.premises_dir)
        library.find("+ =", ("Init",), 1)  # the index is made once, not by each search
        figures = stepping(goals, operations, options.depth)
        for premises in (0, 8):
            found = searching(goals, checker, library, premises)
            figures |= {f"{name}, {premises} premises": value for name, value in found.items()}
    finally:
        checker.close()
    rounded = {name: round(value, 4) for name, value in figures.items()}
    if options.json:
        print(json.dumps(rounded))
        return
    for name, value in rounded.items():
        print(f"{name:36} {value}")


if __name__ == "__main__":
    main()
