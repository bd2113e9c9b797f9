"""Machines that fail, protocol 3 and the pool, over the hand-written stand-in."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fstar_support import FAKE_TOOLCHAIN, ask, fake_checker, fake_session

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, InvalidRequest, ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.process import FStarProcess
from aludel.fstar_checker.session import CHECKED_FILE, RESTART_SOLVER, Session
from aludel.fstar_checker.toolchain import find_fstar
from aludel.models import Budget, CheckRequest, FStarContext, RejectReason, UndecidedReason
from aludel.settings import Settings

VAL = "val f : x:int -> Tot int"


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[FStarChecker]:
    made = fake_checker(tmp_path)
    yield made
    made.close()


def queries(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "queries.log").read_text().splitlines()]


def pushed(folder: Path) -> list[str]:
    return [q["args"]["code"] for q in queries(folder) if q["query"] == "push"]


def test_an_honest_candidate_is_accepted_on_all_checks(checker: FStarChecker) -> None:
    verdict = checker.check(ask(VAL, "let f x = x"))
    assert verdict.kind == "accepted"
    assert verdict.evidence.declarations == ("Test.f",)
    assert verdict.evidence.checks == (
        "policy", "typecheck_under_val", "defined_here", "use_at_type", "control",
    )  # fmt: skip


def test_the_prefix_stays_loaded_between_candidates(checker: FStarChecker, tmp_path: Path) -> None:
    for body in ("x", "x + 1", "x + 2"):
        assert checker.check(ask(VAL, f"let f x = {body}")).kind == "accepted"
    assert sum(code.startswith("module Test") for code in pushed(tmp_path)) == 1
    assert sum(code.startswith("val f") for code in pushed(tmp_path)) == 1
    assert (checker.pool.counts.started, checker.pool.counts.reused) == (1, 2)


def test_another_definition_of_the_file_keeps_the_header(
    checker: FStarChecker, tmp_path: Path
) -> None:
    checker.check(ask(VAL, "let f x = x"))
    checker.check(ask("val g : x:int -> Tot int", "let g x = x"))
    assert sum(code.startswith("module Test") for code in pushed(tmp_path)) == 1
    assert sum(code.startswith("val g") for code in pushed(tmp_path)) == 1


def test_comments_never_reach_fstar(checker: FStarChecker, tmp_path: Path) -> None:
    checker.check(ask(VAL, "let f x = (* secret *) x // IN F*: admit ()"))
    assert not any("secret" in code or "admit" in code for code in pushed(tmp_path))


def test_a_hidden_assume_is_refused_by_its_number(checker: FStarChecker) -> None:
    verdict = checker.check(ask(VAL, "let f x = hidden_assume"))
    assert verdict.reason is RejectReason.ADMIT


def test_a_crash_is_survived_once_and_then_reported(checker: FStarChecker) -> None:
    assert checker.check(ask(VAL, "let f x = crash_once")).kind == "accepted"
    with pytest.raises(BackendCrashed):
        checker.check(ask(VAL, "let f x = crash_now"))
    assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"


def test_garbage_is_an_infrastructure_failure(checker: FStarChecker) -> None:
    with pytest.raises(BackendCrashed, match="protocol"):
        checker.check(ask(VAL, "let f x = garbage_here"))
    assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"


def test_a_fault_of_fstar_is_never_a_rejection(checker: FStarChecker) -> None:
    with pytest.raises(BackendCrashed, match="fault of its own"):
        checker.check(ask(VAL, "let f x = own_fault"))


def test_a_missing_solver_says_how_to_get_one(checker: FStarChecker) -> None:
    with pytest.raises(ToolchainMissing, match="Z3"):
        checker.check(ask(VAL, "let f x = no_solver"))


def test_the_deadline_interrupts_and_keeps_the_session(checker: FStarChecker) -> None:
    request = ask(VAL, "let f x = hang_here").model_copy(update={"budget": Budget(wall_s=0.3)})
    verdict = checker.check(request)
    assert verdict.reason is UndecidedReason.TIMEOUT
    assert verdict.usage.wall_s < 5
    assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"
    assert checker.pool.counts.started == 1


def test_memory_is_a_limit_of_the_group(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, memory_mb=300)
    try:
        verdict = checker.check(ask(VAL, "let f x = grow_here"))
        assert verdict.reason is UndecidedReason.MEMORY
        assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"
    finally:
        checker.close()


def test_checked_files_are_loaded_where_offered(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, CHECKED_FILE)
    try:
        checker.check(ask(VAL, "let f x = x", until="Test.f", prefix="let g = 1"))
        asked = [q for q in queries(tmp_path) if q["query"] == CHECKED_FILE]
        assert [q["args"] for q in asked] == [{"until-lid": "Test.f"}]
        assert not any("let g" in code for code in pushed(tmp_path))
    finally:
        checker.close()


def test_the_prefix_stands_in_where_checked_files_are_not_offered(
    checker: FStarChecker, tmp_path: Path
) -> None:
    checker.check(ask(VAL, "let f x = x", until="Test.f", prefix="let g = 1"))
    assert any("let g" in code for code in pushed(tmp_path))
    with pytest.raises(InvalidRequest, match="prefix"):
        checker.check(ask(VAL, "let f x = x", until="Test.f"))


def test_the_solver_is_restarted_only_where_offered(tmp_path: Path) -> None:
    plain, new = tmp_path / "plain", tmp_path / "new"
    for folder, features in ((plain, ()), (new, ("restart-solver",))):
        folder.mkdir()
        session = fake_session(folder, *features)
        session.restart_solver(Deadline.after(5))
        session.exit()
        offered = bool(features)
        assert any(q["query"] == "restart-solver" for q in queries(folder)) is offered


@pytest.mark.parametrize("features", [(), (RESTART_SOLVER,)])
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("let f x = hang_here", UndecidedReason.TIMEOUT),
        ("let f x = rlimit_here", UndecidedReason.RLIMIT),
        ("let f x = wrong_type", RejectReason.ELABORATION),
        ("let f x = x", None),
    ],
)
def test_a_solver_that_ran_into_a_limit_is_replaced_where_offered(
    tmp_path: Path, features: tuple[str, ...], code: str, reason: object
) -> None:
    checker = fake_checker(tmp_path, *features)
    try:
        request = ask(VAL, code).model_copy(update={"budget": Budget(wall_s=0.3)})
        assert getattr(checker.check(request), "reason", None) is reason
        after = [q["query"] for q in queries(tmp_path)]
        wanted = bool(features) and isinstance(reason, UndecidedReason)
        assert after.count(RESTART_SOLVER) == int(wanted)
        assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"
        assert checker.pool.counts.started == 1
    finally:
        checker.close()


def test_a_context_that_ran_into_a_limit_leaves_no_tired_solver(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, RESTART_SOLVER)
    try:
        with pytest.raises(InvalidRequest, match="rlimit"):
            checker.check(ask("val f : rlimit_here", "let f = 1"))
        assert [q["query"] for q in queries(tmp_path)].count(RESTART_SOLVER) == 1
    finally:
        checker.close()


def test_a_use_that_ran_into_a_limit_is_no_mismatch(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, RESTART_SOLVER)
    (tmp_path / "limit-probe").touch()
    try:
        verdict = checker.check(ask(VAL, "let f x = x"))
        assert verdict.reason is UndecidedReason.RLIMIT
        assert [q["query"] for q in queries(tmp_path)].count(RESTART_SOLVER) == 1
    finally:
        checker.close()


def test_a_solver_that_does_not_restart_costs_the_session_not_the_verdict(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, RESTART_SOLVER)
    (tmp_path / "refuse-restart").touch()
    try:
        verdict = checker.check(ask(VAL, "let f x = rlimit_here"))
        assert verdict.reason is UndecidedReason.RLIMIT
        assert checker.check(ask(VAL, "let f x = x")).kind == "accepted"
        assert checker.pool.counts.started == 2
    finally:
        checker.close()


def test_parallel_requests_share_the_pool(tmp_path: Path) -> None:
    checker = fake_checker(tmp_path, size=2)
    kinds: list[str] = []

    def run(n: int) -> None:
        kinds.append(checker.check(ask(VAL, f"let f x = x + {n}")).kind)

    threads = [threading.Thread(target=run, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    checker.close()
    assert kinds == ["accepted"] * 6
    assert checker.pool.counts.started <= 2


@pytest.mark.parametrize(
    ("context", "statement", "field"),
    [
        ({"options": ("--z3rlimit", "many")}, VAL, "context.options"),
        ({"options": ("--no_such_option",)}, VAL, "context.options"),
        ({"options": ("--lax",)}, VAL, "context.options"),
        ({"prefix": '#set-options "--admit_smt_queries true"'}, VAL, "context.prefix"),
        ({"prefix": "module Other\nlet x = 1"}, VAL, "context.prefix"),
        ({"opens": ("not a module",)}, VAL, "context.opens.0"),
        ({"module": "lower"}, VAL, "context.module"),
        ({"dataset": "../../etc"}, VAL, "context.dataset"),
        ({}, "let f x = x", "statement"),
        ({}, "val f : int\nval g : int", "statement"),
        ({}, 'val f : int #set-options "--lax"', "statement"),
    ],
)
def test_bad_requests_name_their_field(
    checker: FStarChecker, context: dict[str, Any], statement: str, field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checker.check(ask(statement, "let f x = x", **context))
    assert caught.value.field == field


def test_a_file_name_that_does_not_match_its_module(checker: FStarChecker) -> None:
    request = CheckRequest(context=FStarContext(module="Wrong"), code="module Test\nlet x = 1\n")
    with pytest.raises(InvalidRequest, match=r"module Test, not Wrong"):
        checker.check(request)


def test_a_banner_that_is_not_json_is_no_fstar(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('{hello', flush=True); import time; time.sleep(60)"]
    with pytest.raises(ToolchainMissing, match="not JSON"):
        Session(FStarProcess(command, tmp_path, 2_000, {}))


def test_a_program_that_ends_at_once_is_no_fstar(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('unrecognized option')"]
    with pytest.raises(ToolchainMissing, match="unrecognized option"):
        Session(FStarProcess(command, tmp_path, 2_000, {}))


def test_a_missing_fstar_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ToolchainMissing, match="ALUDEL_FSTAR"):
        find_fstar(Settings(cache_dir=tmp_path), {"PATH": ""})
    with pytest.raises(ToolchainMissing, match="not an executable"):
        find_fstar(Settings(fstar=str(tmp_path / "none")))


def test_the_fake_says_that_it_is_one() -> None:
    assert "fake" in FAKE_TOOLCHAIN.version
