"""Files of the Lean Kernel Arena, as exports to re-check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aludel.lean_kernel.api import check_export

ARENA = Path(__file__).parent / "arena"


@pytest.mark.parametrize("file", ["LevelIndexOutOfOrder", "NatAddSucc"])
def test_accepted(file: str) -> None:
    outcome = check_export((ARENA / f"{file}.ndjson").read_text().splitlines())
    assert (outcome.verdict, outcome.exit_code) == ("accepted", 0), outcome


@pytest.mark.parametrize("file", ["Constlevels", "LargeElimParam", "LevelImaxLeq", "NatRecRules"])
def test_rejected(file: str) -> None:
    outcome = check_export((ARENA / f"{file}.ndjson").read_text().splitlines())
    assert outcome.exit_code == 1, outcome


@pytest.mark.parametrize(
    ("file", "rule"), [("LevelImaxLeq", "value_type"), ("NatRecRules", "claim")]
)
def test_rejected_for_the_rule_they_are_named_after(file: str, rule: str) -> None:
    """Both files also say that `False` is a target of K; here that is put right first."""
    lines = []
    for line in (ARENA / f"{file}.ndjson").read_text().splitlines():
        entry = json.loads(line)
        for rec in entry.get("inductive", {}).get("recs", []):
            rec["k"] = rec["k"] and bool(rec["rules"])
        lines.append(json.dumps(entry))
    outcome = check_export(lines)
    assert (outcome.exit_code, outcome.rule) == (1, rule), outcome
    assert "down" in outcome.message or "Nat.rec" in outcome.message
