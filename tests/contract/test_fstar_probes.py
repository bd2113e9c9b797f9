"""A forged F* of protocol 3: what it says of our own probes decides, and no request hurts the next.

The probes stand where the candidate's text does not reach: a use at the asked type, the value in a
function, a false lemma, the place of the definition. What F* says of the candidate itself is a
claim; ``test_fstar_forged.py`` forges that, this file what follows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fstar_support import ask, fake_checker

from aludel.errors import BackendCrashed, InvalidRequest, ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.classify import UNSOUND
from aludel.fstar_checker.intake import Abilities, read_request
from aludel.fstar_checker.session import CHECKED_FILE, RESTART_SOLVER
from aludel.models import CheckRequest, FStarContext, RejectReason, UndecidedReason

VAL, CODE = "val n : int", "let n = 1 + 1"
USE, TOTAL, CONTROL = "push val aludel_probe_", "_unit: unit)", "let aludel_control"
"""What only the probes hold: the use at the type, the value in a function, the false lemma.

The first two begin alike, so the answer to ``TOTAL`` is looked for before that to ``USE``.
"""
FEATURES = (CHECKED_FILE, RESTART_SOLVER, "full-buffer", "cancel", "fly-deps")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fstar")


@pytest.fixture(scope="module")
def shared(folder: Path) -> Iterator[FStarChecker]:
    made = fake_checker(folder, *FEATURES)
    yield made
    made.close()


@pytest.fixture
def checker(shared: FStarChecker, folder: Path) -> FStarChecker:
    answer(folder)
    return shared


def answer(folder: Path, **answers: tuple[str, Any]) -> None:
    words = {"total": TOTAL, "use": USE, "control": CONTROL, "code": "= 1 + 1", "lookup": "lookup"}
    given = {words[name]: answers[name] for name in words if name in answers}
    (folder / "answers.json").write_text(json.dumps(given))


def issue(level: str, number: int | None, message: str = "whatever it says") -> dict[str, Any]:
    found: dict[str, Any] = {"level": level, "message": message, "ranges": []}
    return found if number is None else {**found, "number": number}


def refusal(number: int | None, message: str = "whatever it says") -> tuple[str, Any]:
    return "failure", [issue("error", number, message)]


def check(checker: FStarChecker, prefix: str = "module Test\n") -> Any:
    return checker.check(ask(VAL, CODE, prefix=prefix, opens=()))


def test_nothing_is_wrong_where_nothing_is_forged(checker: FStarChecker) -> None:
    assert check(checker).kind == "accepted"


@pytest.mark.parametrize("number", [None, 34, 189, 230])
@pytest.mark.parametrize(
    ("probe", "told"), [("use", "cannot be used at the asked type"), ("total", "has an effect")]
)
def test_a_refused_probe_is_a_mismatch(
    checker: FStarChecker, folder: Path, probe: str, told: str, number: int | None
) -> None:
    """Ghost, divergent and other effects, and an easier type, show in the probe alone."""
    answer(folder, **{probe: refusal(number, "Computed type and effect differ")})
    verdict = check(checker)
    assert verdict.reason is RejectReason.STATEMENT_MISMATCH
    assert told in (verdict.message or "")


@pytest.mark.parametrize("level", ["warning", "info", "error"])
@pytest.mark.parametrize("number", sorted(UNSOUND))
@pytest.mark.parametrize("probe", ["use", "total"])
def test_a_warning_about_a_probe_refuses(
    checker: FStarChecker, folder: Path, probe: str, number: int, level: str
) -> None:
    answer(folder, **{probe: ("success", [issue(level, number)])})
    assert check(checker).reason is RejectReason.STATEMENT_MISMATCH


def test_a_candidate_after_which_false_is_proved_is_refused(
    checker: FStarChecker, folder: Path
) -> None:
    assert check(checker).kind == "accepted"  # the context is known to prove nothing false
    answer(folder, control=("success", []))
    verdict = check(checker)
    assert verdict.reason is RejectReason.ADMIT
    assert "False can be proved" in (verdict.message or "")


def test_a_context_in_which_false_is_proved_is_the_requests_fault(
    checker: FStarChecker, folder: Path
) -> None:
    answer(folder, control=("success", []))
    with pytest.raises(InvalidRequest, match="False can be proved"):
        check(checker, "module Test\nlet another = 1\n")


def place(name: str, line: int) -> dict[str, Any]:
    return {"defined-at": {"fname": name, "beg": [line, 4], "end": [line, 5]}}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("failure", "No such symbol, module, or namespace."),
        ("success", None),
        ("success", {"kind": "symbol", "name": "n"}),
        ("success", place("<input>", 1)),  # before the candidate
        ("success", place("FStar.Mul.fst", 999)),
        ("success", place("/opt/fstar/ulib/Prims.fst", 999)),
    ],
)
def test_a_name_that_is_defined_elsewhere_is_missing(
    checker: FStarChecker, folder: Path, status: str, body: object
) -> None:
    answer(folder, lookup=(status, body))
    assert check(checker).reason is RejectReason.MISSING_DECLARATION


@pytest.mark.parametrize("name", ["<input>", "", "Test.fst", "/data/x/Test.fst"])
def test_the_modules_own_file_goes_by_several_names(
    checker: FStarChecker, folder: Path, name: str
) -> None:
    answer(folder, lookup=("success", place(name, 999)))
    assert check(checker).kind == "accepted"


@pytest.mark.parametrize("where", ["code", "use", "total"])
@pytest.mark.parametrize(
    "said",
    [
        ("failure", []),
        ("failure", None),
        ("success", "all is well"),
        ("success", [{"level": "error"}]),
        ("success", ["accepted"]),
        ("protocol-violation", []),
        ("accepted", []),
    ],
)
def test_an_answer_outside_the_protocol_is_no_verdict(
    checker: FStarChecker, folder: Path, where: str, said: tuple[str, Any]
) -> None:
    answer(folder, **{where: said})
    with pytest.raises(BackendCrashed):
        check(checker)


@pytest.mark.parametrize("where", ["code", "use", "total", "control"])
@pytest.mark.parametrize(("number", "error"), [(18, BackendCrashed), (17, ToolchainMissing)])
def test_the_machines_fault_is_never_the_candidates(
    checker: FStarChecker, folder: Path, where: str, number: int, error: type[Exception]
) -> None:
    answer(folder, **{where: refusal(number)})
    with pytest.raises(error):
        check(checker)


@pytest.mark.parametrize("probe", ["use", "total"])
def test_a_probe_that_ran_out_of_resources_leaves_it_undecided(
    checker: FStarChecker, folder: Path, probe: str
) -> None:
    out = "The SMT query timed out, you might want to increase the rlimit"
    answer(folder, **{probe: refusal(19, out)})
    assert check(checker).reason is UndecidedReason.RLIMIT


# One request and the next


def test_nothing_of_a_candidate_is_held_for_the_next(checker: FStarChecker, folder: Path) -> None:
    """Accepted or refused, at whatever step: the session holds what it held before."""
    check(checker)
    started = checker.pool.counts.started
    held = (folder / "held").read_text()
    for answers in ({}, {"code": refusal(19)}, {"use": refusal(189)}, {"total": refusal(34)}):
        answer(folder, **answers)
        assert (check(checker).kind == "accepted") == (not answers)
        assert (folder / "held").read_text() == held
    assert checker.pool.counts.started == started


def test_a_session_that_forgot_what_it_holds_is_replaced(
    checker: FStarChecker, folder: Path
) -> None:
    path = folder / "answers.json"
    path.write_text(json.dumps({"pop ": ["failure", "Too many pops"]}))
    with pytest.raises(BackendCrashed):
        check(checker)
    path.write_text("{}")
    started = checker.pool.counts.started
    assert check(checker).kind == "accepted"
    assert checker.pool.counts.started == started + 1


@pytest.mark.parametrize("module", ["FStar.Mul", "Lib"])
def test_no_candidate_is_a_module_of_the_library(module: str) -> None:
    able = Abilities(library=frozenset({"FStar.Mul", "Lib"}))
    request = CheckRequest(context=FStarContext(), code=f"module {module}\nlet f = 1\n")
    with pytest.raises(InvalidRequest, match="library"):
        read_request(request, FStarContext(), able)


@pytest.mark.parametrize("name", ["aludel_control_0", "aludel_probe_0"])
def test_no_candidate_takes_the_name_of_a_probe(checker: FStarChecker, name: str) -> None:
    code = f"module Ex\nlet {name} = 1\nlet l () : Lemma (1 == 2) = ()\n"
    verdict = checker.check(CheckRequest(context=FStarContext(), code=code))
    assert verdict.reason is RejectReason.FORBIDDEN_CONSTRUCT
    with pytest.raises(InvalidRequest, match="checker's own"):
        checker.check(ask(f"val {name} : int", f"let {name} = 1"))


@pytest.mark.parametrize(
    "code",
    [
        "#lang-pulse\nlet f = 1",
        "effect { M (a:Type) with { repr = m } }\nlet f = 1",
        "reflectable effect { M (a:Type) with { repr = m } }\nlet f = 1",
        "let f = FStar.Tactics.Effect.unfold_rewrite_with_tactic (fun () -> dismiss ()) 1",
    ],
)
def test_what_newer_fstar_has_and_this_one_has_not(checker: FStarChecker, code: str) -> None:
    request = CheckRequest(context=FStarContext(), code=f"module Ex\n{code}\n")
    assert checker.check(request).reason is RejectReason.FORBIDDEN_CONSTRUCT
