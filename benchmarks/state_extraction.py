"""Tactic states by one elaboration, against running every prefix of the proof again.

    python benchmarks/state_extraction.py [--steps 5,10,20,40] [--json]

For proofs of so many tactics: states per second and core-seconds of the prover for each state. The
naive way runs the tactics before a state from the statement, once for each state, as replaying
tools do; it gets the same states, which is checked.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from aludel.deadline import QUEUE_S, Deadline
from aludel.lean_checker.operations import collect
from aludel.lean_checker.prover import LeanProver, build_prover
from aludel.models import Accepted, CheckRequest, LeanContext
from aludel.records import Result
from aludel.settings import load_settings

STATEMENT = "theorem long (a b : Nat) : a + b = b + a"
IMPORTS = ("Init",)


@dataclass
class Cost:
    """The cost of getting ``states``: seconds of wall time, and of the prover's processor time."""

    states: int
    wall_s: float
    cpu_s: float

    def figures(self, name: str) -> dict[str, float]:
        return {
            f"{name}: states/s": self.states / self.wall_s,
            f"{name}: core-s/state": self.cpu_s / self.states,
        }


def tactics(count: int) -> list[str]:
    """Return a proof of ``count`` tactics, of the kinds that proofs are made of."""
    kinds = (
        "have h{n} : a + {n} = {n} + a := Nat.add_comm _ _",
        "have h{n} : {n} + b = b + {n} := by\n    rw [Nat.add_comm]",
        "have h{n} : a + 0 = a := by simp",
    )
    made = [kinds[n % 3].format(n=n) for n in range(count - 1)]
    return [*made, "exact Nat.add_comm a b"]


def accepted(checker: LeanProver, script: list[str]) -> Result:
    code = STATEMENT + " := by\n" + "".join(f"  {tactic}\n" for tactic in script)
    context = LeanContext(imports=IMPORTS)
    request = CheckRequest(context=context, statement=STATEMENT, code=code)
    verdict = checker.check(request)
    assert isinstance(verdict, Accepted), verdict
    digest = checker.toolchain.digest
    now = datetime.now(UTC)
    return Result(
        hash=verdict.hash, verdict=verdict, request=request, toolchain_digest=digest, created_at=now
    )


def by_prefixes(checker: LeanProver, script: list[str]) -> tuple[list[list[str]], Cost]:
    """Return the goals after each tactic, every prefix run from the statement."""
    shown: list[list[str]] = []
    began, cpu = time.perf_counter(), 0.0
    for end in range(1, len(script) + 1):
        body = {"imports": list(IMPORTS), "statement": STATEMENT, "tactics": script[:end]}
        with checker.pool.lease(IMPORTS, Deadline.after(QUEUE_S)) as process:
            _, reply = collect(process.ask_stream, "goals", body, Deadline.after(120))
        assert reply.result["error"] is None, reply.result["error"]
        shown.append([goal["pretty"] for goal in reply.result["goals"]])
        cpu += reply.usage.cpu_s or 0.0
    return shown, Cost(len(script), time.perf_counter() - began, cpu)


def measure(checker: LeanProver, count: int) -> dict[str, float]:
    script = tactics(count)
    result = accepted(checker, script)
    states = checker.states
    began = time.perf_counter()
    trace, usage = states.measure(result)
    wall = time.perf_counter() - began
    naive, cost = by_prefixes(checker, script)
    outer = [list(step.after) for step in trace.steps if step.depth == 0]
    assert outer == naive, "the two ways find other states"
    one = Cost(len(trace.steps), wall, usage.cpu_s or 0.0)
    return {"tactics": count, **one.figures("one elaboration"), **cost.figures("prefixes")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", default="5,10,20,40")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    checker = build_prover(load_settings().model_copy(update={"pool_size": 1}))
    try:
        measure(checker, 6)  # the process starts, and everything has been used once
        rows = [measure(checker, int(count)) for count in options.steps.split(",")]
    finally:
        checker.close()
    for row in rows:
        rounded = {name: float(f"{value:.4g}") for name, value in row.items()}
        print(json.dumps(rounded) if options.json else rounded)


if __name__ == "__main__":
    main()
