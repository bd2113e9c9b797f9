"""Verdicts, toolchains, theorems and variants."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from fake_checker import TOOLCHAIN
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aludel.errors import Conflict, NotFound
from aludel.models import (
    Accepted,
    Budget,
    CheckRequest,
    Diagnostic,
    Evidence,
    LeanContext,
    Position,
    Rejected,
    RejectReason,
    Severity,
    Undecided,
    UndecidedReason,
    Usage,
    content_hash,
)
from aludel.records import TheoremRecord, VariantRecord
from aludel.settings import Settings
from aludel.store import Store, VariantFilter

SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)


@pytest.fixture
def store(anywhere: Settings) -> Iterator[Store]:
    with Store.open(anywhere) as opened:
        yield opened


def _accepted(request: CheckRequest, **more: Any) -> Accepted:
    return Accepted(hash=content_hash(TOOLCHAIN.digest, request), evidence=Evidence(), **more)


def _variant(store: Store, name: str, **changes: Any) -> VariantRecord:
    statement = f"theorem {name} : True"
    request = CheckRequest(statement=statement, code=f"{statement} := trivial\n")
    store.verdicts.put(request, TOOLCHAIN, _accepted(request))
    values = {
        "name": name,
        "statement": statement,
        "proof": "trivial",
        "rule": "rw",
        "lemma": "Nat.add_comm",
        "direction": "forward",
        "position": "goal",
        "parents": ("Nat.add_assoc", "Nat.add_comm"),
        "imports": ("Init",),
        "toolchain_digest": TOOLCHAIN.digest,
        "verdict_hash": content_hash(TOOLCHAIN.digest, request),
        "term_hash": f"term of {name}",
        "usage": Usage(wall_s=0.25, heartbeats=3),
    }
    return VariantRecord.model_validate({**values, **changes})


def test_a_verdict_comes_back_as_it_was(store: Store) -> None:
    request = CheckRequest(
        code="theorem t : ∀ x : ℕ, x = x := fun _ => rfl -- 𝔸",
        context=LeanContext(imports=("Init", "Mathlib"), options={"autoImplicit": False, "n": 3}),
        budget=Budget(wall_s=7),
        metadata={"sample": "1"},
    )
    verdict = Rejected(
        hash=content_hash(TOOLCHAIN.digest, request),
        reason=RejectReason.AXIOM,
        axioms=("cheat",),
        message="rests on cheat",
        diagnostics=(
            Diagnostic(
                severity=Severity.WARNING, message="⊢ False", start=Position(line=1, column=0)
            ),
        ),
        usage=Usage(wall_s=1.5, prover_s=1.25),
    )
    assert store.verdicts.put(request, TOOLCHAIN, verdict)
    assert store.verdicts.get(verdict.hash) == verdict
    result = store.verdicts.result(verdict.hash)
    assert result.request == request.model_copy(update={"budget": Budget(), "metadata": {}})
    assert (result.toolchain_digest, result.verdict) == (TOOLCHAIN.digest, verdict)


@SHARED
@given(code=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_unicode_text_comes_back(store: Store, code: str) -> None:
    request = CheckRequest(code=code)
    store.verdicts.put(request, TOOLCHAIN, _accepted(request))
    assert store.verdicts.result(_accepted(request).hash).request.code == code.replace(
        "\0", "\ufffd"
    )


def test_the_first_verdict_stays(store: Store) -> None:
    request = CheckRequest(code="x")
    first, second = _accepted(request), _accepted(request, message="later")
    assert store.verdicts.put(request, TOOLCHAIN, first)
    assert not store.verdicts.put(request, TOOLCHAIN, second)
    assert store.verdicts.get(first.hash) == first


def test_undecided_is_never_recorded(store: Store) -> None:
    request = CheckRequest(code="x")
    key = content_hash(TOOLCHAIN.digest, request)
    verdict = Undecided(hash=key, reason=UndecidedReason.TIMEOUT)
    with pytest.raises(ValueError, match="undecided"):
        store.verdicts.put(request, TOOLCHAIN, verdict)  # type: ignore[arg-type]
    assert store.verdicts.get(key) is None


def test_a_verdict_on_something_else_is_refused(store: Store) -> None:
    with pytest.raises(ValueError, match="the verdict is on"):
        store.verdicts.put(CheckRequest(code="x"), TOOLCHAIN, _accepted(CheckRequest(code="y")))


def test_an_unknown_hash(store: Store) -> None:
    assert store.verdicts.get("nothing") is None
    with pytest.raises(NotFound) as caught:
        store.verdicts.result("nothing")
    assert caught.value.field == "hash"


def test_only_toolchains_that_a_worker_offered_are_listed(store: Store) -> None:
    request = CheckRequest(code="x")
    store.verdicts.put(request, TOOLCHAIN, _accepted(request))
    assert store.toolchains.list() == []
    store.toolchains.register(TOOLCHAIN)
    first = store.toolchains.list()[0]
    store.toolchains.register(TOOLCHAIN)
    [again] = store.toolchains.list()
    assert again.toolchain == TOOLCHAIN
    assert again.registered_at == first.registered_at
    assert again.seen_at is not None
    assert first.seen_at is not None
    assert again.seen_at > first.seen_at
    assert again.seen_at.tzinfo is not None


def test_theorems_are_recorded_once_and_read_by_name(store: Store) -> None:
    store.toolchains.register(TOOLCHAIN)
    records = [TheoremRecord(name=f"t{i:04}", module="M", statement="True") for i in range(1_203)]
    assert store.theorems.add_many(TOOLCHAIN.digest, reversed(records)) == 1_203
    assert store.theorems.add_many(TOOLCHAIN.digest, records[:3]) == 0
    assert list(store.theorems.iterate(TOOLCHAIN.digest)) == records
    assert list(store.theorems.iterate("other")) == []


def test_theorems_of_an_unknown_toolchain(store: Store) -> None:
    with pytest.raises(Conflict) as caught:
        store.theorems.add_many("?", [TheoremRecord(name="n", module="m", statement="s")])
    assert caught.value.field == "toolchain_digest"


def test_a_variant_comes_back_as_it_was(store: Store) -> None:
    record = _variant(store, "v", position="hypothesis", hypothesis="h", round=2)
    assert store.variants.add(record)
    assert store.variants.get("v") == record
    assert list(store.variants.iterate()) == [record]


def test_adding_a_variant_again_changes_nothing(store: Store) -> None:
    record = _variant(store, "v")
    assert store.variants.add(record)
    assert not store.variants.add(record.model_copy(update={"usage": Usage(wall_s=9)}))
    assert list(store.variants.iterate()) == [record]


def test_two_variants_of_one_name(store: Store) -> None:
    record = _variant(store, "v")
    store.variants.add(record)
    with pytest.raises(Conflict) as caught:
        store.variants.add(record.model_copy(update={"proof": "True.intro"}))
    assert caught.value.field == "name"
    assert list(store.variants.iterate()) == [record]


def test_a_variant_must_rest_on_a_recorded_verdict(store: Store) -> None:
    record = _variant(store, "v", verdict_hash="0" * 64)
    with pytest.raises(Conflict) as caught:
        store.variants.add(record)
    assert caught.value.field == "verdict_hash"
    assert store.variants.count() == 0


def test_variants_are_chosen_by_toolchain_parent_and_job(store: Store) -> None:
    from aludel.jobs import MutationRequest

    job = store.jobs.create_mutation(MutationRequest(pattern="*"))
    first = _variant(store, "a")
    second = _variant(store, "b", parents=("a", "Nat.mul_comm"), lemma="Nat.mul_comm", round=2)
    store.variants.add(first, job.id)
    store.variants.add(second)
    chosen = {
        VariantFilter(): [first, second],
        VariantFilter(parent="a"): [second],
        VariantFilter(parent="Nat.add_comm"): [first],
        VariantFilter(job_id=job.id): [first],
        VariantFilter(toolchain_digest=TOOLCHAIN.digest, parent="a"): [second],
        VariantFilter(toolchain_digest=TOOLCHAIN.digest[:12]): [first, second],
        VariantFilter(toolchain_digest="other"): [],
        VariantFilter(toolchain_digest="%"): [],
    }
    for which, expected in chosen.items():
        assert list(store.variants.iterate(which)) == expected
        assert store.variants.count(which) == len(expected)


def test_variants_of_a_job_keep_their_places(store: Store) -> None:
    from aludel.jobs import MutationRequest

    job = store.jobs.create_mutation(MutationRequest(pattern="*"))
    records = [_variant(store, f"v{i}") for i in range(5)]
    store.variants.add(records[3])  # known from elsewhere, and yet a result of this job
    for record in [*records, records[0]]:
        store.variants.add(record, job.id)
    assert store.variants.of_job(job.id, -1, 10) == list(enumerate(records))
    assert store.variants.of_job(job.id, 1, 2) == [(2, records[2]), (3, records[3])]


def test_iterating_takes_constant_memory(store: Store) -> None:
    peaks = []
    for start in (0, 400):
        for number in range(start, 400 + 2 * start):
            store.variants.add(_variant(store, f"v{number}", proof="trivial -- " + "x" * 2_000))
        tracemalloc.start()
        assert sum(1 for _ in store.variants.iterate()) == 400 + 2 * start
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]
