"""The index of lemmas against brute force, with the real Lean.

``python benchmarks/mutation_index.py [--seed N] [--rules rw,apply]`` takes 30 fixed theorems and
10 chosen by the seed. On each it finds every step that a lemma of the import set allows twice: by
asking the index, and as Alchemy does (ICLR 2025, Alg. 1-2), by trying every lemma at every position
in both directions. Both carry out a step with the same code; what differs is what they try. It
prints a table on stderr and, last, one JSON line on stdout, and exits with 1 when the index missed
a step.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from aludel.lean_checker.answers import Match
from aludel.lean_checker.operations import LeanOperations, MutationTask
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.toolchains import find_toolchain
from aludel.settings import load_settings

IMPORTS = ("Init",)
RANDOM_THEOREMS = 10
EVERYTHING = 10**9
WALL_S = 1_800.0
Method = Literal["index", "brute"]
FIXED = (
    "Nat.add_assoc", "Nat.add_comm", "Nat.sub_add_cancel", "Nat.lt_of_lt_of_le",
    "Nat.le_antisymm", "Nat.mul_le_mul", "Nat.mod_lt", "Nat.div_add_mod", "Nat.pos_of_ne_zero",
    "Nat.gcd_comm", "Int.add_comm", "Int.emod_nonneg", "Int.mul_bmod_right",
    "Int.le_of_lt_add_one", "Int.sub_nonneg", "List.map_append", "List.length_append",
    "List.mem_cons", "List.filter_append", "List.ofFnM_succ", "List.cons_perm_iff_perm_erase",
    "Array.size_push", "Option.some_inj", "Bool.and_comm", "Bool.bne_assoc", "BitVec.toNat_eq",
    "BitVec.getMsb?_eq_getLsb?", "UInt32.toInt32_neg", "Fin.val_lt_of_le",
    "Lean.Grind.CommRing.Poly.mulConst_NonnegCoeffs",
)  # fmt: skip
"""One to three hypotheses, or none; equations, orders, equivalences; ten namespaces."""


@dataclass(frozen=True)
class Found:
    """Findings of one method on one theorem, and their cost."""

    steps: frozenset[Match]
    attempts: int
    core_s: float


@dataclass(frozen=True)
class Comparison:
    """Both methods on one theorem."""

    theorem: str
    brute: Found
    index: Found

    @property
    def missed(self) -> frozenset[Match]:
        """Steps that only brute force found."""
        return self.brute.steps - self.index.steps


def find(operations: LeanOperations, theorem: str, rules: tuple[str, ...], method: Method) -> Found:
    task = MutationTask(
        target=theorem,
        imports=IMPORTS,
        lemmas=None,
        limit=EVERYTHING,
        max_attempts=EVERYTHING,
        seed=0,
        wall_s=WALL_S,
        rules=rules,
    )
    result = operations.matches(task, method)
    assert result.tally.complete, theorem
    return Found(frozenset(result.matches), result.tally.attempted, result.usage.cpu_s or 0.0)


def compare(operations: LeanOperations, theorem: str, rules: tuple[str, ...]) -> Comparison:
    # the first request of a process builds the index; neither side pays for it
    brute = find(operations, theorem, rules, "brute")
    return Comparison(theorem, brute, find(operations, theorem, rules, "index"))


def theorems(operations: LeanOperations, seed: int) -> list[str]:
    """The fixed theorems, and others chosen by the seed."""
    others = sorted(set(operations.theorem_names(IMPORTS)) - set(FIXED))
    chosen = random.Random(seed)  # noqa: S311 - a sample, no secret
    return [*FIXED, *chosen.sample(others, RANDOM_THEOREMS)]


def run(operations: LeanOperations, seed: int, rules: tuple[str, ...]) -> list[Comparison]:
    names = theorems(operations, seed)
    with Progress(console=Console(stderr=True)) as bar, ThreadPoolExecutor(2) as threads:
        task = bar.add_task("theorems", total=len(names))
        done = []
        for one in threads.map(lambda name: compare(operations, name, rules), names):
            done.append(one)
            bar.advance(task)
    return done


def table_of(comparisons: list[Comparison]) -> Table:
    table = Table("theorem", "tried: all", "index", "found: all", "index", "core-s: all", "index")
    for one in comparisons:
        table.add_row(
            one.theorem,
            f"{one.brute.attempts:,}",
            f"{one.index.attempts:,}",
            str(len(one.brute.steps)),
            str(len(one.index.steps)),
            f"{one.brute.core_s:.2f}",
            f"{one.index.core_s:.2f}",
        )
    return table


def figures(comparisons: list[Comparison], seed: int, rules: tuple[str, ...]) -> dict[str, object]:
    brute = sum(one.brute.attempts for one in comparisons)
    index = sum(one.index.attempts for one in comparisons)
    brute_s = sum(one.brute.core_s for one in comparisons)
    index_s = sum(one.index.core_s for one in comparisons)
    return {
        "benchmark": "mutation_index",
        "seed": seed,
        "rules": list(rules),
        "theorems": len(comparisons),
        "attempts_brute": brute,
        "attempts_indexed": index,
        "attempts_ratio": round(brute / max(1, index), 1),
        "found_brute": sum(len(one.brute.steps) for one in comparisons),
        "found_indexed": sum(len(one.index.steps) for one in comparisons),
        "missed": sum(len(one.missed) for one in comparisons),
        "core_seconds_brute": round(brute_s, 2),
        "core_seconds_indexed": round(index_s, 2),
        "core_seconds_ratio": round(brute_s / max(0.01, index_s), 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rules", default="rw,apply,forward")
    options = parser.parse_args()
    rules = tuple(options.rules.split(","))
    settings = load_settings()
    pool = LeanPool(find_toolchain(settings), settings)
    try:
        comparisons = run(LeanOperations(pool), options.seed, rules)
    finally:
        pool.close()
    console = Console(stderr=True)
    console.print(table_of(comparisons))
    for one in comparisons:
        for match in one.missed:
            console.print(f"missed at {one.theorem}: {match}")
    report = figures(comparisons, options.seed, rules)
    print(json.dumps(report))
    return 1 if report["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
