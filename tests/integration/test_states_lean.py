"""Tactic states of accepted proofs, from the real Lean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.goals import LeanGoals
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.states import LeanStates
from aludel.lean_checker.toolchains import LeanToolchain
from aludel.models import Accepted, CheckRequest, LeanContext, Rejected
from aludel.proof_export import (
    ExportOptions,
    Selection,
    export_recorded,
    extract_states,
    provenance,
)
from aludel.proof_states import ProofTrace
from aludel.records import Result, VariantRecord
from aludel.settings import Settings
from aludel.store import Store

pytestmark = pytest.mark.lean

PROOFS = {
    "theorem swap (a b : Nat) : a + b = b + a": """by
  induction a with
  | zero => simp
  | succ n ih =>
    rw [Nat.succ_add, ih, Nat.add_succ]""",
    "theorem both (p q : Prop) (hp : p) (hq : q) : p ∧ q ∧ p": """by
  have h : q := by
    exact hq
  constructor
  · assumption
  · refine ⟨h, ?_⟩
    first | exact hq | exact hp""",
    "theorem chain (a b c : Nat) (h : a = b) (h2 : b = c) : a = c": """by
  calc
    a = b := by rw [h]
    _ = c := by
      skip
      exact h2""",
    "theorem last (p q : Prop) (hp : p) (hq : q) : (p ∧ q) ∧ (p ∧ q)": """by
  repeat' (constructor; skip)
  all_goals (first | assumption | skip)""",
    "theorem intros : ∀ n : Nat, n = 0 ∨ 0 < n": """by
  intro n
  cases n
  · left; rfl
  · right
    exact Nat.succ_pos _""",
}


@dataclass(frozen=True)
class Provers:
    checker: LeanChecker
    states: LeanStates
    goals: LeanGoals

    def accepted(self, code: str, statement: str | None = None) -> Result:
        request = CheckRequest(
            context=LeanContext(imports=("Init",)), code=code, statement=statement
        )
        verdict = self.checker.check(request)
        assert isinstance(verdict, Accepted), verdict
        digest = self.checker.toolchain.digest
        return Result(
            hash=verdict.hash,
            verdict=verdict,
            request=request,
            toolchain_digest=digest,
            created_at=datetime.now(UTC),
        )

    def trace(self, code: str, statement: str | None = None) -> ProofTrace:
        return self.states.trace(self.accepted(code, statement))


@pytest.fixture(scope="module")
def provers(lean_toolchain: LeanToolchain) -> Iterator[Provers]:
    settings = Settings(pool_size=1)
    pool = LeanPool(lean_toolchain, settings)
    yield Provers(LeanChecker(pool, settings), LeanStates(pool), LeanGoals(pool, settings))
    pool.close()


def _told(trace: ProofTrace) -> list[tuple[int, int | None, str]]:
    return [(step.depth, step.parent, step.tactic.partition("\n")[0]) for step in trace.steps]


def test_tactics_in_blocks_are_steps_of_their_own_and_combinators_are_one(
    provers: Provers,
) -> None:
    found = {s: provers.trace(f"{s} := {proof}\n", s) for s, proof in PROOFS.items()}
    swap, both, chain, last, _ = found.values()
    assert _told(swap) == [
        (0, None, "induction a with"),
        (1, 0, "simp"),
        (1, 0, "rw [Nat.succ_add, ih, Nat.add_succ]"),
    ]
    assert swap.steps[2].before == (
        "case succ\nb n : Nat\nih : n + b = b + n\n⊢ n + 1 + b = b + (n + 1)",
    )
    named = [premise.name for premise in swap.steps[2].premises]
    assert named == ["Nat.succ_add", "Nat.add_succ"]
    assert swap.steps[2].premises[0].module == "Init.Data.Nat.Basic"
    assert _told(both) == [
        (0, None, "have h : q := by"),
        (1, 0, "exact hq"),
        (0, None, "constructor"),
        (0, None, "· assumption"),
        (1, 3, "assumption"),
        (0, None, "· refine ⟨h, ?_⟩"),
        (1, 5, "refine ⟨h, ?_⟩"),
        (1, 5, "first | exact hq | exact hp"),
    ]
    assert [step.tactic for step in chain.steps[1:]] == ["rw [h]", "exact h2"]
    assert chain.left_out == 1  # skip leaves the state as it was
    assert [step.depth for step in last.steps] == [0, 0]


def test_a_step_run_on_the_state_before_it_gives_the_state_after_it(provers: Provers) -> None:
    """The steps of the proof itself, run one after the other in a session of tactics."""
    for statement, proof in PROOFS.items():
        trace = provers.trace(f"{statement} := {proof}\n", statement)
        stepper = Stepper(provers.goals, GoalRequest(statement=statement))
        for step in (step for step in trace.steps if step.depth == 0):
            assert tuple(goal.pretty for goal in stepper.current.goals) == step.before
            ran = stepper.run(step.script)
            assert ran.state is not None, (step, ran.error)
            assert tuple(goal.pretty for goal in ran.state.goals) == step.after
        assert stepper.current.finished
        stepper.close()


def test_states_of_recorded_variants_are_exported(
    provers: Provers, store: Store, tmp_path: Path
) -> None:
    statement, proof = next(iter(PROOFS.items()))
    result = provers.accepted(f"{statement} := {proof}\n", statement)
    assert isinstance(result.verdict, Accepted)
    store.verdicts.put(result.request, provers.checker.toolchain, result.verdict)
    variant = VariantRecord(
        name="swap",
        statement=statement,
        proof=proof,
        rule="rw",
        lemma="Nat.add_comm",
        position="goal",
        parents=("T", "Nat.add_comm"),
        imports=("Init",),
        toolchain_digest=result.toolchain_digest,
        verdict_hash=result.hash,
        term_hash="t",
    )
    store.variants.add(variant)
    assert extract_states(store, provers.states, [variant]).traced == 1
    options = ExportOptions(recipes=("sft",), formats=("parquet",))
    made = provenance("aludel export", store.toolchains.known())
    report = export_recorded(store, tmp_path / "out", options, Selection(), made)
    rows = pq.read_table(report.paths("parquet")[0]).to_pylist()
    assert [row["depth"] for row in rows] == [0, 1, 1]
    assert rows[1]["prompt"] == "case zero\nb : Nat\n⊢ 0 + b = b + 0"
    assert (rows[1]["completion"], rows[1]["goals_after"]) == ("simp", 0)


def test_only_what_was_asked_is_traced_and_terms_have_no_steps(provers: Provers) -> None:
    helper = "theorem helper (a : Nat) : a + 0 = a := by simp\n"
    main = "theorem main (a b : Nat) (h : a = b) : a + 0 = b"
    code = f"{helper}{main} := by\n  rw [helper]\n  exact h\n"
    asked = provers.trace(code, main)
    assert [step.declaration for step in asked.steps] == ["main", "main"]
    assert [(p.name, p.module) for p in asked.steps[0].premises] == [("helper", None)]
    everything = provers.trace(code + "example : True := by trivial\n")
    assert [s.declaration for s in everything.steps] == [
        "helper",
        "main",
        "main",
        "_aludel_example_1",
    ]
    assert provers.trace("theorem t : 1 = 1 := rfl\n") == ProofTrace(steps=())


def test_a_tactic_that_runs_on_several_states_is_left_out(provers: Provers) -> None:
    trace = provers.trace(
        "theorem t (n : Nat) (h : n = 0 ∨ n = 1) : n ≤ 1 := by\n  cases h with\n  | _ h => omega\n"
    )
    assert len(trace.steps) == 1
    assert trace.left_out == 1


def test_hostile_and_unaccepted_texts_get_nothing(provers: Provers) -> None:
    good = provers.accepted("theorem t : True := trivial\n", "theorem t : True")

    def refused(code: str) -> str:
        request = good.request.model_copy(update={"code": code})
        with pytest.raises(InvalidRequest) as caught:
            provers.states.trace(good.model_copy(update={"request": request}))
        assert caught.value.field == "code"
        return str(caught.value)

    assert "#eval" in refused("#eval 1\ntheorem t : True := trivial")
    assert "unsolved goals" in refused("theorem t : True := by\n  skip")
    assert "does not declare" in refused("theorem u : True := trivial")
    assert provers.states.trace(good).steps == ()
    for update in (
        {"verdict": Rejected(hash=good.hash, reason="parse", message="no")},
        {"toolchain_digest": "0" * 64},
    ):
        with pytest.raises(InvalidRequest):
            provers.states.trace(good.model_copy(update=update))


def test_states_with_sorry_are_left_out(provers: Provers) -> None:
    """A `sorry` in a branch that the proof does not use is no reason to reject it."""
    code = (
        "theorem t (p : Prop) (h : p) : p := by\n"
        "  have := by\n    first\n    | (have : False := sorry; exact (nomatch this : p); done)\n"
        "  exact h\n"
    )
    request = CheckRequest(context=LeanContext(imports=("Init",)), code=code)
    assert not isinstance(provers.checker.check(request), Accepted)
    clean = "theorem t (p : Prop) (h : p) : p := by\n  first | (fail; exact sorry) | exact h\n"
    trace = provers.trace(clean)
    assert trace.steps == ()
    assert trace.left_out == 1
