"""Audits of statements on a source in memory: yes, no and undecided, and what shows it."""

from __future__ import annotations

import pytest
from fake_prover import FakeOperations

from aludel.auditing import audit
from aludel.audits import Answer, Audit, Finding
from aludel.errors import InvalidRequest
from aludel.lean_checker.examining import AuditResult, AuditTask
from aludel.models import Usage

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
        "false": "no",
        "trivial": "no",
        "unused_hypotheses": "no",
        "unused_variables": "no",
        "own_notation": "no",
        "duplicate": "no",
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
    "command",
    ['scoped infix:50 " = " => Ne in', "macro_rules | `($a = $b) => `(True)", "@[simp] def f := 1"],
)
def test_a_declaration_before_it_is_its_own(command: str) -> None:
    found = audit(FakeOperations(), f"{command}\ntheorem t : 1 = 2")
    assert found.own_notation == Finding(answer=YES, by=(command,))
    assert found.elaborates.answer is UNDECIDED


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

    def __init__(self, last_words: str) -> None:
        super().__init__()
        self._last_words = last_words

    def audit(self, task: AuditTask) -> AuditResult:
        del task
        return AuditResult((), Usage(), self._last_words)


@pytest.mark.parametrize("last_words", ["too slow", "out of memory"])
def test_what_exhausts_the_prover_is_undecided(last_words: str) -> None:
    found = audit(_Exhausting(last_words), "theorem t : 1 = 2")
    assert set(answers(found).values()) == {"undecided", "no"}
    assert found.holds_sorry.answer is NO
    assert found.elaborates.answer is UNDECIDED
    assert last_words in found.elaborates.by[0]
