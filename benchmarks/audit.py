"""Audits of a file of statements, many in one request, against one question after the other.

    python benchmarks/audit.py [FILE] [--count 120] [--json]

Statements per core-second, all checks, on one Lean process; FILE is a sample of the demo's kind of
variants by default. The baseline asks what a program without the operation has to ask: each
question about each statement in a request of its own (screen it; screen it where Lean binds no
names; screen its negation; read the proof that was found). Where both answer, the answers to
trivial and vacuous are compared.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aludel.auditing import LeanAuditor
from aludel.auditing.lean import AT_ONCE, Asked, read
from aludel.audits import Answer, AuditRow
from aludel.lean_checker.examining import AuditResult, AuditTask
from aludel.lean_checker.operations import (
    LeanOperations,
    Screening,
    ScreenItem,
    ScreenResult,
    ScreenTask,
)
from aludel.lean_checker.prover import build_prover
from aludel.problems import TheoremProblem, read_problems
from aludel.settings import load_settings

SAMPLE = Path(__file__).parents[1] / "docs" / "results" / "mutation-init-std" / "sample.jsonl"
IMPORTS = ("Init", "Std")
STRICT = "set_option autoImplicit false"


@dataclass
class Cost:
    """The cost of a way, over ``statements``."""

    statements: int = 0
    requests: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0

    def figures(self, name: str) -> dict[str, float]:
        return {
            f"{name}: requests": self.requests,
            f"{name}: statements/core-s": self.statements / self.cpu_s,
            f"{name}: core-s/statement": self.cpu_s / self.statements,
            f"{name}: statements/s": self.statements / self.wall_s,
        }


class Metered:
    """A source that adds up what its answers cost."""

    def __init__(self, operations: LeanOperations, cost: Cost) -> None:
        self._operations = operations
        self.cost = cost

    def audit(self, task: AuditTask) -> AuditResult:
        result = self._operations.audit(task)
        self.cost.requests += 1
        self.cost.cpu_s += result.usage.cpu_s or 0.0
        return result


def by_questions(operations: LeanOperations, asked: Asked, cost: Cost) -> Screening:
    """Ask everything about one statement, each question by itself."""

    def screen(item: ScreenItem, preamble: str = "", budget: int = 5_000) -> Screening:
        task = ScreenTask((item,), asked.imports, preamble=preamble, budget=budget)
        result = operations.screen(task)
        assert isinstance(result, ScreenResult), result
        cost.requests += 1
        cost.cpu_s += result.usage.cpu_s or 0.0
        return result.screenings[0]

    name = asked.text.split("theorem ", 1)[1].split()[0]
    found = screen(ScreenItem(asked.text, name, "sorry"))
    screen(ScreenItem(asked.text), STRICT, 0)
    if found.trivial is None and found.vacuous is None:
        screen(ScreenItem(f"theorem negation : ¬ (type_of% @{name})"), f"{asked.text} := sorry\n")
    if found.unused:
        proof = f"by intros; first | {found.trivial or 'omega'} | (simp_all <;> omega)"
        screen(ScreenItem(asked.text, name, proof), budget=1)
    return found


def one_by_one(
    operations: LeanOperations, problems: Sequence[TheoremProblem]
) -> tuple[list[Screening], Cost]:
    began, cost = time.perf_counter(), Cost(len(problems))
    asked = [read(problem.statement, problem.imports) for problem in problems]
    found = [by_questions(operations, one, cost) for one in asked]
    cost.wall_s = time.perf_counter() - began
    return found, cost


def together(
    operations: LeanOperations, problems: Sequence[TheoremProblem]
) -> tuple[list[AuditRow], Cost]:
    began, cost = time.perf_counter(), Cost(len(problems))
    rows = LeanAuditor(Metered(operations, cost), 1).audit(problems)
    cost.wall_s = time.perf_counter() - began
    return rows, cost


def differences(rows: Sequence[AuditRow], screened: Sequence[Screening]) -> int:
    """How many answers to trivial and vacuous are not the same by both ways."""
    found = 0
    for row, other in zip(rows, screened, strict=True):
        assert row.audit is not None, row
        found += (row.audit.trivial.answer is Answer.YES) != (other.trivial is not None)
        found += (row.audit.vacuous.answer is Answer.YES) != (other.vacuous is not None)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, default=SAMPLE)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    problems = [
        problem.model_copy(update={"imports": IMPORTS})
        for problem in read_problems(options.file)[: options.count]
    ]
    prover = build_prover(load_settings().model_copy(update={"pool_size": 1}))
    try:
        operations = prover.operations
        together(operations, problems[:AT_ONCE])  # the process starts, and is warm
        one_by_one(operations, problems[:4])
        rows, fast = together(operations, problems)
        screened, slow = one_by_one(operations, problems)
    finally:
        prover.close()
    figures = {
        "statements": len(problems),
        **fast.figures("together"),
        **slow.figures("one question at a time"),
        "ratio of core-seconds": slow.cpu_s / fast.cpu_s,
        "differences": differences(rows, screened),
    }
    rounded = {name: float(f"{value:.4g}") for name, value in figures.items()}
    print(json.dumps(rounded) if options.json else rounded)


if __name__ == "__main__":
    main()
