"""Mutation with the real Lean: what it makes, and what becomes of a run that is killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.operations import LeanOperations, MutationTask
from aludel.models import Accepted
from aludel.mutation import MutationEngine, MutationPlan, MutationReport, Target
from aludel.mutation.judging import candidate_of

pytestmark = pytest.mark.lean

ALUDEL = str(Path(sys.executable).with_name("aludel"))
COMMAND = (
    *("mutate", "Nat.add_*", "Nat.le_*", "--limit", "24", "--per-target", "4"),
    *("--quality", "10", "--json"),
)


def task(target: str, lemmas: tuple[str, ...] | None) -> MutationTask:
    return MutationTask(target, ("Init",), lemmas, limit=10, max_attempts=10, seed=0, wall_s=60.0)


@pytest.fixture(scope="module")
def operations(lean_checker: LeanChecker) -> LeanOperations:
    return LeanOperations(lean_checker.pool)


def test_the_theorems_of_the_library_are_listed_with_their_statements(
    operations: LeanOperations,
) -> None:
    names = operations.theorem_names(("Init",))
    assert len(names) > 10_000
    assert names == sorted(names)
    assert not any("._" in name or name.endswith(".injEq") for name in names)
    (comm,) = operations.theorems(("Init",), names=("Nat.add_comm", "Nope"), statements=True)
    assert comm.type == "∀ (n m : Nat), n + m = m + n"
    assert comm.module.startswith("Init.")


@pytest.mark.parametrize(
    ("target", "lemma", "position", "header"),
    [
        ("Nat.add_assoc", "Nat.add_comm", "goal", " (n m k : Nat) : k + (n + m) = n + (m + k)"),
        (
            "Nat.sub_add_cancel",
            "ge_iff_le",
            "hypothesis",
            " {n m : Nat} (h : n ≥ m) : n - m + m = n",
        ),
    ],
)
def test_a_chosen_lemma_rewrites_where_it_applies(
    operations: LeanOperations, target: str, lemma: str, position: str, header: str
) -> None:
    result = operations.mutate(task(target, (lemma,)))
    assert (position, header) in [(m.position, m.header) for m in result.mutants]
    assert result.tally.complete


def test_variants_of_several_namespaces_are_accepted_with_their_statements(
    lean_checker: LeanChecker, operations: LeanOperations
) -> None:
    engine = MutationEngine(operations, lean_checker)
    plan = MutationPlan(
        patterns=("Nat.lt_*", "List.map_*", "Option.*"), limit=40, per_target=4, seed=7
    )
    outcomes = list(engine.run(plan))
    report = MutationReport()
    for outcome in outcomes:
        report.add(outcome.report)
    variants = [variant for outcome in outcomes for variant in outcome.variants]
    assert len(variants) == 40
    assert {variant.position for variant in variants} == {"goal", "hypothesis"}
    assert {variant.direction for variant in variants} == {"forward", "backward"}
    assert len({variant.term_hash for variant in variants}) == 40
    assert report.total.conversion is not None
    assert report.total.conversion >= 0.97


def test_unknown_targets_and_lemmas_are_named(operations: LeanOperations) -> None:
    with pytest.raises(InvalidRequest) as caught:
        operations.mutate(task("Nat.nope", None))
    assert caught.value.field == "target"
    with pytest.raises(InvalidRequest) as caught:
        operations.mutate(task("Nat.add_comm", ("Nat.rec",)))
    assert caught.value.field == "lemmas"


def test_goals_are_data_and_a_failed_tactic_keeps_those_before_it(
    operations: LeanOperations,
) -> None:
    statement = "theorem t (a b : Nat) (h : a = b) : a + b = b + a"
    (goal,) = operations.goals(statement, (), ("Init",)).goals
    assert goal.target == "a + b = b + a"
    assert [(h.names, h.type) for h in goal.hypotheses] == [
        (("a",), "Nat"),
        (("b",), "Nat"),
        (("h",), "a = b"),
    ]
    cases = operations.goals(statement, ("clear h", "induction a"), ("Init",))
    assert [goal.case for goal in cases.goals] == ["zero", "succ"]
    assert cases.error is None
    failed = operations.goals(statement, ("rw [h]", "exact nonsense"), ("Init",))
    assert failed.error is not None
    assert failed.error.index == 1
    assert operations.goals(statement, ("omega",), ("Init",)).goals == ()


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "ALUDEL_DATA_DIR": str(home)}


def finish(out: Path, home: Path) -> dict[str, Any]:
    result = subprocess.run(
        [ALUDEL, *COMMAND, "--out", str(out)],
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    figures = json.loads(result.stdout)
    assert isinstance(figures, dict)
    return figures


def killed(out: Path, home: Path, lines: int, delay_s: float) -> None:
    """Start or go on, and kill some time after the journal has grown by ``lines``."""
    journal = out / "journal.jsonl"
    before = journal.read_bytes().count(b"\n") if journal.exists() else 0
    process = subprocess.Popen(
        [ALUDEL, *COMMAND, "--out", str(out)],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not journal.exists() or journal.read_bytes().count(b"\n") < before + lines:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(delay_s)
    process.send_signal(signal.SIGKILL)
    process.wait(30)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_run_killed_three_times_gives_the_same_bytes(
    lean_checker: LeanChecker, tmp_path: Path
) -> None:
    whole = finish(tmp_path / "whole", tmp_path / "home1")
    out, home = tmp_path / "killed", tmp_path / "home2"
    moments = random.Random()
    for _ in range(3):
        killed(out, home, moments.randint(1, 3), moments.uniform(0, 1))
    resumed = finish(out, home)
    assert resumed["accepted"] == whole["accepted"] == 24
    assert resumed["targets_in"] == whole["targets_in"]
    for path in (tmp_path / "whole").iterdir():
        if path.name not in {"journal.jsonl", "report.json", "report.md"}:  # these hold costs
            assert path.read_bytes() == (out / path.name).read_bytes(), path.name


def test_an_accepted_variant_is_a_verdict_like_any_other(
    lean_checker: LeanChecker, operations: LeanOperations
) -> None:
    engine = MutationEngine(operations, lean_checker)
    plan = MutationPlan(patterns=("Nat.add_assoc",), lemmas=("Nat.add_comm",))
    (outcome,) = engine.run(plan)
    (variant,) = outcome.variants
    (mutant,) = operations.mutate(task("Nat.add_assoc", ("Nat.add_comm",))).mutants
    verdict = lean_checker.check(candidate_of(plan, Target("Nat.add_assoc"), mutant).request)
    assert isinstance(verdict, Accepted)
    assert verdict.hash == variant.verdict_hash
    assert verdict.evidence.statement_match == "identical"
    assert variant.name in verdict.evidence.declarations
