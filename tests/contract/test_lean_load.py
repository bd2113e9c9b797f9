"""Verdicts do not depend on what else the machine does, or on what other candidates do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from aludel.lean_checker.attacks.corpus import all_cases, read_corpus
from aludel.lean_checker.checker import LeanChecker
from aludel.models import Budget, CheckRequest, Verdict

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "tests" / "attacks" / "lean"
TIMES = 4
EVERY = 30
# The first budget ends these, whatever the machine does meanwhile.
LIMITED = "theorem t (f : Nat → Nat) (h : ∀ x, f x = f (x + 1)) : f 0 = 1"

pytestmark = [pytest.mark.lean, pytest.mark.long, pytest.mark.timeout(600)]


def candidates() -> list[CheckRequest]:
    cases = [case for family, case in all_cases(read_corpus(CORPUS)) if family.name != "resources"]
    chosen = [case for case in cases if not case.expect[0].startswith("invalid")][::EVERY]
    requests = [case.request() for case in chosen]
    for heartbeats in (50, 500):
        for proof in ("repeat rw [h]", "simp [h]"):
            code = f"{LIMITED} := by\n  {proof}\n"
            budget = Budget(heartbeats=heartbeats)
            requests.append(CheckRequest(statement=LIMITED, code=code, budget=budget))
    budget = Budget(wall_s=300)
    return [
        one.model_copy(update={"budget": one.budget.model_copy(update={"wall_s": budget.wall_s})})
        for one in requests
    ]


@contextmanager
def oversubscribed() -> Iterator[None]:
    """Keep the machine busy with four endless programs for each processor."""
    count = TIMES * len(os.sched_getaffinity(0))
    command = [sys.executable, "-c", "while True: pass"]
    busy = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def gist(verdict: Verdict) -> tuple[object, ...]:
    return verdict.kind, verdict.reason, verdict.message, verdict.axioms, verdict.hash


def test_a_saturated_machine_gives_the_same_verdicts(lean_checker: LeanChecker) -> None:
    requests = candidates()
    idle = [gist(lean_checker.check(request)) for request in requests]
    with oversubscribed():
        saturated = [gist(lean_checker.check(request)) for request in requests]
    assert saturated == idle
    assert {one[0] for one in idle} == {"accepted", "rejected", "undecided"}


@pytest.mark.long
def test_a_pool_survives_mixed_requests() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "soak.py")]
    done = subprocess.run([*command, "--requests", "300"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["requests"] == 300 and found["wrong_verdicts"] == found["processes_left"] == 0
