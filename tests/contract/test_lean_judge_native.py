"""The process that decides on compiled proofs, asked with tables that no candidate's process made.

The process that elaborates a candidate is not believed, so that what it refuses must be refused
here as well: a hostile one returns the tables of these tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from aludel.deadline import Deadline
from aludel.lean_checker.checker import LeanChecker

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

USIZE = "def d : Bool := decide (USize.size = 4294967296)"
WRAPPED = "def d : Bool := decide ((5000000000 : Nat).toUSize.toNat = 5000000000)"
INDIRECT = (
    "def f (n : Nat) : USize := n.toUSize\n"
    "def d : Bool := decide ((f 5000000000).toNat = 5000000000)"
)


class Tables:
    """Tables of declarations, to which a theorem that runs ``d`` is added."""

    def __init__(self, tables: dict[str, Any]) -> None:
        self.data = tables

    def _add(self, table: str, entry: Sequence[Any]) -> int:
        self.data[table].append(list(entry))
        return len(self.data[table]) - 1

    def _name(self, *parts: str) -> int:
        place = 0
        for part in parts:
            place = self._add("names", [place, part])
        return place

    def _constant(self, *parts: str, levels: Sequence[int] = ()) -> int:
        return self._add("exprs", ["c", self._name(*parts), *levels])

    def _apply(self, function: int, *arguments: int) -> int:
        for argument in arguments:
            function = self._add("exprs", ["a", function, argument])
        return function

    def add_fact(self) -> None:
        """Add ``theorem t : d = true := Lean.ofReduceBool d true rfl``."""
        one = self._add("levels", ["s", self._add("levels", ["z"])])
        boolean, true = self._constant("Bool"), self._constant("Bool", "true")
        ran = self._constant("d")
        claim = self._apply(self._constant("Eq", levels=[one]), boolean, ran, true)
        same = self._apply(self._constant("Eq", "refl", levels=[one]), boolean, true)
        proof = self._apply(self._constant("Lean", "ofReduceBool"), ran, true, same)
        self._add("declarations", ["thm", self._name("t"), [], claim, proof])


def ask(checker: LeanChecker, op: str, body: dict[str, Any]) -> dict[str, Any]:
    with checker.pool.fresh(Deadline.after(300)) as process:
        return process.ask(op, {"imports": ["Init"], **body}, Deadline.after(200)).result


def judged(checker: LeanChecker, code: str) -> dict[str, Any]:
    asked = {"options": {}, "statement": None, "code": code, "heartbeats": 200_000}
    found = ask(checker, "check", {**asked, "allow_native": False, "terms": True})
    tables = Tables(found["terms"])
    tables.add_fact()
    return ask(checker, "judge", {"tables": tables.data, "allow_native": True})


def test_a_fact_that_the_kernel_agrees_with_may_be_run(lean_checker: LeanChecker) -> None:
    answer = judged(lean_checker, "def d : Bool := decide (2 + 2 = 4)")
    assert answer["refusal"] is None and answer["accepted"] == 2


@pytest.mark.parametrize(
    "code", [INDIRECT, *(pytest.param(code, marks=pytest.mark.long) for code in (USIZE, WRAPPED))]
)
def test_no_code_is_made_of_words_of_the_machines_size(
    lean_checker: LeanChecker, code: str
) -> None:
    refusal = judged(lean_checker, code)["refusal"]
    assert refusal is not None and "(interpreter)" in refusal["message"]
