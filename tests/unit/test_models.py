"""The contract's models: what requests may leave out, and what the content hash rests on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aludel.models import (
    VERDICT,
    Budget,
    CheckRequest,
    FStarContext,
    LeanContext,
    Policy,
    Usage,
    content_hash,
)


def test_a_context_without_prover_is_leans() -> None:
    request = CheckRequest.model_validate({"code": "x", "context": {"imports": ["Std"]}})
    assert request.context == LeanContext(imports=("Std",))
    fstar = {"code": "x", "context": {"prover": "fstar", "module": "A"}}
    assert isinstance(CheckRequest.model_validate(fstar).context, FStarContext)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code": 1},
        {"code": "x", "extra": 1},
        {"code": "x", "budget": {"wall_s": -1}},
        {"code": "x", "context": {"prover": "coq"}},
        {"code": "x", "context": {"module": "A"}},
    ],
)
def test_what_does_not_fit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        CheckRequest.model_validate(wrong)


def test_the_content_hash_rests_on_what_decides_and_on_nothing_else() -> None:
    request = CheckRequest(code="theorem t : True := trivial")
    key = content_hash("d", request)
    same = request.model_copy(update={"metadata": {"id": "7"}, "budget": Budget(wall_s=1)})
    assert content_hash("d", same) == key
    for other in (
        request.model_copy(update={"code": request.code + " "}),
        request.model_copy(update={"statement": "theorem t : True"}),
        request.model_copy(update={"policy": Policy(allow_helpers=False)}),
        request.model_copy(update={"context": LeanContext(imports=("Init",))}),
    ):
        assert content_hash("d", other) != key
    assert content_hash("another toolchain", request) != key


@given(code=st.text(), statement=st.none() | st.text(), imports=st.none() | st.lists(st.text()))
def test_requests_survive_json(code: str, statement: str | None, imports: list[str] | None) -> None:
    context = LeanContext(imports=None if imports is None else tuple(imports))
    request = CheckRequest(code=code, statement=statement, context=context)
    again = CheckRequest.model_validate_json(request.model_dump_json())
    assert again == request
    assert content_hash("d", again) == content_hash("d", request)


def test_a_verdict_is_told_by_its_kind() -> None:
    with pytest.raises(ValidationError):
        VERDICT.validate_python({"kind": "accepted", "hash": "h"})  # no evidence
    verdict = VERDICT.validate_python({"kind": "rejected", "hash": "h", "reason": "sorry"})
    assert verdict.kind == "rejected"


_SECONDS = st.none() | st.integers(0, 2**20).map(lambda n: n / 64)  # sums of these are exact
_USAGES = st.builds(
    Usage,
    wall_s=st.integers(0, 2**20).map(lambda n: n / 64),
    cpu_s=_SECONDS,
    prover_s=_SECONDS,
    heartbeats=st.none() | st.integers(0, 10**9),
    peak_memory_mb=_SECONDS,
    queue_s=_SECONDS,
)


@given(_USAGES, _USAGES, _USAGES)
def test_usages_add_up_in_any_grouping(one: Usage, two: Usage, three: Usage) -> None:
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one
    assert one + Usage() == one


def test_a_sum_keeps_the_higher_peak_and_what_one_part_measured() -> None:
    first = Usage(wall_s=1.0, cpu_s=0.5, peak_memory_mb=700.0, queue_s=0.25)
    second = Usage(wall_s=2.0, cpu_s=1.5, peak_memory_mb=600.0, heartbeats=9, prover_s=1.0)
    total = Usage(
        wall_s=3.0, cpu_s=2.0, prover_s=1.0, heartbeats=9, peak_memory_mb=700.0, queue_s=0.25
    )
    assert first + second == total
