"""A repository traced by LeanDojo, read with LeanDojo's own library."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from traced_repository import write_traced_repository

from aludel.errors import InvalidRequest
from aludel.proof_import import import_records

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("lean_dojo") is None,
    reason="needs LeanDojo: pip install 'aludel-proofs[leandojo]' (Python 3.12 or older)",
)


def test_theorems_tactics_and_premises_of_a_traced_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "orchard").mkdir()
    found = import_records("leandojo-repo", write_traced_repository(tmp_path / "orchard"))
    [theorem] = found.theorems
    assert (theorem.name, theorem.path, theorem.start) == ("Apple.swap", "Apple.lean", (2, 1))
    [step] = theorem.steps
    assert (step.tactic, step.after) == ("rw [Nat.add_comm]", "")
    assert [(p.name, p.module) for p in step.premises] == [("Nat.add_comm", "Init.Data.Nat.Basic")]
    [problem] = found.problems
    assert problem.statement == "theorem Apple.swap (a b : Nat) : a + b = b + a"
    assert [record.where for record in found.bad] == [".lake/build/ir/Broken.trace.xml"]
    with pytest.raises(InvalidRequest, match="no repository"):
        import_records("leandojo-repo", tmp_path)
