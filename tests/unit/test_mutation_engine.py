"""Mutation runs on a made-up library: order, limits, figures."""

from __future__ import annotations

import pytest
from fake_mutants import FakeSource, ProofChecker, mutant
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.errors import InvalidRequest
from aludel.lean_checker.operations import Mutant, MutationResult, MutationTask
from aludel.lean_checker.process import ProcessDied
from aludel.models import Usage
from aludel.mutation import (
    MutationEngine,
    MutationPlan,
    MutationReport,
    RoundProgress,
    TargetOutcome,
)
from aludel.mutation.naming import variant_name
from aludel.mutation.targets import first_targets


def plan(**changes: object) -> MutationPlan:
    return MutationPlan.model_validate({"patterns": ("A.*",), "limit": 1000, **changes})


def run(
    chosen: MutationPlan, workers: int = 2, source: FakeSource | None = None
) -> list[TargetOutcome]:
    engine = MutationEngine(source or FakeSource(), ProofChecker(), workers)
    return list(engine.run(chosen))


def names(outcomes: list[TargetOutcome]) -> list[str]:
    return [variant.name for outcome in outcomes for variant in outcome.variants]


def total(outcomes: list[TargetOutcome]) -> MutationReport:
    report = MutationReport()
    for outcome in outcomes:
        report.add(outcome.report)
    return report


def order(seed: int, **changes: object) -> list[str]:
    chosen = plan(seed=seed, **changes)
    return [target.name for target in first_targets(FakeSource(), ProofChecker(), chosen)]


def test_every_matching_theorem_is_rewritten_and_its_accepted_variants_are_kept() -> None:
    outcomes = run(plan())
    report = total(outcomes)
    assert {o.target for o in outcomes} == {f"A.{i}" for i in range(10)}
    assert (report.targets, report.failed) == (9, {"timeout": 1})
    # 7 mutants a theorem; number 5 is wrong; number 1 is the same statement everywhere
    assert (report.total.constructed, report.total.checked, report.total.proved) == (63, 63, 54)
    assert report.total.rejected == {"elaboration": 9}
    assert report.total.accepted == len(names(outcomes)) == 54 - 8
    assert report.total.filtered == {"duplicate": 8}
    assert report.dropped == {"not_invocable": 18}
    assert report.total.conversion == pytest.approx(54 / 63)
    assert report.expansion == pytest.approx(46 / 9)
    assert report.accepted_in == {"A": 46}


def test_costs_are_those_of_every_part_failures_included() -> None:
    costs = total(run(plan())).costs
    assert costs.construction_s == pytest.approx(9 * 1.0 + 7.0 + 9 * 1.0)  # proofs asked for again
    assert costs.checking_s == pytest.approx((63 + 9) * 0.5)
    assert costs.screening_s == pytest.approx(54 * 0.25)
    assert costs.driver_s > 0


def test_what_lean_refused_is_kept_with_its_reason() -> None:
    refused = [one for outcome in run(plan()) for one in outcome.refused]
    assert len(refused) == 9
    assert {(one.kind, one.reason) for one in refused} == {("rejected", "elaboration")}
    assert all("wrong" in one.code for one in refused)


def test_a_script_that_fails_is_replaced_by_a_term() -> None:
    def two(target: str) -> list[Mutant]:
        return [mutant(target, 1, proof="by clumsy wrong"), mutant(target, 2, proof="by wrong")]

    source = FakeSource(mutants=two)
    (outcome,) = run(plan(patterns=("B.0",)), source=source)
    assert [variant.proof for variant in outcome.variants] == ["by a_term"]
    assert [one.lemma for one in outcome.refused] == ["lemma2"]
    figures = outcome.report.of("rw")
    assert (figures.checked, figures.proved, figures.by_term) == (2, 1, 1)
    again = [task for task in source.tasks if task.proofs == "term"]
    assert [(task.lemmas, task.rules) for task in again] == [
        (("lemma1",), ("rw",)),
        (("lemma2",), ("rw",)),
    ]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), limit=st.integers(1, 60), workers=st.integers(1, 5))
def test_the_result_does_not_depend_on_how_many_work_at_once(
    seed: int, limit: int, workers: int
) -> None:
    chosen = plan(seed=seed, limit=limit)
    jittery = FakeSource(jitter_s=0.002)
    outcomes = run(chosen, workers, jittery)
    assert names(outcomes) == names(run(chosen, workers=1))
    assert len(names(outcomes)) == min(limit, 46)


def test_a_seed_decides_the_order_of_targets() -> None:
    assert len({tuple(order(seed)) for seed in range(8)}) > 1
    assert order(3) == order(3)
    assert len(order(0, max_targets=4)) == 4


def test_shards_share_the_targets_out() -> None:
    parts = [order(5, shard=(part, 3)) for part in (1, 2, 3)]
    assert sorted(name for part in parts for name in part) == sorted(order(5))
    with pytest.raises(ValueError, match="no shard 4 of 3"):
        plan(shard=(4, 3))


def test_a_pattern_that_matches_nothing_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"Nope\.\*") as caught:
        run(plan(patterns=("A.*", "Nope.*")))
    assert caught.value.field == "pattern"


def test_a_run_needs_something_to_rewrite() -> None:
    with pytest.raises(ValueError, match="a pattern or a statement"):
        MutationPlan()


def test_an_unproved_statement_is_no_target() -> None:
    with pytest.raises(InvalidRequest, match="does not accept") as caught:
        run(plan(statement="theorem t : True := wrong"))
    assert caught.value.field == "statement"


def test_progress_counts_theorems_and_accepted_variants() -> None:
    seen: list[tuple[int, int, int]] = []

    def note(state: RoundProgress) -> None:
        seen.append((state.done, state.targets, state.accepted))

    engine = MutationEngine(FakeSource(), ProofChecker(), 2, progress=note)
    outcomes = list(engine.run(plan()))
    assert seen[0] == (0, 10, 0)
    assert seen[-1] == (10, 10, len(names(outcomes)))


def test_parents_and_cost_are_recorded() -> None:
    variant = run(plan(max_targets=1, limit=1))[0].variants[0]
    assert variant.parents[1] == variant.lemma
    assert variant.statement.startswith(f"theorem {variant.name} ")
    assert variant.usage.cpu_s == pytest.approx(0.5 + 1 / 7)  # its check, its share of rewriting


class _Dying(FakeSource):
    """The process dies of ``A.5``, every time; of ``A.6``, once."""

    def mutate(self, task: MutationTask) -> MutationResult:
        known = self.asked.count(task.target)
        if task.target == "A.5" or (task.target == "A.6" and not known):
            self.asked.append(task.target)
            raise ProcessDied(1, "", Usage(cpu_s=2.0))
        return super().mutate(task)


def test_a_theorem_that_kills_two_processes_is_given_up_and_said_so() -> None:
    source = _Dying()
    outcomes = run(plan(), source=source)
    assert total(outcomes).failed == {"timeout": 1, "memory": 1}
    assert source.asked.count("A.5") == source.asked.count("A.6") == 2
    assert next(o for o in outcomes if o.target == "A.6").variants


def test_names_are_one_word_and_differ_when_variants_differ() -> None:
    one = variant_name("Nat.«weird name».x'", mutant("t", 1))
    other = variant_name("Nat.«weird name».x'", mutant("t", 2))
    assert one != other
    assert one.replace("_", "").isalnum()
    assert variant_name("1a", mutant("t", 1)).startswith("t_1a_rw_")
    assert variant_name("t", mutant("t", 1, rule="apply", direction=None)).startswith("t_apply_")
