"""The corpus is well-formed and large enough; the fuzzer repeats; the counts count."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aludel.errors import InvalidRequest, RunFileError
from aludel.lean_checker.attacks.corpus import Case, all_cases, read_corpus
from aludel.lean_checker.attacks.fuzz import combinations
from aludel.lean_checker.attacks.library import PrintedTheorems, argument_names
from aludel.lean_checker.attacks.outcomes import RecordedOutcomes
from aludel.lean_checker.attacks.run import CRASHED, Outcome, Report, run_cases
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.operations import PrintedTheorem

CORPUS = Path(__file__).parents[1] / "attacks" / "lean"


def case(expect: tuple[str, ...] = ("axiom",)) -> Case:
    return Case(name="one", expect=expect, code="theorem t : True := trivial\n")


def test_the_corpus_is_as_large_as_promised() -> None:
    families = read_corpus(CORPUS)
    cases = [case for _, case in all_cases(families)]
    attacks = [case for case in cases if not case.honest]
    assert len(attacks) >= 150 and len(cases) - len(attacks) >= 60
    hostile = [family for family in families if not all(case.honest for case in family.cases)]
    assert len(hostile) >= 12


def test_every_family_of_attacks_says_why() -> None:
    for path in CORPUS.rglob("*.json"):
        file = json.loads(path.read_text(encoding="utf-8"))
        honest = path.parent.name == "honest"
        assert file["mechanism"]
        assert all((one["expect"] == ["accepted"]) == honest for one in file["cases"]), path


def test_combinations_repeat_for_a_seed() -> None:
    families = read_corpus(CORPUS)
    first = list(combinations(families, 200, 1))
    assert first == list(combinations(families, 200, 1))
    assert first != list(combinations(families, 200, 2))
    assert len(first) == 200 and len({one.code for one in first}) > 150
    assert sum(one.honest for one in first) == 40


@pytest.mark.parametrize(
    ("expect", "got", "counts"),
    [
        (("axiom",), "axiom", (1, 0, 0, 0, 0, 0)),
        (("axiom",), "accepted", (0, 1, 1, 0, 0, 0)),
        (("axiom",), "sorry", (1, 0, 0, 0, 1, 0)),
        (("accepted",), "accepted", (0, 1, 0, 0, 0, 0)),
        (("accepted",), "timeout", (1, 0, 0, 1, 0, 0)),
        (("invalid:*",), "invalid:options.x", (1, 0, 0, 0, 0, 0)),
    ],
)
def test_outcomes_are_counted(expect: tuple[str, ...], got: str, counts: tuple[int, ...]) -> None:
    report = Report()
    report.add(Outcome("family", case(expect), got))
    assert tuple(vars(report.families["family"]).values()) == counts
    assert report.holds == (counts[2] == counts[3] == 0)


def test_cases_reach_a_checker_and_requests_that_are_refused_are_outcomes(
    fake_checker: LeanChecker,
) -> None:
    cases = [
        ("a", Case(name="good", expect=("accepted",), code="-- fake: accept\n")),
        ("a", Case(name="empty", expect=("invalid:code",), code=" ")),
    ]
    report = run_cases(fake_checker, cases, threads=2)
    assert report.holds and report.figures()["cases"] == 2


def test_what_a_case_does_to_its_process_does_not_end_the_others(
    fake_checker: LeanChecker,
) -> None:
    attack = Case(name="odd", expect=("axiom",), code="-- fake: odd\n")
    honest = Case(name="good", expect=("accepted",), code="-- fake: accept\n")
    report = run_cases(fake_checker, [("a", attack), ("a", honest)])
    assert report.holds and [one.got for one in report.wrong] == ["backend_crashed"]
    broken = honest.model_copy(update={"code": "-- fake: odd\n"})
    assert not run_cases(fake_checker, [("a", broken)]).holds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"family": "f", "cases": []}',
        '{"family": "f", "cases": [{"name": "n", "code": "x", "expect": ["nonsense"]}]}',
        '{"family": "f", "cases": [{"name": "n", "code": "x", "expect": ["accepted", "axiom"]}]}',
        '{"family": "f", "cases": [{"name": "n", "code": "x", "expect": ["axiom"], "typo": 1}]}',
    ],
)
def test_a_file_in_another_format_is_bad_input(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bad.json"
    file.write_text(text)
    with pytest.raises(InvalidRequest) as caught:
        read_corpus(tmp_path)
    assert caught.value.field == str(file)


def test_a_folder_without_cases_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest):
        read_corpus(tmp_path)


@pytest.mark.parametrize(
    ("header", "names"),
    [
        (" : 1 = 1", []),
        (".{u} {α : Type u} (a b : α) [BEq α] : a == b", ["α", "a", "b", "_"]),
        (".{u, v} (h :\n    ∀ (x : Nat), x = x) [inst : Zero α] : (1 : Nat) = 1", ["h", "inst"]),
        (" [∀ (x : α), C x] [(n : Nat) → D n] (h : p) : p", ["_", "_", "h"]),
        (" {p : ∀ {q : Prop}, q} ⦃n : Nat⦄ : ∀ (m : Nat), m = n", ["p", "n"]),
    ],
)
def test_a_restated_theorem_is_given_its_own_arguments(header: str, names: list[str]) -> None:
    assert argument_names(header) == names


def test_recorded_outcomes_outlive_a_run_that_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.jsonl"
    one, two = (
        Outcome("f", case(), "axiom", "why\u2028", False),
        case().model_copy(update={"code": "theorem u : True := trivial\n"}),
    )
    recorded = RecordedOutcomes(path, "digest")
    recorded.add(one)
    recorded.add(Outcome("f", two, CRASHED))
    recorded.close()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"hash": "cut o')
    again = RecordedOutcomes(path, "digest")
    assert again.of("f", one.case) == one
    assert again.of("f", two) is None
    again.add(Outcome("f", two, "axiom"))
    again.close()
    third = RecordedOutcomes(path, "digest")
    assert third.of("f", two) == Outcome("f", two, "axiom")
    assert RecordedOutcomes(path, "of another Lean").of("f", two) is None


def test_a_printed_theorem_is_not_printed_again(tmp_path: Path) -> None:
    path = tmp_path / "theorems"
    printed = PrintedTheorems(path, "digest")
    one = PrintedTheorem(name="Nat.a", header=" : 1 = 1", reason=None)
    two = PrintedTheorem(name="Nat.b", header=None, reason="no text of it elaborates back")
    for theorem in (one, two):
        assert printed.of(theorem.name) is None
        printed.add(theorem)
    printed.close()
    again = PrintedTheorems(path, "digest")
    assert (again.of("Nat.a"), again.of("Nat.b")) == (one, two)
    again.close()
    assert PrintedTheorems(path, "of another Lean").of("Nat.a") is None


def test_another_file_is_no_file_of_outcomes(tmp_path: Path) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text('{"name": "one"}\n', encoding="utf-8")
    with pytest.raises(RunFileError, match="line 1: not an outcome"):
        RecordedOutcomes(path, "digest")
    with pytest.raises(RunFileError, match="directory"):
        RecordedOutcomes(tmp_path, "digest")
