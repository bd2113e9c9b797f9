"""Statements and candidates of public reports, with the real Lean: what each must give."""

from __future__ import annotations

import pytest

from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.operations import LeanOperations
from aludel.models import CheckRequest, LeanContext, RejectReason, Severity, Verdict
from aludel.mutation import MutationPlan
from aludel.mutation.engine import MutationEngine
from aludel.open_goals import goal_of
from aludel.settings import Settings

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]
INIT = LeanContext(imports=("Init",))


def judged(checker: LeanChecker, code: str, statement: str | None = None) -> Verdict:
    return checker.check(CheckRequest(context=LeanContext(), statement=statement, code=code))


# Stepping


@pytest.mark.parametrize(
    ("statement", "tactics"),
    [
        ("theorem t : 1 + 1 = 2 -- as everybody knows", ("rfl",)),
        ("theorem t : 1 + 1 = 2 /- := by -/", ("rfl",)),
        ('theorem t : "a\nb".length = 3', ('have h : "a\n  b".length = 5 := rfl', "rfl")),
        ("theorem t : let x := 2; x = 2", ("intro x", "exact rfl")),
        ("variable (n : Nat) (h : n = 0) in\ntheorem t : n = n", ("rfl",)),
    ],
)
def test_a_finished_session_is_accepted(
    lean_checker: LeanChecker, statement: str, tactics: tuple[str, ...]
) -> None:
    goals = LeanGoals(lean_checker.pool, Settings())
    stepper = Stepper(goals, GoalRequest(context=INIT, statement=statement))
    for tactic in tactics:
        assert stepper.run(tactic).state, tactic
    assert stepper.current.finished
    script = goals.script(stepper.current.session, stepper.current.state)
    stepper.close()
    verdict = lean_checker.check(script)
    assert verdict.kind == "accepted", verdict.message


# Goals of `sorry`


def test_every_sorry_has_its_place_and_goal(lean_checker: LeanChecker) -> None:
    code = (
        "theorem t (n : Nat) : n = n ∧ 2 = 2 := by\n"
        "  have h : n + 0 = n := by sorry\n"
        "  exact ⟨rfl, sorry⟩\n"
        "theorem u (p : Prop) (h : p) : p := by\n"
        "  admit\n"
    )
    verdict = judged(lean_checker, code)
    assert verdict.reason is RejectReason.SORRY
    found = [
        (goal, d.start and (d.start.line, d.start.column))
        for d in verdict.diagnostics
        if (goal := goal_of(d)) is not None
    ]
    assert found == [
        ("n : Nat\n⊢ n + 0 = n", (2, 27)),
        ("n : Nat\nh : n + 0 = n\n⊢ 2 = 2", (3, 14)),
        ("p : Prop\nh : p\n⊢ p", (5, 2)),
    ]


# Plain words


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        (
            "theorem a : 1 = 1 := rfl\nimport Std\n",
            "parse",
            "`import` must stand at the beginning of the file",
        ),
        (
            "/- Copyright -/\nmodule -- a module\n/-! x -/\n-- why\npublic import Std -- for maps\n"
            "/- and -/ import Std.Data.HashMap\npublic theorem t : 1 = 1 := rfl\n",
            "parse",
            "`import` must stand at the beginning of the file",
        ),
        ("theorem a : 1 = 1 := rfl\n#exit\ntheorem", "forbidden_construct", "`#exit` ends the"),
        ("lemma a : 1 = 1 := rfl", "parse", "use `theorem`"),
        ("theorem b : 1 = 1 := rfl\nlemma a : 1 = 1 := rfl", "parse", "use `theorem`"),
    ],
)
def test_refusals_are_in_plain_words(
    lean_checker: LeanChecker, code: str, reason: str, said: str
) -> None:
    verdict = judged(lean_checker, code)
    shown = "\n".join([verdict.message or "", *(d.message for d in verdict.diagnostics)])
    assert verdict.reason == reason and said in shown and "Lean.Parser" not in shown, shown


def test_a_header_with_comments_is_one(lean_checker: LeanChecker) -> None:
    code = (
        "/- Copyright -/\nmodule -- a module\n-- why\npublic import Std.Data.HashMap -- for maps\n"
        "/- and -/ import Init\npublic theorem t : 1 = 1 := rfl\n"
    )
    assert judged(lean_checker, code, "theorem t : 1 = 1").kind == "accepted"


def test_axioms_of_the_library_are_not_made_up(lean_checker: LeanChecker) -> None:
    code = "theorem t : 1 = 1 := rfl\n#print axioms Nat.add_comm\n#print axioms t\n"
    verdict = judged(lean_checker, code)
    said = [d.message for d in verdict.diagnostics if d.severity is Severity.INFO]
    assert "'Nat.add_comm' depends on cannot be listed here" in said[0]
    assert "exported level" in said[0]
    assert said[1] == "'t' does not depend on any axioms"


# Mismatches


@pytest.mark.parametrize(
    ("statement", "code", "note"),
    [
        (
            "theorem t.{u,v} {α : Sort u} {β : Sort v} (a : α) (f : α → β) : f a = f a",
            "def t.{v,u} {α : Sort u} {β : Sort v} (a : α) (f : α → β) : f a = f a := rfl\n",
            "in another order: `.{u, v}` is asked, `.{v, u}` is declared",
        ),
        (
            "theorem t : (1 : Nat) + 1 = 2",
            "theorem t : (1 : Int) + 1 = 2 := rfl\n",
            "",
        ),
        (
            "theorem t (a b : Nat) : a + b = b + a",
            "instance two : Add Nat := ⟨fun _ _ => 0⟩\n"
            "theorem t (a b : Nat) : a + b = b + a := rfl\n",
            "",
        ),
        (
            "theorem t.{u} (a : PUnit.{u}) : a = a",
            "theorem t (a : PUnit.{1}) : a = a := rfl\n",
            "the statement has 1 universe parameters, the declaration 0",
        ),
    ],
)
def test_a_mismatch_shows_the_difference(
    lean_checker: LeanChecker, statement: str, code: str, note: str
) -> None:
    verdict = judged(lean_checker, code, statement)
    assert verdict.reason is RejectReason.STATEMENT_MISMATCH
    _, expected, found = (verdict.message or "").split("\n", 2)
    assert expected.removeprefix("expected: ") != found.split("\n")[0].removeprefix("found:    ")
    assert note in found, verdict.message


# Names that Lean binds itself


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("theorem t : ∃ a b : ℕ, a ≠ b", "write `Nat`"),
        ("theorem t (x y : ℝ) (h : x = y) : y = x", "use a toolchain with Mathlib"),
        ("theorem t (x : 𝔸) : x = x", "use a toolchain with Mathlib"),
    ],
)
def test_a_blackboard_letter_is_no_variable(
    lean_checker: LeanChecker, statement: str, hint: str
) -> None:
    for call in (
        lambda: judged(lean_checker, f"{statement} := by simp_all\n", statement),
        lambda: LeanGoals(lean_checker.pool, Settings()).open(
            GoalRequest(context=INIT, statement=statement)
        ),
    ):
        with pytest.raises(InvalidRequest, match="became a variable") as caught:
            call()
        assert caught.value.field == "statement" and hint in caught.value.message


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("theorem t (x y : A) (h : x = y) : y = x", "`A`"),
        ("theorem t {n : Nat} (x : Fin n) (l : List α) : x = x ∧ l = l", "`α`"),
        ("theorem t {α : Type} (x : α) : x = x", ""),
        ("theorem t : ∀ {n : Nat}, n = n", ""),
        ("theorem t.{u} ⦃α : Sort u⦄ (x : α) : x = x", ""),
        ("theorem t {ℝ : Type} (x y : ℝ) (h : x = y) : y = x", ""),
    ],
)
def test_names_that_lean_binds_are_a_warning(
    lean_checker: LeanChecker, statement: str, names: str
) -> None:
    code = f"{statement} := by simp_all\n"
    verdict = judged(lean_checker, code, statement)
    assert verdict.kind == "accepted", verdict.message
    warned = [d.message for d in verdict.diagnostics if "does not bind" in d.message]
    assert len(warned) == bool(names) and names in "".join(warned)
    strict = CheckRequest(
        context=LeanContext(options={"autoImplicit": False}), statement=statement, code=code
    )
    if not names:
        assert lean_checker.check(strict).kind == "accepted"
        return
    with pytest.raises(InvalidRequest) as caught:
        lean_checker.check(strict)
    assert caught.value.field == "statement"


# A user's own theorem as a target of mutation

PROOF = "theorem mine (a b : Nat) (h : a = b) : a + b = b + a := Nat.add_comm a b"
CLEAN = {"filters": (), "per_target": 3, "limit": 3, "max_attempts": 100}


def variants(checker: LeanChecker, text: str) -> list[str]:
    plan = MutationPlan(statement=text, **CLEAN)
    engine = MutationEngine(LeanOperations(checker.pool), checker, workers=1)
    [outcome] = engine.run(plan)
    assert outcome.variants or not outcome.refused, outcome.refused
    return [variant.statement for variant in outcome.variants]


@pytest.mark.parametrize(
    "text",
    [
        PROOF,
        f"universe u v\n{PROOF}",
        "universe u v\ntheorem mine.{w} {α : Type u} {β : Type w} (l : List α) (b : β) : "
        "l ++ [] = l ∧ b = b := ⟨by simp, rfl⟩",
        f"private {PROOF}",
        "theorem mat (n : Nat) (h : (match n with | 0 => 1 | k + 1 => k) = n + 0) : n + 0 = n := "
        "Nat.add_zero n",
        f"{PROOF}\nexample : 1 = 1 := rfl\ndef after : Nat := 1\n"
        "inductive T | one\ninstance : Inhabited T := ⟨.one⟩",
        'local notation "plus" => Nat.add\n' + PROOF,
        f"namespace Mine\nvariable (c : Nat)\n{PROOF}",
        f"import Init\nopen Nat in\n{PROOF}",
    ],
    ids=["plain", "universe", "universes", "private", "match", "after", "notation", "scope", "in"],
)
def test_variants_of_a_users_own_theorem(lean_checker: LeanChecker, text: str) -> None:
    assert variants(lean_checker, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "def double (n : Nat) := n + n\ntheorem mine (n : Nat) : double n = n + n := rfl",
            "uses `double`, which is no part of the imports",
        ),
        ("theorem mine (x y : ℝ) (h : x = y) : y = x := h.symm", "`ℝ` became a variable"),
        ("def f := 1", "it declares no theorem"),
        ("theorem mine : (let rec f (n : Nat) : Nat := n; f 1) = 1 := rfl", "by `let rec`"),
        ("theorem mine : 1 = 2 := rfl", "Lean does not accept it"),
    ],
)
def test_what_cannot_be_a_target_is_refused(
    lean_checker: LeanChecker, text: str, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said) as caught:
        variants(lean_checker, text)
    assert caught.value.field == "statement"
