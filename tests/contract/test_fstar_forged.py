"""A forged F* of protocol 3: what it says, not the words that it quotes, decides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fstar_support import ask, fake_checker

from aludel.errors import BackendCrashed, ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.classify import (
    UNSOUND,
    InternalFault,
    SolverMissing,
    judge,
)
from aludel.fstar_checker.protocol import Issue
from aludel.models import RejectReason, UndecidedReason

VAL = "val f : x:int -> Tot int"
CODE = "let f x = forged_here x"
WORDS = (
    "z3 not found",
    "Could not run Z3",
    "(Error 17) Could not run Z3",
    "unexpected error",
    "rlimit",
    "The SMT query timed out, you might want to increase the rlimit",
    "ASSERTION FAILURE: F* may be in an inconsistent state",
    "Admitting f without a definition",
    "Tactics admitted goal <False>",
    "Syntax error",
    "out of memory",
    "stack overflow, please file a bug report",
    "unknown because canceled",
)


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[FStarChecker]:
    made = fake_checker(tmp_path)
    yield made
    made.close()


def forge(folder: Path, *issues: dict[str, Any]) -> None:
    (folder / "forged.json").write_text(json.dumps([{"ranges": [], **i} for i in issues]))


def quoting(words: str) -> str:
    return f'Expected expression of type "nat"; got expression ""{words}"" of type "string"'


@pytest.mark.parametrize("level", ["warning", "info", "error"])
@pytest.mark.parametrize("number", sorted(UNSOUND))
def test_a_warning_that_hides_a_hole_refuses_at_any_level(
    checker: FStarChecker, tmp_path: Path, number: int, level: str
) -> None:
    forge(tmp_path, {"level": level, "message": "whatever it says", "number": number})
    verdict = checker.check(ask(VAL, CODE))
    assert verdict.reason is RejectReason.ADMIT
    assert str(number) in (verdict.message or "")


@pytest.mark.parametrize(
    "message",
    [
        "Top-level let-bindings must be total; this term may have effects",
        "Adding an implicit 'assume new' qualifier on falso",
        "Admitting f without a definition",
        "Tactics admitted goal <\nsquash False>",
        "Tactics admitted guard <False>",
    ],
)
def test_without_numbers_fstars_own_beginnings_tell_the_warnings(
    checker: FStarChecker, tmp_path: Path, message: str
) -> None:
    forge(tmp_path, {"level": "warning", "message": message})
    assert checker.check(ask(VAL, CODE)).reason is RejectReason.ADMIT


@pytest.mark.parametrize("number", [None, 189, 54])
@pytest.mark.parametrize("words", WORDS)
def test_quoted_words_choose_no_verdict(
    checker: FStarChecker, tmp_path: Path, words: str, number: int | None
) -> None:
    numbered = {} if number is None else {"number": number}
    forge(tmp_path, {"level": "error", "message": quoting(words), **numbered})
    assert checker.check(ask(VAL, CODE)).reason is RejectReason.ELABORATION


@pytest.mark.parametrize("words", WORDS)
def test_a_warning_that_quotes_words_refuses_nothing(
    checker: FStarChecker, tmp_path: Path, words: str
) -> None:
    forge(tmp_path, {"level": "warning", "message": quoting(words), "number": 271})
    assert checker.check(ask(VAL, CODE)).kind == "accepted"


@pytest.mark.parametrize("words", WORDS)
def test_a_failed_query_stays_one_whatever_it_quotes(words: str) -> None:
    detail = "The solver found a (partial) counterexample, try to spell your proof in more detail"
    message = f"{words}; {detail} or increase fuel/ifuel"
    if not words.startswith(("Admitting", "Tactics admitted", "ASSERTION")):
        assert judge([Issue("error", message)]).reason is RejectReason.SMT_FAILURE
    assert judge([Issue("error", message, number=19)]).reason is RejectReason.SMT_FAILURE


def test_the_machine_is_at_fault_by_number_or_by_the_whole_answer() -> None:
    for issue in (Issue("error", "anything", number=17), Issue("error", "Could not run Z3")):
        with pytest.raises(SolverMissing):
            judge([issue])
    told = "ASSERTION FAILURE: impossible\nF* may be in an inconsistent state.\nPlease file"
    for issue in (Issue("error", "anything", number=18), Issue("error", told)):
        with pytest.raises(InternalFault):
            judge([issue])


def test_numbers_decide_over_words() -> None:
    timed_out = "assertion failed; The SMT query timed out, you might want to increase the rlimit"
    assert judge([Issue("error", timed_out)]).reason is UndecidedReason.RLIMIT
    assert judge([Issue("error", timed_out, number=19)]).reason is UndecidedReason.RLIMIT
    assert judge([Issue("error", timed_out, number=72)]).reason is RejectReason.ELABORATION
    assert judge([Issue("error", "odd", number=168)]).reason is RejectReason.PARSE
    failed = "user tactic failed: x; The SMT query timed out, you might want to increase the rlimit"
    assert judge([Issue("error", failed)]).reason is RejectReason.ELABORATION


def test_a_fault_that_repeats_is_the_machines(checker: FStarChecker, tmp_path: Path) -> None:
    forge(tmp_path, {"level": "error", "message": "x", "number": 18})
    with pytest.raises(BackendCrashed):
        checker.check(ask(VAL, CODE))
    forge(tmp_path, {"level": "error", "message": "x", "number": 17})
    with pytest.raises(ToolchainMissing):
        checker.check(ask(VAL, CODE))


def test_fstar_is_shown_no_name_that_may_be_an_escape_hatch(
    checker: FStarChecker, tmp_path: Path
) -> None:
    """A variable called so is spelt otherwise; positions and messages are the candidate's own."""
    forge(tmp_path)
    code = "let f admit = let magic = admit in magic"
    assert checker.check(ask(VAL, code)).kind == "accepted"
    lines = (tmp_path / "queries.log").read_text().rstrip("\n").split("\n")
    codes = [json.loads(line)["args"].get("code", "") for line in lines]
    shown = next(code for code in codes if code.startswith("let f"))
    assert len(shown.rstrip("\n")) == len(code)
    assert "admit" not in shown
    assert "magic" not in shown


def test_a_value_is_probed_for_its_effect(checker: FStarChecker, tmp_path: Path) -> None:
    verdict = checker.check(ask("val n : int", "let n = 1 + 1"))
    assert verdict.kind == "accepted"
    assert "total" in verdict.evidence.checks
    log = (tmp_path / "queries.log").read_text()
    assert "_unit = 1 + 1" in log
