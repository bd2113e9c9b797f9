"""Stepwise proofs with the real Lean: scripts are checked like any candidate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aludel.errors import InvalidRequest, SessionEnded
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.goals import LeanGoals
from aludel.models import LeanContext
from aludel.settings import Settings

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]
INIT = LeanContext(imports=("Init",))
ENDLESS = "exact (show 7 ^ (10 ^ 7) % 7 = 0 by decide +kernel)"


@pytest.fixture
def goals(lean_checker: LeanChecker) -> Iterator[LeanGoals]:
    yield LeanGoals(lean_checker.pool, Settings())


def finish(goals: LeanGoals, statement: str, *tactics: str, preamble: str = "") -> Stepper:
    request = GoalRequest(context=INIT, statement=statement, preamble=preamble)
    stepper = Stepper(goals, request)
    for tactic in tactics:
        step = stepper.run(tactic)
        assert step.state, step.error
    assert stepper.current.finished
    return stepper


@pytest.mark.parametrize(
    ("statement", "tactics"),
    [
        ("theorem t (a b : Nat) : a + b = b + a", ("exact?",)),
        ("theorem t.{u} (α : Type u) (x : α) : x = x", ("exact (rfl : (x : (α : Type u)) = x)",)),
        ("open Nat in theorem t (n : Nat) : succ n ≠ 0", ("intro h", "cases h")),
        (
            "theorem t (l : List Nat) : l ++ [] = l",
            ("induction l with\n  | nil => rfl\n  | cons x xs ih => simp",),
        ),
        ("theorem t (p q : Prop) : p ∧ q → q ∧ p", ("intro ⟨a, b⟩", "constructor", "· exact b",
                                                    "case right => exact a")),
        ("theorem t (p q : Prop) (h : p) (k : q) : p ∧ q", ("constructor", "all_goals assumption")),
        ("theorem Nat.t : ∀ n : Nat, n < n + 1", ("intro n", "omega")),
    ],
)  # fmt: skip
def test_what_steps_prove_is_accepted_as_a_script(
    goals: LeanGoals, lean_checker: LeanChecker, statement: str, tactics: tuple[str, ...]
) -> None:
    stepper = finish(goals, statement, *tactics)
    script = goals.script(stepper.current.session, stepper.current.state)
    assert script == stepper.candidate() and script.statement == statement
    verdict = lean_checker.check(script)
    assert verdict.kind == "accepted", verdict.message
    stepper.close()


def test_no_goals_are_no_acceptance(goals: LeanGoals, lean_checker: LeanChecker) -> None:
    cheat = finish(goals, "theorem t : 0 = 1", "exact cheat.elim", preamble="axiom cheat : False")
    verdict = lean_checker.check(cheat.candidate())
    assert (verdict.kind, verdict.reason) == ("rejected", "axiom")


def test_holes_do_not_close_a_goal(goals: LeanGoals) -> None:
    request = GoalRequest(context=INIT, statement="theorem t : ∃ n : Nat, n = n")
    stepper = Stepper(goals, request)
    for cheat in ("exact ⟨_, by sorry⟩", "exact ⟨(sorry : Nat), rfl⟩", "exact sorryAx _ false"):
        step = stepper.run(cheat)
        assert step.error and step.error.code in ("sorry", "tactic"), step


def test_a_statement_means_the_same_after_the_preamble(goals: LeanGoals) -> None:
    for preamble in (
        'local notation "True" => False',
        "open Nat\nlocal instance : HAdd Nat Nat Nat := ⟨fun _ _ => 0⟩",
    ):
        request = GoalRequest(
            context=INIT,
            statement="theorem t (a : Nat) : a + 1 = 1 ∧ True",
            preamble=preamble,
        )
        with pytest.raises(InvalidRequest) as caught:
            goals.open(request)
        assert caught.value.field in ("statement", "preamble")


def test_a_tactic_that_never_ends_ends_the_session(goals: LeanGoals) -> None:
    request = GoalRequest(context=INIT, statement="theorem t : 7 ^ (10 ^ 7) % 7 = 0", wall_s=2)
    stepper = Stepper(goals, request)
    with pytest.raises(SessionEnded, match="did not end within 2 s"):
        stepper.run(ENDLESS)
    assert stepper.restart().state == 0
    assert stepper.run("skip").state


def test_heartbeats_end_a_tactic_but_not_the_session(goals: LeanGoals) -> None:
    request = GoalRequest(
        context=INIT, statement="theorem t (a b : Nat) : a * b = b * a", heartbeats=500
    )
    stepper = Stepper(goals, request)
    step = stepper.run("repeat have := Nat.add_comm 1 2")
    assert step.error and step.error.code == "limit", step
    assert stepper.run("skip").state
