"""The order of the portfolio's whole proofs: what covers most variants with few scripts.

    python benchmarks/portfolio_order.py VARIANTS.jsonl [--problems 40] [--premises 8]

Every candidate script is run on variants of one half of the parents, then on those of the other.
The order is greedy on the first half: the script that closes most comes first, then the one that
closes most of what is left; among equals the one that is named first below. What the first k
scripts of that order close is counted on the second half, with the scripts that need premises and
without.
``proving_premises.py`` measures the portfolio itself, by the checker's verdicts.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proving_premises import variants

from aludel.errors import SessionEnded
from aludel.goals import GoalRequest
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.prover import build_prover
from aludel.problems import TheoremProblem
from aludel.proving.portfolio import filled
from aludel.proving.premises import Library
from aludel.settings import load_settings

SCRIPTS = (
    "simp_all", "grind", "exact?", "omega", "constructor <;> simp_all", "simp_all <;> grind",
    "simp_all [{all}]", "simp_all [{1}, {2}, {3}]", "grind [{all}]", "grind [{1}, {2}, {3}]",
    "simp_all [{all}] <;> grind", "rw [{1}]; simp_all", "apply {1} <;> grind",
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


def greedy(found: Sequence[set[str]], scripts: Sequence[str]) -> list[str]:
    """Return the scripts that close more problems than those before them, best first."""
    left = list(found)
    order: list[str] = []
    while any(one & set(scripts) for one in left):
        order.append(max(scripts, key=lambda script: sum(script in one for one in left)))
        left = [one for one in left if order[-1] not in one]
    return order


def covered(found: Sequence[set[str]], order: Sequence[str]) -> list[int]:
    """Return how many problems the first, the first two, ... scripts close."""
    return [sum(bool(one & set(order[:k])) for one in found) for k in range(1, len(order) + 1)]


def shown(closed: dict[int, list[set[str]]]) -> None:
    """Print what each script closes, and what the orders cover."""
    for script in SCRIPTS:
        print(*(sum(script in one for one in closed[half]) for half in closed), script)
    for kind, scripts in {
        "without premises": [script for script in SCRIPTS if "{" not in script],
        "with premises": list(SCRIPTS),
    }.items():
        order = greedy(closed[0], scripts)
        print(kind, order)
        for half, found in closed.items():
            print(f"half {half}: {covered(found, order)} of {len(found)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", type=Path)
    parser.add_argument("--problems", type=int, default=40)
    parser.add_argument("--premises", type=int, default=8)
    asked = parser.parse_args()
    settings = load_settings()
    checker = build_prover(settings)
    goals = checker.goals()
    library = Library(checker.operations, settings.premises_dir)

    def one(problem: TheoremProblem) -> set[str]:
        helped = library.help(problem, asked.premises)
        assert isinstance(helped, TheoremProblem)
        closed = closing(goals, helped)
        print(problem.name, sorted(closed), flush=True)
        return closed

    closed: dict[int, list[set[str]]] = {}
    try:
        with ThreadPoolExecutor(checker.pool.size) as threads:
            for half in (0, 1):
                chosen = variants(asked.variants, asked.problems, half=half)
                closed[half] = list(threads.map(one, chosen))
    finally:
        checker.close()
    shown(closed)


if __name__ == "__main__":
    main()
