"""The attack corpus against the real Lean; ``make attacks`` adds combinations and the library."""

from __future__ import annotations

from pathlib import Path

import pytest

from aludel.lean_checker.attacks.corpus import Case, all_cases, read_corpus
from aludel.lean_checker.attacks.run import run_cases
from aludel.lean_checker.checker import CONFIRMED as REPLAY_CHECK
from aludel.lean_checker.checker import LeanChecker
from aludel.models import Accepted, CheckRequest, Rejected, RejectReason

CORPUS = Path(__file__).parents[1] / "attacks" / "lean"
# A timeout costs its wall time and a new process; one of them is among the contract's cases.
SLOW = "resources"

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]


# A proof by compiled code takes processes of its own; one family of them is among the quick.
NATIVE = "compiler_trust"


def cases(*, slow: bool) -> list[tuple[str, Case]]:
    found = [(family.name, case) for family, case in all_cases(read_corpus(CORPUS))]
    return [(name, case) for name, case in found if name != SLOW and is_slow(name, case) == slow]


def is_slow(family: str, case: Case) -> bool:
    return family != NATIVE and case.policy.allow_native_decide


def judge_all(checker: LeanChecker, chosen: list[tuple[str, Case]]) -> None:
    report = run_cases(checker, chosen, threads=checker.pool.size)
    assert report.total("without_place") == 0
    wrong = [(one.family, one.case.name, one.got, one.message) for one in report.wrong]
    assert wrong == []


def test_every_case_gets_its_verdict_and_every_rejection_a_place(
    lean_checker: LeanChecker,
) -> None:
    judge_all(lean_checker, cases(slow=False))


@pytest.mark.long
def test_every_case_with_compiled_code_gets_its_verdict(lean_checker: LeanChecker) -> None:
    judge_all(lean_checker, cases(slow=True))


def test_the_second_tier_confirms_in_a_fresh_process(lean_checker: LeanChecker) -> None:
    code = (
        "inductive T (α : Type)\n  | node : α → List (T α) → T α\n"
        "def f : Nat → Nat\n  | 0 => 0\n  | n + 1 => f n + 1\n"
        "theorem g (n : Nat) : f n = n := by\n  induction n with\n  | zero => rfl\n"
        "  | succ n ih => simp [f, ih]\n"
        "theorem t (p q : Prop) (n : Nat) (h : p ↔ q) : f n = n ∧ p = q := ⟨g n, propext h⟩\n"
    )
    request = CheckRequest(code=code, tier="replay")
    before = lean_checker.pool.stats().discarded
    verdict = lean_checker.check(request)
    assert isinstance(verdict, Accepted), verdict.message
    assert verdict.axioms == ("propext",)
    assert verdict.evidence.checks[-1] == REPLAY_CHECK
    assert {"T", "f", "g", "t"} <= set(verdict.evidence.declarations)
    assert lean_checker.pool.stats().discarded > before
    fast = lean_checker.check(request.model_copy(update={"tier": "fast"}))
    assert isinstance(fast, Accepted) and fast.hash != verdict.hash
    assert set(fast.evidence.declarations) == set(verdict.evidence.declarations)


def test_the_second_tier_keeps_a_refusal(lean_checker: LeanChecker) -> None:
    request = CheckRequest(statement="theorem t : 1 = 2", code="axiom t : 1 = 2", tier="replay")
    verdict = lean_checker.check(request)
    assert isinstance(verdict, Rejected) and verdict.reason is RejectReason.AXIOM
    assert verdict.diagnostics[-1].start is not None and verdict.diagnostics[-1].start.line == 1
