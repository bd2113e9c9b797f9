"""What premises add to the portfolio: held-out variants, and theorems of the library.

    python benchmarks/proving_premises.py VARIANTS.jsonl [--problems 100] [--seed 0]
        [--premises 8] [--tactics 60] [--only variants|library] [--json]

VARIANTS.jsonl is what ``aludel mutate`` or ``aludel demo`` leaves in its folder. Variants are taken
from each parent in turn, of the parents that the portfolio's order was not chosen on. Theorems of
the library are drawn by the seed; since Lean has them at hand, an accepted proof counts only if its
term does not mention the theorem itself. Each set is attempted by whole proofs and by best-first
search, without premises and with them. Budgets are in tactics and heartbeats, so that the shares do
not depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aludel.attempt_figures import compare, pass_table
from aludel.attempts import AttemptOptions, ProblemOutcome, SearchBudget
from aludel.deadline import Deadline
from aludel.generators import Portfolio
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.operations import LeanOperations
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.models import CheckRequest, Rejected, RejectReason, Toolchain, Verdict
from aludel.problems import Problem, TheoremProblem
from aludel.protocols import Checker
from aludel.proving.attempting import Attempt, Done, attempt_all
from aludel.proving.build import Generators, attempt_with, open_generators
from aludel.proving.premises import MADE, Library
from aludel.records import VariantRecord
from aludel.settings import load_settings

INIT = ("Init",)
KS = (1, 2, 4, 8)


def variants(path: Path, count: int, *, half: int) -> list[TheoremProblem]:
    """Return variants of each parent in turn, of the parents in one half (0 or 1) of all."""
    by_parent: dict[str, list[VariantRecord]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        record = VariantRecord.model_validate_json(line)
        digest = hashlib.sha256(record.parents[0].encode()).digest()
        if not record.preamble and digest[0] % 2 == half:
            by_parent[record.parents[0]].append(record)
    turns = range(max((len(found) for found in by_parent.values()), default=0))
    order = [found[n] for n in turns for found in by_parent.values() if n < len(found)]
    return [TheoremProblem(name=r.name, statement=r.statement) for r in order[:count]]


def library_theorems(operations: LeanOperations, count: int, seed: int) -> list[TheoremProblem]:
    """Return theorems of Init under another name; the problem's name is the theorem's own."""
    names = [name for name in operations.theorem_names(INIT) if not MADE.search(name)]
    drawn = random.Random(seed).sample(names, min(len(names), 2 * count))  # noqa: S311
    printed = operations.restate(tuple(drawn), INIT)
    headers = {theorem.name: theorem.header for theorem in printed if theorem.header}
    return [
        TheoremProblem(name=name, statement=f"theorem held_out {headers[name].lstrip()}")
        for name in drawn
        if name in headers
    ][:count]


@dataclass(frozen=True)
class NotItself:
    """A checker that refuses proofs whose term mentions one theorem."""

    checker: LeanProver
    theorem: str

    @property
    def toolchain(self) -> Toolchain:
        return self.checker.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        verdict = self.checker.check(request)
        if verdict.kind != "accepted" or self.theorem not in constants(self.checker.pool, request):
            return verdict
        message = f"the proof rests on {self.theorem}"
        return Rejected(hash=verdict.hash, reason=RejectReason.FORBIDDEN_CONSTRUCT, message=message)

    def close(self) -> None:
        pass


def constants(pool: LeanPool, request: CheckRequest) -> set[str]:
    """Return the constants that an accepted candidate's term mentions."""
    body = {"imports": list(INIT), "options": {}, "statement": request.statement,
            "code": request.code, "terms": True}  # fmt: skip
    with pool.lease(INIT, Deadline.after(600)) as process:
        terms = process.ask("check", body, Deadline.after(120)).result["terms"]
    assert terms is not None, "larger than 12 MB"
    names = [""]
    for parent, part in terms["names"][1:]:
        names.append(f"{names[parent]}.{part}" if names[parent] else str(part))
    return {names[entry[1]] for entry in terms["exprs"] if entry[0] == "c"}


@dataclass(frozen=True)
class Bench:
    checker: LeanProver
    goals: LeanGoals
    library: Library
    generators: Generators
    itself: bool

    def run(
        self, problems: Sequence[TheoremProblem], options: AttemptOptions
    ) -> list[ProblemOutcome]:
        """Attempt every problem; the outcomes in the problems' order."""
        made = attempt_all(problems, self._attempt(options), frozenset(), self.checker.pool.size)
        found = {outcome.problem: outcome for outcome, _ in made}
        return [found[problem.name] for problem in problems]

    def _attempt(self, options: AttemptOptions) -> Attempt:
        def attempt(problem: Problem) -> Done:
            judge: Checker = self.checker
            if self.itself:
                judge = NotItself(self.checker, problem.name)
            return attempt_with(self.generators, options, judge, self.goals, self.library)(problem)

        return attempt


def measured(
    bench: Bench, problems: Sequence[TheoremProblem], asked: argparse.Namespace
) -> dict[str, Any]:
    """Return the figures of one set of problems."""
    budget = SearchBudget(tactics=asked.tactics, seconds=600, heartbeats=asked.heartbeats)
    shown: dict[str, Any] = {"problems": len(problems)}
    for search in ("sample", "best_first"):
        runs = []
        for premises in (0, asked.premises):
            options = AttemptOptions(search=search, premises=premises, budget=budget)
            runs.append(bench.run(problems, options))
            name = f"{search}, {premises} premises"
            shown[name] = {
                "pass": {k: e.model_dump() for k, e in pass_table(runs[-1], KS).items()},
                "proved": sum(o.accepted > 0 for o in runs[-1]),
                "tried": sum(o.tried for o in runs[-1]),
                "wall_s": round(sum(o.wall_s for o in runs[-1]), 1),
                "prover_s": round(sum(o.prover_s for o in runs[-1]), 1),
            }
            print(json.dumps({name: shown[name]}), flush=True)
        found = compare(*runs)
        shown[f"{search}, compared"] = {
            "only_without": len(found.only_first),
            "only_with": len(found.only_second),
            "p": round(found.p_value, 4),
        }
        print(json.dumps(shown[f"{search}, compared"]), flush=True)
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", type=Path)
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--premises", type=int, default=8)
    parser.add_argument("--tactics", type=int, default=60)
    parser.add_argument("--heartbeats", type=int, default=20_000)
    parser.add_argument("--only", choices=["variants", "library"])
    asked = parser.parse_args()
    settings = load_settings()
    checker = build_prover(settings)
    operations = checker.operations
    library = Library(operations, settings.premises_dir)
    goals = checker.goals()
    try:
        checker.pool.warm_up()
        with open_generators(Portfolio()) as generators:
            if asked.only != "library":
                bench = Bench(checker, goals, library, generators, itself=False)
                chosen = variants(asked.variants, asked.problems, half=1)
                print(json.dumps({"variants": measured(bench, chosen, asked)}))
            if asked.only != "variants":
                bench = Bench(checker, goals, library, generators, itself=True)
                drawn = library_theorems(operations, asked.problems, asked.seed)
                print(json.dumps({"library": measured(bench, drawn, asked)}))
    finally:
        checker.close()


if __name__ == "__main__":
    main()
