"""Tactic states for kimina's clients: trees of steps, and what each key is shown."""

from __future__ import annotations

import pytest

from aludel.api.infotrees import infotree_of
from aludel.api.states import KeyedStates
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.models import Accepted, CheckRequest, Evidence, Position, Toolchain, Usage, content_hash
from aludel.proof_states import ProofStep, ProofTrace
from aludel.protocols import Exhausted
from aludel.records import Result
from aludel.settings import Settings
from aludel.store import Store
from aludel.tenants import current_tenant


def step(text: str, line: int, parent: int | None = None) -> ProofStep:
    start, end = Position(line=line, column=2), Position(line=line, column=2 + len(text))
    return ProofStep(
        declaration="t", tactic=text, before=("⊢ p",), after=(), start=start, end=end,
        depth=0 if parent is None else 1, parent=parent,
    )  # fmt: skip


TRACE = ProofTrace(steps=(step("· a", 2), step("a", 2, 0), step("b", 3), step("c", 3, 1)))


def test_steps_inside_others_are_their_children() -> None:
    first, second = infotree_of(TRACE)
    assert first["node"]["stx"]["pp"] == "· a" and second["node"]["stx"]["pp"] == "b"
    [inner] = first["children"]
    assert inner["node"]["stx"]["pp"] == "a"
    assert [child["node"]["stx"]["pp"] for child in inner["children"]] == ["c"]
    assert infotree_of(ProofTrace(steps=())) == []


class FakeTracer:
    """Answers by a word in the code, and notes for whom it was asked."""

    toolchain = Toolchain(prover="lean", name="l", version="4", kind="embedded", digest="d" * 64)

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def trace(self, result: Result, *, wall_s: float = 1.0) -> ProofTrace | Exhausted:
        code = result.request.code
        self.asked.append((code, current_tenant()))
        if "native" in code:
            raise InvalidRequest("it does not elaborate here")
        if "down" in code:
            raise BackendUnavailable("no process starts")
        if "slow" in code:
            return Exhausted("timeout", f"more than {wall_s:g} s", Usage())
        return TRACE


def recorded(store: Store, code: str) -> str:
    request = CheckRequest(code=code)
    key = content_hash(FakeTracer.toolchain.digest, request)
    store.verdicts.put(request, FakeTracer.toolchain, Accepted(hash=key, evidence=Evidence()))
    return key


def test_states_or_why_there_are_none(store: Store) -> None:
    tracer = FakeTracer()
    states = KeyedStates(tracer, store, Settings(pool_size=2))
    good, native, slow = (recorded(store, code) for code in ("good", "native", "slow"))
    nobody = store.keys.anonymous()
    found = states.of(nobody, [good, native, slow, good], 7.0)
    assert found == {good: TRACE, native: "it does not elaborate here", slow: "more than 7 s"}
    assert sorted(code for code, _ in tracer.asked) == ["good", "native", "slow"]
    tracer.asked.clear()
    assert states.of(nobody, [good], 7.0) == {good: TRACE}
    assert tracer.asked == []  # it was kept
    with pytest.raises(BackendUnavailable):
        states.of(nobody, [recorded(store, "down")], 7.0)


def test_keys_that_are_kept_apart_share_no_states(store: Store) -> None:
    tracer = FakeTracer()
    states = KeyedStates(tracer, store, Settings(pool_size=1, isolation="key"))
    good = recorded(store, "good")
    keys = [store.keys.create(name)[0] for name in ("one", "other")]
    for key in keys:
        assert states.of(key, [good], 1.0) == {good: TRACE}
    assert [tenant for _, tenant in tracer.asked] == [key.id for key in keys]
    assert store.proof_states.get(good) is None
