"""Warm checks per second against one process per check, with the real Lean.

``python benchmarks/warm_checks.py [--warm N] [--cold N]`` prints a table on stderr and, last, one
JSON line on stdout. Both sides check the same candidates, one at a time: ``cold`` starts a Lean
server for every check and ends it afterwards, ``warm`` keeps one.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from aludel.deadline import Deadline
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.toolchains import LeanToolchain, find_toolchain
from aludel.models import CheckRequest
from aludel.settings import Settings, load_settings

TARGET_RATIO = 50
# (statement, proof, whether it is one): terms, automation, induction, and failures of each kind.
CANDIDATES = [
    ("theorem t (a b : Nat) : a + b = b + a", "Nat.add_comm a b", True),
    ("theorem t (a b : Nat) : a + b = b + a", "by omega", True),
    ("theorem t (p q : Prop) (h : p ∧ q) : q ∧ p", "⟨h.2, h.1⟩", True),
    ("theorem t (xs : List Nat) : (xs ++ []).length = xs.length", "by simp", True),
    ("theorem t (n : Nat) : 0 + n = n", "by\n  induction n with\n  | zero => rfl\n"
     "  | succ n ih => rw [← Nat.add_assoc, ih]", True),
    ("theorem t (a b c : Nat) : a * (b + c) = a * b + a * c", "by rw [Nat.mul_add]", True),
    ("theorem t (a b : Nat) : a + b = b + a", "Nat.mul_comm a b", False),
    ("theorem t (a b : Nat) : a - b = b - a", "by omega", False),
    ("theorem t (a b : Nat) : a + b = b + a", "by sorry", False),
    ("theorem t : 1 = 1", "by rfl rfl rfl", False),
]  # fmt: skip


@dataclass(frozen=True)
class Measurement:
    """One side: how many checks, how long they took and what they cost."""

    checks: int
    wall_s: float
    core_s: float
    peak_memory_mb: float

    @property
    def per_s(self) -> float:
        return self.checks / self.wall_s


def children_core_s() -> float:
    """Processor seconds of all children that were reaped."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def core_s_of(checker: LeanChecker) -> float:
    """Processor seconds of the one process of ``checker`` so far."""
    with checker.pool.lease(None, Deadline.after(60)) as process:
        return process.cpu_s


def check_one(checker: LeanChecker, number: int) -> float:
    """Check one candidate, insist on the right verdict, and return the peak memory."""
    statement, proof, holds = CANDIDATES[number % len(CANDIDATES)]
    code = f"-- {number}\n{statement} := {proof}\n"
    verdict = checker.check(CheckRequest(statement=statement, code=code))
    assert verdict.kind == ("accepted" if holds else "rejected"), (statement, proof, verdict)
    return verdict.usage.peak_memory_mb or 0.0


def new_checker(toolchain: LeanToolchain) -> LeanChecker:
    settings = Settings(pool_size=1, process_max_requests=10**6)
    return LeanChecker(LeanPool(toolchain, settings), settings)


def measure_cold(toolchain: LeanToolchain, count: int) -> Measurement:
    """Start a process, check once, end it; ``count`` times."""
    cores, began, peak = children_core_s(), time.perf_counter(), 0.0
    for number in range(count):
        checker = new_checker(toolchain)
        peak = max(peak, check_one(checker, number))
        checker.close()
    return Measurement(count, time.perf_counter() - began, children_core_s() - cores, peak)


def measure_warm(toolchain: LeanToolchain, count: int) -> Measurement:
    """Check ``count`` times in one process that has already answered; its start is not counted."""
    checker = new_checker(toolchain)
    for number in range(len(CANDIDATES)):
        check_one(checker, number)
    cores, began, peak = core_s_of(checker), time.perf_counter(), 0.0
    for number in range(count):
        peak = max(peak, check_one(checker, number + len(CANDIDATES)))
    wall = time.perf_counter() - began
    cores = core_s_of(checker) - cores
    assert checker.pool.stats().started == 1, "the process was restarted in the middle"
    checker.close()
    return Measurement(count, wall, cores, peak)


def table_of(sides: dict[str, Measurement]) -> Table:
    """Show both sides next to each other."""
    table = Table("side", "checks", "checks/s", "ms/check", "core-s/check", "peak MB")
    for name, side in sides.items():
        table.add_row(
            name,
            str(side.checks),
            f"{side.per_s:.2f}",
            f"{1000 / side.per_s:.1f}",
            f"{side.core_s / side.checks:.4f}",
            f"{side.peak_memory_mb:.0f}",
        )
    return table


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warm", type=int, default=1_000, help="checks in one process")
    parser.add_argument("--cold", type=int, default=6, help="checks with a process each")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    toolchain = find_toolchain(load_settings())
    console.print(f"{arguments.cold} checks, each in a process of its own")
    cold = measure_cold(toolchain, arguments.cold)
    console.print(f"{arguments.warm} checks in one process")
    warm = measure_warm(toolchain, arguments.warm)
    console.print(table_of({"cold": cold, "warm": warm}))
    print(
        json.dumps(
            {
                "benchmark": "warm_checks",
                "toolchain": toolchain.toolchain.version,
                "warm_checks": warm.checks,
                "warm_checks_per_s": round(warm.per_s, 2),
                "warm_core_s_per_check": round(warm.core_s / warm.checks, 5),
                "cold_checks": cold.checks,
                "cold_checks_per_s": round(cold.per_s, 4),
                "cold_core_s_per_check": round(cold.core_s / cold.checks, 3),
                "ratio": round(warm.per_s / cold.per_s, 1),
                "target_ratio": TARGET_RATIO,
                "peak_memory_mb": round(max(warm.peak_memory_mb, cold.peak_memory_mb)),
            }
        )
    )


if __name__ == "__main__":
    main()
