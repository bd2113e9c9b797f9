"""Every filter: what it leaves out, that it can be switched off, that it is counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fake_mutants import FakeSource, ProofChecker, mutant

from aludel.lean_checker.avoided import as_theorem, normal_text
from aludel.lean_checker.operations import Mutant
from aludel.mutation import (
    FILTERS,
    MutationEngine,
    MutationPlan,
    MutationReport,
    look_again,
    sample_of,
)


def outcome_of(
    mutants: Callable[[str], list[Mutant]], **changes: object
) -> tuple[list[str], MutationReport, FakeSource]:
    source = FakeSource(mutants=mutants)
    plan = MutationPlan.model_validate({"patterns": ("B.0",), "limit": 1000, **changes})
    (outcome,) = MutationEngine(source, ProofChecker(), 1).run(plan)
    return [variant.lemma for variant in outcome.variants], outcome.report, source


def with_proofs(*proofs: str) -> Callable[[str], list[Mutant]]:
    return lambda target: [mutant(target, n, proof=proof) for n, proof in enumerate(proofs)]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("same", "unchanged"),
        ("trivial", "trivial"),
        ("vacuous", "vacuous"),
        ("idle", "unused_hypothesis"),
    ],
)
def test_what_screening_finds_is_left_out_and_counted(word: str, reason: str) -> None:
    kept, report, _ = outcome_of(with_proofs("good", word, "good"))
    assert kept == ["lemma0", "lemma2"]
    assert report.total.filtered == {reason: 1}
    assert (report.total.proved, report.total.accepted) == (3, 2)
    others = tuple(name for name in FILTERS if name != reason)
    kept, report, _ = outcome_of(with_proofs("good", word, "good"), filters=others)
    assert len(kept) == 3
    assert not report.total.filtered


def test_duplicates_are_found_before_they_are_checked_and_across_orders_of_hypotheses() -> None:
    def twins(target: str) -> list[Mutant]:
        return [mutant(target, n, shape_hash="one shape") for n in (1, 2, 3)]

    kept, report, _ = outcome_of(twins)
    assert len(kept) == 1
    assert report.total.filtered == {"duplicate": 2}
    assert (report.total.constructed, report.total.checked) == (3, 1)
    kept, report, _ = outcome_of(twins, filters=("vacuous",))
    assert len(kept) == 3


def test_a_statement_may_be_too_large() -> None:
    def long(target: str) -> list[Mutant]:
        return [mutant(target, 1), mutant(target, 2, header=" : " + "x" * 500)]

    kept, report, _ = outcome_of(long, max_statement=300)
    assert kept == ["lemma1"]
    assert report.total.filtered == {"too_large": 1}
    assert len(outcome_of(long, max_statement=300, filters=("duplicate",))[0]) == 2


def test_statements_of_an_evaluation_set_are_left_out_by_text_and_by_shape() -> None:
    def three(target: str) -> list[Mutant]:
        return [
            mutant(target, 1, header=" (n : Nat) :  n = n"),
            mutant(target, 2, header=" (m : Nat) : m = m", shape_hash="avoided shape"),
            mutant(target, 3),
        ]

    avoid = ("theorem quiz (n : Nat) : n = n := by sorry", "theorem other : avoided shape")
    kept, report, _ = outcome_of(three, avoid=avoid)
    assert kept == ["lemma3"]
    assert report.total.filtered == {"overlap": 2}
    assert len(outcome_of(three, avoid=avoid, filters=("duplicate",))[0]) == 3


@pytest.mark.parametrize(
    ("text", "normal", "theorem"),
    [
        ("theorem a.b (n : Nat) : n = n := by sorry", "(n:Nat):n=n", " (n : Nat) : n = n"),
        ("lemma «x» {n} : p :=\n  by\n  simp", "{n}:p", " {n} : p"),
        ("example : 1 = 1 := sorry", ":1=1", " : 1 = 1"),
        ("∀ n : Nat, n = n", "∀n:Nat,n=n", " : ∀ n : Nat, n = n"),
    ],
)
def test_statements_are_compared_without_name_proof_and_spaces(
    text: str, normal: str, theorem: str
) -> None:
    assert normal_text(text) == normal
    assert as_theorem(text).split() == ("theorem aludel_avoided" + theorem).split()


def test_what_exhausts_the_prover_is_not_kept_and_the_others_are_screened_without_it() -> None:
    kept, report, source = outcome_of(with_proofs("good", "killer", "good", "vacuous"))
    assert kept == ["lemma0", "lemma2"]
    assert report.total.filtered == {"not_screened": 1, "vacuous": 1}
    assert source.screened == 3
    assert report.costs.screening_s == pytest.approx(2 * 3.0 + 3 * 0.25)


def test_what_does_not_elaborate_for_screening_is_not_kept() -> None:
    kept, report, _ = outcome_of(with_proofs("good", "broken"))
    assert kept == ["lemma0"]
    assert report.total.filtered == {"not_screened": 1}


def test_a_search_without_result_is_said_to_have_run_out() -> None:
    kept, report, _ = outcome_of(with_proofs("slow", "good"))
    assert len(kept) == 2
    assert report.unsearched == {"simp": 1}


def test_nothing_is_screened_when_no_filter_asks() -> None:
    kept, _, source = outcome_of(with_proofs("trivial"), filters=("duplicate", "too_large"))
    assert kept == ["lemma0"]
    assert source.screened == 0


def test_the_second_look_finds_what_the_first_budget_missed() -> None:
    source = FakeSource(mutants=with_proofs("good", "deep", "slow"))
    plan = MutationPlan(patterns=("B.0",))
    (outcome,) = MutationEngine(source, ProofChecker(), 1).run(plan)
    assert len(outcome.variants) == 3
    sample, shapes = sample_of(outcome.variants, 300, seed=1)
    check = look_again(source, plan, sample, shapes)
    assert (check.sample, check.budget) == (3, 50_000)
    assert check.figures()["found"]["vacuous"] == 1
    assert [(f.reason, f.found_by) for f in check.findings] == [("vacuous", "omega")]
    assert check.unsearched == {"simp": 1}


def test_the_second_look_finds_duplicates_in_the_whole_run() -> None:
    source = FakeSource(mutants=with_proofs("good", "good"))
    plan = MutationPlan(patterns=("B.0",))
    (outcome,) = MutationEngine(source, ProofChecker(), 1).run(plan)
    sample, shapes = sample_of(outcome.variants, 1, seed=1)
    shapes.update(["0 = 0", "1 = 1"])  # what Lean reads off the statements, recorded for others
    assert look_again(source, plan, sample, shapes).found == {"duplicate": 1}


def test_samples_depend_on_the_seed_alone() -> None:
    def many(target: str) -> list[Mutant]:
        return [mutant(target, n) for n in range(1, 200)]

    plan = MutationPlan(patterns=("B.0",), per_target=200, limit=200)
    (outcome,) = MutationEngine(FakeSource(mutants=many), ProofChecker(), 1).run(plan)
    variants = outcome.variants
    one, shapes = sample_of(variants, 20, seed=1)
    again, _ = sample_of(reversed(variants), 20, seed=1)
    other, _ = sample_of(variants, 20, seed=2)
    assert one == again != other
    assert sum(shapes.values()) == len(variants)


def test_what_is_known_of_a_variant_is_kept_with_it() -> None:
    source = FakeSource(mutants=with_proofs("good", "good\n  more", "idle"))
    others = tuple(name for name in FILTERS if name != "unused_hypothesis")
    for filters, searched in ((others, True), (("duplicate",), False)):
        plan = MutationPlan.model_validate({"patterns": ("B.0",), "limit": 9, "filters": filters})
        (outcome,) = MutationEngine(source, ProofChecker(), 1).run(plan)
        facts = [variant.facts for variant in outcome.variants]
        assert [one.proof_lines for one in facts] == [1, 2, 1]
        assert [one.trivial for one in facts] == [("" if searched else None)] * 3
        unused = [one.unused_hypotheses for one in facts]
        assert unused == ([0, 0, 1] if searched else [None] * 3)
