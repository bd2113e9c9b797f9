"""The order of the portfolio's whole proofs: what covers most variants with few scripts.

    python benchmarks/portfolio_order.py VARIANTS.jsonl [--problems 40] [--premises 8]

Every candidate script is run on variants of one half of the parents; ``proving_premises.py``
measures on the other half. The order is greedy: the script that closes most comes first, then the
one that closes most of what is left; among equals the one that is named first below.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proving_premises import variants

from aludel.errors import SessionEnded
from aludel.goals import GoalRequest
from aludel.problems import TheoremProblem
from aludel.settings import load_settings
from lean_checker.checker import build_checker
from lean_checker.goals import LeanGoals
from lean_checker.operations import LeanOperations
from proving.portfolio import filled
from proving.premises import Library

SCRIPTS = (
    "rfl", "omega", "decide", "simp_all", "grind", "exact?", "solve_by_elim",
    "constructor <;> simp_all", "split <;> simp_all", "simp_all <;> grind", "intros; exact?",
    "simp_all [{all}]", "simp_all [{1}, {2}, {3}]", "grind [{all}]", "grind [{1}, {2}, {3}]",
    "simp_all [{all}] <;> grind", "rw [{1}]; simp_all", "rw [← {1}]; simp_all",
    "apply {1} <;> simp_all", "apply {1} <;> grind",
)  # fmt: skip


def closing(goals: LeanGoals, problem: TheoremProblem) -> set[str]:
    """Return the scripts that close a statement; one that ends the session does not."""
    request = GoalRequest(statement=problem.statement, heartbeats=20_000, wall_s=60)
    state = goals.open(request)
    found = set()
    names = [premise.name for premise in problem.premises]
    for script in SCRIPTS:
        text = filled(script, names)
        if text is None:
            continue
        try:
            [step] = goals.step(state.session, state.state, [f"({text})"])
        except SessionEnded:
            state = goals.open(request)
            continue
        if step.state is not None and step.state.finished:
            found.add(script)
    goals.close(state.session)
    return found


def greedy(found: Sequence[set[str]]) -> list[tuple[str, int]]:
    """Return scripts with how many more problems each closes."""
    left = list(found)
    order: list[tuple[str, int]] = []
    while any(left):
        best = max(SCRIPTS, key=lambda script: sum(script in one for one in left))
        order.append((best, sum(best in one for one in left)))
        left = [one for one in left if best not in one]
    return order


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", type=Path)
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--premises", type=int, default=8)
    asked = parser.parse_args()
    settings = load_settings()
    checker = build_checker(settings)
    goals = LeanGoals(checker.pool, settings)
    library = Library(LeanOperations(checker.pool), settings.cache_dir.expanduser() / "premises")

    def one(problem: TheoremProblem) -> set[str]:
        helped = library.help(problem, asked.premises)
        assert isinstance(helped, TheoremProblem)
        closed = closing(goals, helped)
        print(problem.name, sorted(closed), flush=True)
        return closed

    try:
        chosen = variants(asked.variants, asked.problems, half=0)
        with ThreadPoolExecutor(checker.pool.size) as threads:
            found = list(threads.map(one, chosen))
    finally:
        checker.close()
    for script in SCRIPTS:
        print(sum(script in closed for closed in found), script)
    print("greedy:", greedy(found))


if __name__ == "__main__":
    main()
