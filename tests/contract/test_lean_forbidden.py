"""Ways to use a forbidden constant, and candidates that do without, against the real Lean."""

from __future__ import annotations

from pathlib import Path

import pytest

from aludel.lean_checker.attacks.corpus import Case, read_corpus
from aludel.lean_checker.attacks.library import restated_theorems
from aludel.lean_checker.attacks.run import run_cases
from aludel.lean_checker.checker import LeanChecker
from aludel.models import CheckRequest, Policy, Rejected, RejectReason

CORPUS = Path(__file__).parents[1] / "attacks" / "forbidden"
SWAP = "theorem swap (a b : Nat) : a + b = b + a"

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]


CASES = [(family.name, case) for family in read_corpus(CORPUS) for case in family.cases]


def ensure_right(checker: LeanChecker, cases: list[tuple[str, Case]]) -> None:
    """See that each case gets a verdict that its corpus names, with a place."""
    report = run_cases(checker, cases, threads=checker.pool.size)
    assert report.total("without_place") == 0
    wrong = [(one.family, one.case.name, one.got, one.message) for one in report.wrong]
    assert wrong == []


def test_ways_get_their_verdicts(lean_checker: LeanChecker) -> None:
    ensure_right(lean_checker, CASES[::3])


@pytest.mark.long
def test_all_ways_get_their_verdicts(lean_checker: LeanChecker) -> None:
    ensure_right(lean_checker, CASES)


def test_the_way_is_told(lean_checker: LeanChecker) -> None:
    code = f"theorem helper (a b : Nat) : a + b = b + a := by ac_rfl\n{SWAP} := helper a b\n"
    asked = {"statement": SWAP, "code": code, "policy": {"forbidden": ["Nat.add_comm"]}}
    verdict = lean_checker.check(CheckRequest.model_validate(asked))
    assert isinstance(verdict, Rejected) and verdict.reason is RejectReason.FORBIDDEN_CONSTANT
    assert "swap -> helper -> " in (verdict.message or "")
    assert verdict.diagnostics[-1].message == verdict.message


def test_a_fresh_process_decides_alike(lean_checker: LeanChecker) -> None:
    for proof, kind in (("Nat.add_comm a b", "rejected"), ("by omega", "accepted")):
        asked = {"statement": SWAP, "code": f"{SWAP} := {proof}", "tier": "replay"}
        asked["policy"] = {"forbidden": ["self"]}
        assert lean_checker.check(CheckRequest.model_validate(asked)).kind == kind


@pytest.mark.long
def test_no_theorem_of_the_library_is_proved_by_itself(lean_checker: LeanChecker) -> None:
    """Each is restated and proved by its own name, as `aludel attacks --library` does."""
    policy = Policy(forbidden=("self",), second_kernel="off")
    found = {}
    for case in restated_theorems(lean_checker.pool, 100).cases:
        verdict = lean_checker.check(case.request().model_copy(update={"policy": policy}))
        found[case.name] = verdict.reason
    assert found
    wrong = {name for name, got in found.items() if got is not RejectReason.FORBIDDEN_CONSTANT}
    assert wrong == set()
