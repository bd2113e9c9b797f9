"""The attack corpus against the real Lean; ``make attacks`` adds combinations and the library."""

from __future__ import annotations

from pathlib import Path

import pytest

from aludel.lean_checker.attacks.corpus import Case, read_corpus
from aludel.lean_checker.attacks.run import run_cases
from aludel.lean_checker.checker import CONFIRMED as REPLAY_CHECK
from aludel.lean_checker.checker import LeanChecker
from aludel.models import Accepted, CheckRequest, Rejected, RejectReason

CORPUS = Path(__file__).parents[1] / "attacks" / "lean"
# A timeout costs its wall time and a new process; one of them is among the contract's cases.
TIMEOUTS = "resources"
QUICK = 2
"""Cases of a family that are judged by default, evenly spread over it; `make slow` judges all."""

pytestmark = [pytest.mark.lean, pytest.mark.timeout(1_800)]


def cases(*, quick: bool) -> list[tuple[str, Case]]:
    """The quick cases, or all others.

    A proof by compiled code costs a process, and what imports more than Init an export for the
    second kernel, a minute or two: none of these is quick.
    """
    found = []
    for family in read_corpus(CORPUS):
        plain = [
            case
            for case in family.cases
            if not case.policy.allow_native_decide and set(case.imports or ()) <= {"Init"}
        ]
        chosen = plain[:: max(1, -(-len(plain) // QUICK))]
        judged = [case for case in family.cases if (case in chosen) == quick]
        found += [(family.name, case) for case in judged if family.name != TIMEOUTS]
    return found


def judge_all(checker: LeanChecker, chosen: list[tuple[str, Case]]) -> None:
    report = run_cases(checker, chosen, threads=checker.pool.size)
    assert report.total("without_place") == 0
    wrong = [(one.family, one.case.name, one.got, one.message) for one in report.wrong]
    assert wrong == []


def test_some_of_every_family_get_their_verdicts_and_every_rejection_a_place(
    lean_checker: LeanChecker,
) -> None:
    judge_all(lean_checker, cases(quick=True))


@pytest.mark.long
def test_all_others_get_their_verdicts(lean_checker: LeanChecker) -> None:
    judge_all(lean_checker, cases(quick=False))


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
