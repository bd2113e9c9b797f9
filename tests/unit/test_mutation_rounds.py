"""Rounds: variants become targets, with their ancestors, few of a kind, the same for a seed."""

from __future__ import annotations

from collections import Counter

from fake_mutants import FakeSource, ProofChecker
from hypothesis import given, settings
from hypothesis import strategies as st

from aludel.mutation import MutationEngine, MutationPlan, TargetOutcome
from aludel.mutation.targets import next_targets
from aludel.records import VariantRecord


def plan(**changes: object) -> MutationPlan:
    basis = {"patterns": ("A.*",), "limit": 40, "rounds": 3, "round_targets": 5}
    return MutationPlan.model_validate({**basis, **changes})


def run(
    chosen: MutationPlan,
    source: FakeSource,
    workers: int = 2,
    done: list[TargetOutcome] | None = None,
) -> list[TargetOutcome]:
    return list(MutationEngine(source, ProofChecker(), workers).run(chosen, done or ()))


def test_variants_are_rewritten_with_their_ancestors_before_them() -> None:
    source = FakeSource()
    outcomes = run(plan(), source)
    variants = {v.name: v for outcome in outcomes for v in outcome.variants}
    assert {v.round for v in variants.values()} == {1, 2, 3}
    last = next(v for v in variants.values() if v.round == 3)
    parent = variants[last.parents[0]]
    grandparent = variants[parent.parents[0]]
    assert last.preamble == parent.code + "\n"
    assert parent.preamble == grandparent.code + "\n"
    assert grandparent.preamble == ""
    positions = [last.code.index(v.statement) for v in (grandparent, parent, last)]
    assert positions == sorted(positions)
    task = next(t for t in source.tasks if t.target == parent.name)
    assert task.preamble == last.preamble


def test_rounds_are_bounded_in_targets_and_variants() -> None:
    outcomes = run(plan(limit=12), FakeSource())
    accepted = Counter(v.round for outcome in outcomes for v in outcome.variants)
    assert accepted == {1: 12, 2: 12, 3: 12}
    outcomes = run(plan(), FakeSource())
    targets = Counter(outcome.round for outcome in outcomes)
    assert targets[2] == targets[3] == 5


def test_namespaces_are_those_of_the_library_theorems() -> None:
    outcomes = run(plan(patterns=("A.*", "B.*")), FakeSource())
    assert {outcome.namespace for outcome in outcomes if outcome.round == 3} <= {"A", "B"}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32), stop=st.integers(1, 18), workers=st.integers(1, 4))
def test_a_run_stopped_in_any_round_goes_on_to_the_same_end(
    seed: int, stop: int, workers: int
) -> None:
    chosen = plan(seed=seed)
    whole = run(chosen, FakeSource(jitter_s=0.001), workers)
    first = [o.model_copy(deep=True) for o in whole[:stop]]
    rest = run(chosen, FakeSource(), workers, first)
    assert _content(first + rest) == _content(whole)


def _content(outcomes: list[TargetOutcome]) -> list[tuple[int, str, list[str]]]:
    return [(o.round, o.target, [v.code for v in o.variants]) for o in outcomes]


def _variants(lemmas: list[str], namespaces: list[str]) -> list[tuple[VariantRecord, str]]:
    basis = run(plan(rounds=1), FakeSource())[0].variants[0]
    return [
        (basis.model_copy(update={"name": f"v{n}", "lemma": lemma}), namespace)
        for n, (lemma, namespace) in enumerate(zip(lemmas, namespaces, strict=True))
    ]


def test_the_next_targets_are_spread_over_lemmas_and_then_over_namespaces() -> None:
    crowd = _variants(["common"] * 20 + ["rare1", "rare2"], ["Nat"] * 20 + ["List", "List"])
    chosen = next_targets(plan(round_targets=3), crowd)
    assert {"v20", "v21"} < {target.name for target in chosen}
    crowd = _variants([f"l{n}" for n in range(12)], ["Nat"] * 10 + ["List", "Int"])
    chosen = next_targets(plan(round_targets=3), crowd)
    assert {target.namespace for target in chosen} == {"Nat", "List", "Int"}


def test_the_choice_depends_on_the_seed_and_not_on_the_order() -> None:
    crowd = _variants([f"l{n % 7}" for n in range(40)], [f"N{n % 3}" for n in range(40)])
    names = [t.name for t in next_targets(plan(), crowd)]
    assert names == [t.name for t in next_targets(plan(), reversed(crowd))]
    assert names != [t.name for t in next_targets(plan(seed=1), crowd)]
