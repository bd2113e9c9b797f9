"""Audits of statements on a source in memory: yes, no and undecided, and what shows it."""

from __future__ import annotations

import pytest
from fake_prover import FakeOperations

from aludel.auditing import audit
from aludel.audits import Answer, Audit, Finding
from aludel.errors import InvalidRequest
from aludel.lean_checker.operations import ScreenResult, ScreenTask
from aludel.lean_checker.process import ProcessDied
from aludel.models import Usage
from aludel.protocols import Exhausted

YES, NO, UNDECIDED = Answer.YES, Answer.NO, Answer.UNDECIDED


def look(words: str) -> Audit:
    return audit(FakeOperations(), f"theorem t (n : Nat) : n = {words}")


def answers(found: Audit) -> dict[str, str]:
    return {name: value.answer.value for name, value in found if isinstance(value, Finding)}


def test_a_clean_statement() -> None:
    found = look("0")
    assert answers(found) == {
        "elaborates": "yes",
        "holds_sorry": "no",
        "auto_bound": "no",
        "vacuous": "no",
        "trivial": "no",
        "unused_hypotheses": "no",
    }
    assert found.statement == "theorem t (n : Nat) : n = 0"


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        ("broken", "elaborates", Finding(answer=NO, by=("it does not elaborate",))),
        (
            "slow",
            "elaborates",
            Finding(answer=UNDECIDED, by=("(deterministic) timeout at `whnf`",)),
        ),
        ("broken", "vacuous", Finding(answer=UNDECIDED)),
        ("broken", "auto_bound", Finding(answer=UNDECIDED)),
        ("sorry", "holds_sorry", Finding(answer=YES, by=("sorry",))),
        ('"sorry" -- sorry', "holds_sorry", Finding(answer=NO)),
        ("(ℕ)", "auto_bound", Finding(answer=YES, by=("ℕ",))),
        ("vacuous", "vacuous", Finding(answer=YES, by=("(exfalso; omega)",))),
        ("trivial", "trivial", Finding(answer=YES, by=("simp",))),
        ("deep", "trivial", Finding(answer=UNDECIDED, by=("simp",))),
        ("deep", "vacuous", Finding(answer=UNDECIDED, by=("(exfalso; omega)",))),
        ("used", "unused_hypotheses", Finding(answer=UNDECIDED)),
        ("used trivial", "unused_hypotheses", Finding(answer=YES, by=("h", "k"))),
        ("broken", "unused_hypotheses", Finding(answer=UNDECIDED)),
    ],
)
def test_what_is_found(words: str, name: str, expected: Finding) -> None:
    assert getattr(look(words), name) == expected


def test_an_open_end_and_lines_before_are_part_of_no_statement() -> None:
    found = audit(FakeOperations(), "import Init\nopen Nat\ntheorem t : 1 = 2 := by sorry")
    assert found.statement == "open Nat in\ntheorem t : 1 = 2"
    assert found.holds_sorry.answer is NO


@pytest.mark.parametrize(
    "text", ["", "def f := 1", "theorem t : True := trivial", "example : True", "theorem t : \0"]
)
def test_what_is_no_statement_is_refused_with_a_fix(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        audit(FakeOperations(), text)
    assert caught.value.field == "statement"
    assert caught.value.fix


class _Exhausting(FakeOperations):
    """Takes too much, or dies of it."""

    def __init__(self, last_words: str | None) -> None:
        super().__init__()
        self._last_words = last_words

    def screen(self, task: ScreenTask) -> ScreenResult | Exhausted:  # type: ignore[override]
        if self._last_words is None:
            return Exhausted("timeout", "too slow", Usage())
        raise ProcessDied(1, self._last_words, Usage())


@pytest.mark.parametrize("last_words", [None, "out of memory"])
def test_what_exhausts_the_prover_is_undecided(last_words: str | None) -> None:
    found = audit(_Exhausting(last_words), "theorem t : 1 = 2")
    assert set(answers(found).values()) == {"undecided", "no"}
    assert found.holds_sorry.answer is NO
    assert found.elaborates.answer is UNDECIDED
