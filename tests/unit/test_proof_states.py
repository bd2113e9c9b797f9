"""Tactic states in the store."""

from __future__ import annotations

import pytest
from fake_checker import TOOLCHAIN

from aludel.errors import Conflict
from aludel.models import Accepted, CheckRequest, Evidence, Position, content_hash
from aludel.proof_states import Premise, ProofStep, ProofTrace
from aludel.settings import Settings
from aludel.store import Store

STEP = ProofStep(
    declaration="t",
    tactic="exact Nat.le_refl n",
    before=("n : Nat\n⊢ n ≤ n",),
    after=(),
    start=Position(line=1, column=30),
    end=Position(line=1, column=49),
    depth=0,
    premises=(Premise(name="Nat.le_refl", module="Init.Prelude"),),
)


def test_steps_are_recorded_once_under_a_recorded_verdict(anywhere: Settings) -> None:
    request = CheckRequest(code="theorem t (n : Nat) : n ≤ n := by exact Nat.le_refl n")
    key = content_hash(TOOLCHAIN.digest, request)
    first = ProofTrace(steps=(STEP,), left_out=1)
    with Store.open(anywhere) as store:
        with pytest.raises(Conflict, match="no verdict"):
            store.proof_states.put(key, first)
        store.verdicts.put(request, TOOLCHAIN, Accepted(hash=key, evidence=Evidence()))
        assert store.proof_states.get(key) is None
        assert store.proof_states.put(key, first)
        assert not store.proof_states.put(key, ProofTrace(steps=()))
        assert store.proof_states.get(key) == first
