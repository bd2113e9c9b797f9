"""No split lets a test theorem be known from train: not by lineage, not by a duplicate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from aludel.errors import Conflict, InvalidRequest
from aludel.proof_export import SplitPlan, Splits, assign_splits
from aludel.proof_export.splitting import SplitKind
from aludel.records import VariantRecord

KINDS = [kind for kind in get_args(SplitKind) if kind != "none"]


def theorem(name: str, parents: Sequence[str], **changes: Any) -> VariantRecord:
    fields: dict[str, Any] = {
        "name": name,
        "statement": f"theorem {name} : {name} = {name}",
        "proof": "rfl",
        "rule": "rw",
        "lemma": parents[1],
        "position": "goal",
        "parents": tuple(parents),
        "imports": ("Init",),
        "toolchain_digest": "d" * 64,
        "verdict_hash": "v",
        "term_hash": f"term of {name}",
        "shape_hash": f"shape of {name}",
    }
    return VariantRecord(**{**fields, **changes})


@st.composite
def lineages(draw: st.DrawFn) -> list[VariantRecord]:
    """Variants over rounds: of library theorems and of earlier ones, some of them duplicates."""
    found: list[VariantRecord] = []
    for i in range(draw(st.integers(4, 40))):
        library = [f"P{k % 4}.lib{k}" for k in range(16)]
        target = draw(st.sampled_from([v.name for v in found] + library * 2))
        lemma = draw(st.sampled_from([v.name for v in found] + library * 6))
        made_from = next((v for v in found if v.name == target), None)
        imports = made_from.imports if made_from else (f"{target[:2]}.Basic",)
        changes: dict[str, Any] = {"imports": imports}
        if found and draw(st.integers(0, 19)) == 0:
            twin = draw(st.sampled_from(found))
            same = draw(st.sampled_from(["term_hash", "shape_hash", "statement"]))
            changes[same] = getattr(twin, same)
            if same == "statement":
                changes[same] = twin.statement.replace(f"theorem {twin.name} ", f"theorem v{i}   ")
        found.append(theorem(f"v{i}", (target, lemma), **changes))
    return found


def ancestors(variant: VariantRecord, by_name: dict[str, VariantRecord]) -> set[str]:
    found: set[str] = set()
    waiting = list(variant.parents)
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in found:
            found.add(name)
            waiting += by_name[name].parents
    return found


def text(variant: VariantRecord) -> str:
    return "".join(variant.statement.split()).removeprefix(f"theorem{variant.name}")


def leaks(test: VariantRecord, train: VariantRecord, by_name: dict[str, VariantRecord]) -> bool:
    """Written from the definition, without families or keys."""
    return (
        train.name in ancestors(test, by_name)
        or test.name in ancestors(train, by_name)
        or test.parents[0] == train.parents[0]
        or test.term_hash == train.term_hash
        or test.shape_hash == train.shape_hash
        or text(test) == text(train)
    )


def divided(variants: Sequence[VariantRecord], splits: Splits) -> dict[str, list[VariantRecord]]:
    found: dict[str, list[VariantRecord]] = {"train": [], "valid": [], "test": []}
    for variant in variants:
        found[splits.of(variant.name)].append(variant)
    return found


def assigned(variants: Sequence[VariantRecord], plan: SplitPlan) -> Splits:
    try:
        return assign_splits(variants, plan)
    except InvalidRequest as error:
        assert error.field == "split"
        assume(False)
        raise


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=60)
@given(variants=lineages(), seed=st.integers(0, 3))
def test_nothing_of_a_test_theorem_is_in_train_or_valid(
    kind: SplitKind, variants: list[VariantRecord], seed: int
) -> None:
    plan = SplitPlan(kind, seed, test=0.3, valid=0.2)
    parts = divided(variants, assigned(variants, plan))
    by_name = {variant.name: variant for variant in variants}
    assert parts["train"] and parts["test"]
    others = [(s, v) for s in ("train", "valid") for v in parts[s]]
    assert [
        (a.name, s, b.name) for a in parts["test"] for s, b in others if leaks(a, b, by_name)
    ] == []
    kept = [v for v in parts["valid"] for t in parts["train"] if leaks(v, t, by_name)]
    assert kept == []


@settings(deadline=None, max_examples=60)
@given(variants=lineages())
def test_every_test_theorem_has_a_premise_that_train_never_uses(
    variants: list[VariantRecord],
) -> None:
    parts = divided(variants, assigned(variants, SplitPlan("novel_premises", test=0.4)))
    by_name = {variant.name: variant for variant in variants}

    def uses(variant: VariantRecord) -> set[str]:
        lemmas = {lemma for lemma in variant.parents[1:] if lemma not in by_name}
        while variant.parents[0] in by_name:
            variant = by_name[variant.parents[0]]
        return lemmas | {variant.parents[0]}

    seen = {premise for variant in parts["train"] for premise in uses(variant)}
    for held_out in parts["test"] + parts["valid"]:
        assert uses(held_out) - seen


@settings(deadline=None, max_examples=40)
@given(variants=lineages())
def test_no_project_of_test_is_in_train(variants: list[VariantRecord]) -> None:
    parts = divided(variants, assigned(variants, SplitPlan("cross_project", test=0.4)))
    by_name = {variant.name: variant for variant in variants}

    def projects(part: str) -> set[tuple[str, ...]]:
        return {v.imports for v in parts[part] if v.parents[0] not in by_name}

    assert projects("test") and projects("train")
    assert not projects("test") & projects("train")


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=25)
@given(variants=lineages(), order=st.randoms())
def test_the_order_of_the_theorems_changes_nothing(
    kind: SplitKind, variants: list[VariantRecord], order: Any
) -> None:
    plan = SplitPlan(kind, test=0.3, valid=0.1)
    first = assigned(variants, plan)
    shuffled = list(variants)
    order.shuffle(shuffled)
    second = assign_splits(shuffled, plan)
    assert [first.of(v.name) for v in variants] == [second.of(v.name) for v in variants]


def corpus(families: int = 60) -> list[VariantRecord]:
    """Families of 1 to 9 variants."""
    return [
        theorem(f"v{f}_{i}", (f"{'ABCD'[f % 4]}.lib{f}", f"A.lemma{(f + i) % 7}"))
        for f in range(families)
        for i in range(1 + f % 9)
    ]


@pytest.mark.parametrize("kind", ["random", "lineage", "novel_premises"])
def test_shares_are_met_and_never_passed(kind: SplitKind) -> None:
    variants = corpus()
    counts = assign_splits(variants, SplitPlan(kind, test=0.2, valid=0.1)).counts
    total = len(variants)
    assert sum(counts.values()) == total
    assert 0.17 * total < counts["test"] <= 0.2 * total
    assert 0.07 * total < counts["valid"] <= 0.1 * total


def test_the_seed_decides() -> None:
    variants = corpus()
    tests = {
        frozenset(
            v.name for v in variants if assign_splits(variants, SplitPlan("lineage", s)).of(v.name)
            == "test"
        )
        for s in range(3)
    }  # fmt: skip
    assert len(tests) == 3


def test_random_takes_larger_families_than_lineage() -> None:
    variants = corpus()

    def mean_size(kind: SplitKind) -> float:
        taken: Counter[str] = Counter()
        for seed in range(12):
            splits = assign_splits(variants, SplitPlan(kind, seed, test=0.2))
            taken.update(f"{seed} {v.parents[0]}" for v in variants if splits.of(v.name) == "test")
        return sum(taken.values()) / len(taken)

    assert mean_size("random") > 1.1 * mean_size("lineage")


def test_projects_may_be_namespaces() -> None:
    variants = corpus()
    with pytest.raises(InvalidRequest, match="one project, which no split divides"):
        assign_splits(variants, SplitPlan("cross_project"))
    splits = assign_splits(variants, SplitPlan("cross_project", project="namespace", test=0.3))
    parts = divided(variants, splits)
    assert {v.parents[0][0] for v in parts["test"]}.isdisjoint(
        v.parents[0][0] for v in parts["train"]
    )
    assert splits.families == 4


def test_one_family_cannot_be_divided() -> None:
    with pytest.raises(InvalidRequest, match="all 3 theorems are one family"):
        assign_splits([theorem(f"v{i}", ("t", "l")) for i in range(3)], SplitPlan("lineage"))


def test_no_family_of_its_own_premises() -> None:
    circle = [theorem(f"v{i}", (f"l{i}", f"l{1 - i}")) for i in range(2)]
    with pytest.raises(InvalidRequest, match="no family has a premise of its own"):
        assign_splits(circle, SplitPlan("novel_premises", test=0.4))


def test_a_theorem_that_came_later_is_in_no_split() -> None:
    splits = assign_splits(corpus(), SplitPlan("lineage"))
    with pytest.raises(Conflict, match="'late' is in no split"):
        splits.of("late")


def test_without_a_split_everything_is_train() -> None:
    variants = corpus(5)
    splits = assign_splits(variants, SplitPlan())
    assert {splits.of(v.name) for v in variants} == {"train"}


@pytest.mark.parametrize(
    ("plan", "field"),
    [
        ({"kind": "lucky"}, "split"),
        ({"kind": "random", "test": 1.0}, "test"),
        ({"kind": "random", "valid": -0.1}, "valid"),
        ({"kind": "random", "test": 0.5, "valid": 0.5}, "test"),
        ({"kind": "random", "test": 0.0, "valid": 0.0}, "test"),
    ],
)
def test_plans_that_make_no_sense(plan: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        SplitPlan(**plan)
    assert caught.value.field == field
