"""One suite for the fake Lean server and the real one: what a Lean checker promises.

The cases and what the real server found out about each are in ``lean_cases.json``
(``tests/fakes/record_lean_cases.py`` records them); the fake answers from these records.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from aludel.candidates import judged
from aludel.errors import InvalidRequest
from aludel.lean_checker.checker import LeanChecker
from aludel.models import (
    VERDICT,
    Budget,
    CheckRequest,
    LeanContext,
    Policy,
    Prover,
    Rejected,
    RejectReason,
    content_hash,
)
from aludel.protocols import Checker
from aludel.settings import Settings

CASES_FILE = Path(__file__).with_name("lean_cases.json")
CASES: list[dict[str, Any]] = json.loads(CASES_FILE.read_text(encoding="utf-8"))
# Endless for any prover that heartbeats do not stop: the kernel evaluates it.
ENDLESS = "-- fake: hang\ntheorem t : 7 ^ (10 ^ 7) % 7 = 0 := by decide +kernel\n"
GOOD = "-- fake: accept\ntheorem t : True := trivial\n"
STATEMENT = "theorem t : True"


@pytest.fixture(
    params=["fake", pytest.param("lean", marks=[pytest.mark.lean, pytest.mark.timeout(600)])]
)
def checker(request: pytest.FixtureRequest) -> Checker:
    """A checker on either back end, with two processes."""
    if request.param == "lean":
        real: Checker = request.getfixturevalue("lean_checker")
        return real
    make: Callable[..., LeanChecker] = request.getfixturevalue("fake_checkers")
    return make(cases=CASES_FILE, pool_size=2)


def request_of(case: dict[str, Any]) -> CheckRequest:
    imports = case.get("imports")
    return CheckRequest(
        context=LeanContext(
            imports=None if imports is None else tuple(imports), options=case.get("options", {})
        ),
        statement=case.get("statement"),
        code=case["code"],
        policy=Policy(**case.get("policy", {})),
        budget=Budget(**case.get("budget", {})),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"].replace(" ", "-"))
def test_each_candidate_gets_its_verdict(checker: Checker, case: dict[str, Any]) -> None:
    expected: str = case["expect"]
    if expected.startswith("invalid:"):
        with pytest.raises(InvalidRequest) as caught:
            checker.check(request_of(case))
        assert caught.value.field == expected.removeprefix("invalid:")
        assert caught.value.message
        return
    verdict = checker.check(request_of(case))
    assert (verdict.reason or verdict.kind) == expected, verdict.message
    assert verdict.hash == content_hash(checker.toolchain.digest, request_of(case))
    assert VERDICT.validate_json(verdict.model_dump_json()) == verdict
    assert verdict.usage.wall_s > 0 and verdict.usage.prover_s is not None


def test_an_unknown_import_is_the_fault_of_one_candidate_of_many(checker: Checker) -> None:
    own, asked = (
        request_of(next(case for case in CASES if case["name"] == name))
        for name in ("an unknown import", "an unknown import set")
    )
    verdict = judged(checker, own)
    assert (verdict.kind, verdict.reason) == ("rejected", "parse")
    assert "this toolchain has no No: leave the import out" in (verdict.message or "")
    assert verdict.diagnostics[0].start is not None
    assert verdict.hash == content_hash(checker.toolchain.digest, own)
    with pytest.raises(InvalidRequest) as caught:
        judged(checker, asked)
    assert caught.value.field == "imports"


def test_every_reason_a_lean_candidate_can_be_refused_for_is_tried() -> None:
    reasons = {case["expect"] for case in CASES}
    assert reasons >= {
        "parse", "elaboration", "unsolved_goals", "sorry", "axiom", "statement_mismatch",
        "missing_declaration", "forbidden_construct", "extra_declaration", "heartbeats", "accepted",
    }  # fmt: skip


def test_diagnostics_point_into_the_candidates_own_text(checker: Checker) -> None:
    case = next(case for case in CASES if case["name"] == "a syntax error")
    found = checker.check(request_of(case)).diagnostics[0].start
    assert found and (found.line, found.column) == (1, case["code"].index(" := rfl"))


def test_the_toolchain_introduces_itself(checker: Checker) -> None:
    toolchain = checker.toolchain
    assert toolchain.prover is Prover.LEAN and len(toolchain.digest) == 64


def test_no_candidate_sees_another(checker: Checker) -> None:
    name = "theorem left_behind : True"
    first = CheckRequest(code=f"-- fake: accept\n{name} := trivial\n", statement=name)
    assert checker.check(first).kind == "accepted"
    for _ in range(3):  # Every process of the pool gets to answer.
        again = next(case for case in CASES if case["name"] == "correct proof")
        assert checker.check(request_of(again)).kind == "accepted"
        assert checker.check(first).kind == "accepted"


def test_the_wall_budget_is_kept(checker: Checker) -> None:
    began = time.monotonic()
    verdict = checker.check(CheckRequest(code=ENDLESS, budget=Budget(wall_s=2)))
    assert (verdict.kind, verdict.reason) == ("undecided", "timeout")
    assert 2 <= verdict.usage.wall_s < 4
    assert time.monotonic() - began < 60
    assert verdict.usage.cpu_s is not None and verdict.usage.peak_memory_mb


def test_the_checker_works_on_after_a_timeout(checker: Checker) -> None:
    checker.check(CheckRequest(code=ENDLESS, budget=Budget(wall_s=1)))
    assert checker.check(CheckRequest(code=GOOD, statement=STATEMENT)).kind == "accepted"


@pytest.mark.parametrize(
    ("code", "reason"), [("", "parse"), ("a\0b", "parse"), ("(" * 5_000, "too_deep")]
)
def test_a_text_that_no_prover_sees_is_a_verdict(checker: Checker, code: str, reason: str) -> None:
    verdict = checker.check(CheckRequest(code=code))
    assert isinstance(verdict, Rejected) and verdict.reason == RejectReason(reason)
    assert verdict.diagnostics[0].start is not None


@pytest.mark.parametrize(
    ("field", "request_fields"),
    [
        ("statement", {"code": GOOD, "statement": " "}),
        ("imports", {"code": GOOD, "context": LeanContext(imports=("a b",))}),
        ("toolchain", {"code": GOOD, "toolchain": "no-such-lean"}),
        (
            "options.maxHeartbeats",
            {"code": GOOD, "context": LeanContext(options={"maxHeartbeats": 0})},
        ),
    ],
)
def test_a_wrong_request_is_refused_by_field(
    checker: Checker, field: str, request_fields: dict[str, Any]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checker.check(CheckRequest.model_validate(request_fields))
    assert caught.value.field == field


def test_threads_may_share_a_checker(checker: Checker) -> None:
    request = CheckRequest(code=GOOD, statement=STATEMENT)
    with ThreadPoolExecutor(4) as threads:
        verdicts = list(threads.map(checker.check, [request] * 12))
    assert {verdict.kind for verdict in verdicts} == {"accepted"}
    assert len({verdict.hash for verdict in verdicts}) == 1


def test_closing_leaves_no_process(
    fake_checkers: Callable[..., LeanChecker], fake_toolchain: Any
) -> None:
    checker = fake_checkers()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    checker.check(CheckRequest(code=GOOD))
    started = {child.pid for child in psutil.Process().children(recursive=True)} - before
    checker.close()
    checker.close()
    assert started and not any(psutil.pid_exists(pid) for pid in started)


@pytest.mark.lean
@pytest.mark.timeout(300)
def test_closing_leaves_no_lean_process(lean_toolchain: Any) -> None:
    from aludel.lean_checker.pool import LeanPool

    settings = Settings(pool_size=1)
    checker = LeanChecker(LeanPool(lean_toolchain, settings), settings)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    assert checker.check(CheckRequest(code=GOOD, statement=STATEMENT)).kind == "accepted"
    started = {child.pid for child in psutil.Process().children(recursive=True)} - before
    checker.close()
    checker.close()
    assert started and not any(psutil.pid_exists(pid) for pid in started)
