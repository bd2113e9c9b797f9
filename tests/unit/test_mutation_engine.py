"""Mutation runs on a made-up library: order, limits, figures, journals."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_mutants import FakeSource, ProofChecker, mutant
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.errors import Conflict, InvalidRequest, StoreError
from aludel.records import VariantRecord
from mutation import Journal, MutationEngine, MutationPlan, MutationReport, TargetOutcome
from mutation.naming import variant_name


def plan(**changes: object) -> MutationPlan:
    return MutationPlan.model_validate({"patterns": ("A.*",), "limit": 1000, **changes})


def run(
    chosen: MutationPlan, workers: int = 2, source: FakeSource | None = None
) -> list[TargetOutcome]:
    engine = MutationEngine(source or FakeSource(), ProofChecker(), workers)
    return list(engine.run(chosen, engine.targets(chosen)))


def names(outcomes: list[TargetOutcome]) -> list[str]:
    return [variant.name for outcome in outcomes for variant in outcome.variants]


def total(outcomes: list[TargetOutcome]) -> MutationReport:
    report = MutationReport()
    for outcome in outcomes:
        report.add(outcome.report)
    return report


def test_every_matching_theorem_is_rewritten_and_its_accepted_variants_are_kept() -> None:
    outcomes = run(plan())
    report = total(outcomes)
    assert {o.target for o in outcomes} == {f"A.{i}" for i in range(10)}
    assert (report.targets, report.targets_failed) == (9, 1)
    # 7 mutants a theorem; number 5 is wrong; number 1 is the same statement everywhere
    assert report.constructed == 63
    assert report.accepted == 54
    assert report.rejected == {"elaboration": 9}
    assert report.recorded == len(names(outcomes)) == 54 - 8
    assert report.dropped == {"not_invocable": 18, "duplicate_of_other_target": 8}
    assert report.core_seconds == pytest.approx(9 * 1.0 + 7.0 + 63 * 0.5)
    assert report.conversion == pytest.approx(54 / 63)


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
    engine = MutationEngine(FakeSource(), ProofChecker())
    orders = {tuple(engine.targets(plan(seed=seed))) for seed in range(8)}
    assert len(orders) > 1
    assert engine.targets(plan(seed=3)) == engine.targets(plan(seed=3))
    assert len(engine.targets(plan(max_targets=4))) == 4


def test_a_pattern_that_matches_nothing_is_named() -> None:
    with pytest.raises(InvalidRequest, match=r"Nope\.\*") as caught:
        run(plan(patterns=("A.*", "Nope.*")))
    assert caught.value.field == "pattern"


def test_parents_and_cost_are_recorded() -> None:
    variant = run(plan(max_targets=1, limit=1))[0].variants[0]
    assert variant.parents[1] == variant.lemma
    assert variant.statement.startswith(f"theorem {variant.name} ")
    assert variant.usage.cpu_s == pytest.approx(0.5 + 1.0)  # its check, and all of the rewriting


def test_names_are_one_word_and_differ_when_variants_differ() -> None:
    one = variant_name("Nat.«weird name».x'", mutant("t", 1))
    other = variant_name("Nat.«weird name».x'", mutant("t", 2))
    assert one != other
    assert one.replace("_", "").isalnum()
    assert variant_name("1a", mutant("t", 1)).startswith("t_1a_rw_")


def journaled(path: Path, chosen: MutationPlan, stop_after: int | None = None) -> list[str]:
    engine = MutationEngine(FakeSource(), ProofChecker(), 2)
    with Journal(path, chosen, "digest") as journal:
        outcomes = list(journal.outcomes)
        for done, outcome in enumerate(
            engine.run(chosen, engine.targets(chosen), journal.outcomes), start=1
        ):
            journal.append(outcome)
            outcomes.append(outcome)
            if done == stop_after:
                break
    return names(outcomes)


@pytest.mark.parametrize("torn", [b"", b'{"target": "A.1", "vari'])
def test_a_stopped_run_goes_on_and_gives_what_an_uninterrupted_one_gives(
    tmp_path: Path, torn: bytes
) -> None:
    chosen = plan(limit=30)
    whole = journaled(tmp_path / "whole.jsonl", chosen)
    path = tmp_path / "journal.jsonl"
    for _ in range(3):
        journaled(path, chosen, stop_after=1)
        with path.open("ab") as file:
            file.write(torn)
    assert journaled(path, chosen) == whole
    assert len(whole) == 30


def test_finished_targets_are_not_rewritten_again(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journaled(path, plan())
    source = FakeSource()
    engine = MutationEngine(source, ProofChecker(), 2)
    with Journal(path, plan(), "digest") as journal:
        assert list(engine.run(plan(), engine.targets(plan()), journal.outcomes)) == []
    assert source.asked == []


def test_a_journal_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journaled(path, plan(), stop_after=1)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="other options"):
        Journal(path, plan(seed=1), "digest")
    with pytest.raises(Conflict, match="other options"):
        Journal(path, plan(), "another toolchain")
    assert path.read_bytes() == before


def test_what_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("not json\n")
    with pytest.raises(InvalidRequest, match="not a mutation journal"):
        Journal(path, plan(), "digest")
    assert path.read_text() == "not json\n"


def test_a_folder_that_cannot_be_made_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot use"):
        Journal(tmp_path / "file" / "journal.jsonl", plan(), "digest")


def test_variants_survive_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    engine = MutationEngine(FakeSource(), ProofChecker())
    outcome = next(iter(engine.run(plan(), engine.targets(plan()))))
    with Journal(path, plan(), "digest") as journal:
        journal.append(outcome)
    with Journal(path, plan(), "digest") as journal:
        kept = journal.outcomes[0]
    assert kept.target == outcome.target
    assert kept.variants == outcome.variants
    assert all(isinstance(v, VariantRecord) for v in kept.variants)
    assert kept.report == outcome.report
