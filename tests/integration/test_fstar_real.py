"""The checker on a real F*: run with ``pytest -m fstar``; skipped with how to get one otherwise.

Written for the version of the recordings (0.9.7: push, pop, vfs-add, no checked files); later ones
must give the same verdicts.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from fstar_support import ask, fake_checker, real_checker

from aludel.cli.main import cli
from aludel.errors import BackendCrashed, InvalidRequest, ToolchainMissing
from aludel.fstar_checker.checker import FStarChecker, build_checker
from aludel.fstar_checker.extract import extract_file
from aludel.fstar_checker.problems import request_for
from aludel.fstar_checker.toolchain import find_fstar
from aludel.models import (
    Budget,
    CheckRequest,
    FStarContext,
    RejectReason,
    Severity,
    UndecidedReason,
)
from aludel.settings import load_settings

pytestmark = pytest.mark.fstar

APP_NIL = "val app_nil: #a:Type -> l:list a -> Lemma (l @ [] == l)"
GOOD = "let rec app_nil #a l = match l with\n  | [] -> ()\n  | _ :: tl -> app_nil tl\n"
HARD = "val ferm: x:pos -> y:pos -> z:pos -> Lemma (x * x * x + y * y * y <> z * z * z)"
SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"
MODULE = """module Sums

open FStar.Mul

val triangle : n:nat -> Tot nat
let rec triangle n = if n = 0 then 0 else n + triangle (n - 1)

val closed : n:nat -> Lemma (2 * triangle n == n * (n + 1))
let rec closed n = if n = 0 then () else closed (n - 1)
"""


@pytest.fixture(scope="module")
def checker() -> Iterator[FStarChecker]:
    made = real_checker()
    yield made
    made.close()


def test_a_proof_is_accepted_with_its_evidence(checker: FStarChecker) -> None:
    verdict = checker.check(ask(APP_NIL, GOOD))
    assert verdict.kind == "accepted", verdict
    assert verdict.evidence.declarations == ("Test.app_nil",)
    assert verdict.evidence.statement_match == "identical"
    assert "control" in verdict.evidence.checks
    assert verdict.usage.wall_s > 0
    assert verdict.usage.peak_memory_mb


def test_the_session_is_kept_between_candidates(checker: FStarChecker) -> None:
    checker.check(ask(APP_NIL, GOOD))
    started = checker.pool.counts.started
    for _ in range(5):
        assert checker.check(ask(APP_NIL, GOOD)).kind == "accepted"
    assert checker.pool.counts.started == started


def test_diagnostics_point_into_the_users_own_text(checker: FStarChecker) -> None:
    verdict = checker.check(ask("val f : x:int -> Tot nat", "let f x =\n  let y = x in\n  y"))
    assert verdict.reason is RejectReason.SMT_FAILURE
    error = next(d for d in verdict.diagnostics if d.severity is Severity.ERROR)
    assert error.start is not None
    assert (error.start.line, error.start.column) == (3, 2)


def test_a_timeout_leaves_the_session_usable(checker: FStarChecker) -> None:
    hard = ask(HARD, "let ferm x y z = ()", options=("--z3rlimit", "4000"))
    verdict = checker.check(hard.model_copy(update={"budget": Budget(wall_s=1.0)}))
    assert verdict.reason is UndecidedReason.TIMEOUT
    assert verdict.usage.wall_s < 20
    assert checker.check(ask(APP_NIL, GOOD)).kind == "accepted"


def test_an_exhausted_rlimit_is_undecided(checker: FStarChecker) -> None:
    hard = ask(HARD, "let ferm x y z = ()")
    verdict = checker.check(hard.model_copy(update={"budget": Budget(z3rlimit=1)}))
    assert verdict.reason is UndecidedReason.RLIMIT


def test_options_do_not_leak_to_the_next_request(checker: FStarChecker) -> None:
    no_fuel = ("--max_fuel", "0", "--initial_fuel", "0")
    length = "val len3 : unit -> Lemma (length [1; 2; 3] == 3)"
    assert checker.check(ask(length, "let len3 () = ()", options=no_fuel)).kind == "rejected"
    assert checker.check(ask(length, "let len3 () = ()")).kind == "accepted"


def test_a_prefix_text_is_checked_and_used(checker: FStarChecker) -> None:
    context = {"prefix": "let twice (x:int) : Tot int = x + x\n", "opens": ()}
    statement = "val four : x:int -> Lemma (twice (twice x) == x + x + x + x)"
    assert checker.check(ask(statement, "let four x = ()", **context)).kind == "accepted"
    broken = {"prefix": "let twice (x:int) : Tot nat = x\n", "opens": ()}
    with pytest.raises(InvalidRequest, match=r"context\.prefix"):
        checker.check(ask(statement, "let four x = ()", **broken))


def test_an_inconsistent_context_is_refused(checker: FStarChecker) -> None:
    context = {"prefix": "assume A: forall (x:int). x == x + 1\n", "opens": ()}
    with pytest.raises(InvalidRequest, match="False can be proved"):
        checker.check(ask("val f : x:int -> Lemma (x == 2)", "let f x = ()", **context))


def test_a_broken_statement_is_the_requests_fault(checker: FStarChecker) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checker.check(ask("val f : no_such_type", "let f = 1"))
    assert caught.value.field == "statement"


def test_a_whole_module(checker: FStarChecker) -> None:
    verdict = checker.check(CheckRequest(context=FStarContext(), code=MODULE))
    assert verdict.kind == "accepted", verdict
    wrong = MODULE.replace("(n + 1))", "(n + 2))")
    verdict = checker.check(CheckRequest(context=FStarContext(), code=wrong))
    assert verdict.reason is RejectReason.SMT_FAILURE
    assert {d.start.line for d in verdict.diagnostics if d.start} <= {8, 9}


def test_extracted_problems_accept_their_own_source(checker: FStarChecker) -> None:
    problems = extract_file(MODULE, "Sums.fst", "sums")
    assert [p.short_name for p in problems] == ["triangle", "closed"]
    for problem in problems:
        assert problem.source_definition is not None
        assert checker.check(request_for(problem, problem.source_definition)).kind == "accepted"


def test_no_process_is_left_behind() -> None:
    before = set(psutil.Process().children(recursive=True))
    made = real_checker()
    assert made.check(ask(APP_NIL, GOOD)).kind == "accepted"
    family = set(psutil.Process().children(recursive=True)) - before
    provers = [p for p in family if p.is_running() and _name(p) in ("fstar.exe", "z3")]
    assert provers
    made.close()
    assert not [p for p in provers if _alive(p)]


def test_fstar_killed_mid_query_is_replaced() -> None:
    """Once: the candidate is asked again. Every time: an infrastructure failure."""
    made = real_checker()
    hard = ask(HARD, "let ferm x y z = ()", options=("--z3rlimit", "4000"))
    request = hard.model_copy(update={"budget": Budget(wall_s=30)})
    stop = threading.Event()

    def killer() -> None:
        while not stop.wait(0.7):
            for process in psutil.Process().children(recursive=True):
                if _name(process) == "fstar.exe":
                    os.kill(process.pid, signal.SIGKILL)

    thread = threading.Thread(target=killer)
    thread.start()
    try:
        with pytest.raises(BackendCrashed):
            made.check(request)
    finally:
        stop.set()
        thread.join()
    assert made.check(ask(APP_NIL, GOOD)).kind == "accepted"
    made.close()


def test_a_missing_solver_is_no_rejection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The binary alone, with its library but without a Z3 anywhere on PATH."""
    settings = load_settings()
    try:
        found = find_fstar(settings)
    except ToolchainMissing as error:
        pytest.skip(str(error))
    root = tmp_path / "fstar"
    (root / "bin").mkdir(parents=True)
    shutil.copyfile(found.program, root / "bin" / "fstar-alone.exe")
    (root / "bin" / "fstar-alone.exe").chmod(0o755)
    library = found.program.parent.parent
    for folder in ("ulib", "lib"):
        if (library / folder).is_dir():
            (root / folder).symlink_to(library / folder)
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    if shutil.which("z3"):
        pytest.skip("a z3 in /usr/bin hides the absence; remove it to run this test")
    alone = settings.model_copy(update={"fstar": str(root / "bin" / "fstar-alone.exe")})
    made = build_checker(alone)
    try:
        with pytest.raises(ToolchainMissing, match="Z3"):
            made.check(ask("val f : x:int -> Lemma (x * 2 == x + x)", "let f x = ()"))
    finally:
        made.close()


def test_verify_on_the_command_line(tmp_path: Path) -> None:
    real_checker().close()
    problems, candidates = (SAMPLES / n for n in ("fstar_problems.json", "fstar_candidates.jsonl"))
    arguments = [
        "fstar",
        "verify",
        str(problems),
        str(candidates),
        "--out",
        str(tmp_path),
        "--json",
    ]
    result = CliRunner().invoke(cli, [*arguments, "--k", "1", "--k", "3"], standalone_mode=False)
    summary = json.loads(result.output)
    assert summary == json.loads((tmp_path / "report.json").read_text())
    assert summary["verify_at"]["1"]["estimate"] == pytest.approx(0.5)
    assert summary["verify_at"]["3"]["estimate"] == pytest.approx(0.9)
    assert summary["verdicts"] == {"accepted": 15, "rejected": 13, "undecided": 2}


def test_options_of_a_newer_version_are_dropped_where_safe(tmp_path: Path) -> None:
    """On an F* without --z3smtopt the problem is posed without it, and the report says so."""
    made = real_checker()
    lacks = made.known_options is not None and "--z3smtopt" not in made.known_options
    made.close()
    smt = "(set-option :smt.arith.nl false)"
    problem = {
        "name": "M.f", "file_name": "M.fst", "source_type": "val f : int",
        "vconfig": {"z3smtopt": [smt]},
    }  # fmt: skip
    (tmp_path / "p.json").write_text(json.dumps([problem]))
    (tmp_path / "c.jsonl").write_text(json.dumps({"name": "M.f", "candidate": "let f = 1"}))
    paths = [str(tmp_path / name) for name in ("p.json", "c.jsonl")]
    arguments = ["fstar", "verify", *paths, "--out", str(tmp_path / "out"), "--json"]
    summary = json.loads(CliRunner().invoke(cli, arguments, standalone_mode=False).output)
    assert summary["verdicts"]["accepted"] == 1
    assert set(summary["dropped_options"]) == ({"M.f"} if lacks else set())


def test_check_on_the_command_line(tmp_path: Path) -> None:
    real_checker().close()
    path = tmp_path / "Sums.fst"
    path.write_text(MODULE)
    arguments = ["check", str(path), "--prover", "fstar", "--json"]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    assert (result.return_value, json.loads(result.output)["kind"]) == (0, "accepted")
    other = tmp_path / "Other.fst"
    other.write_text(MODULE)
    result = CliRunner().invoke(cli, ["check", str(other), "--prover", "fstar"])
    assert isinstance(result.exception, InvalidRequest)
    assert "module Sums, not Other" in str(result.exception)


def test_the_stand_in_agrees_on_the_refusals_of_the_policy(
    checker: FStarChecker, tmp_path: Path
) -> None:
    fake = fake_checker(tmp_path)
    for code in ("let app_nil #a l = admit ()", "let other = 1", "open FStar.Tactics"):
        assert checker.check(ask(APP_NIL, code)).reason is fake.check(ask(APP_NIL, code)).reason
    fake.close()


def _name(process: psutil.Process) -> str:
    try:
        return str(process.name())
    except psutil.Error:
        return ""


def _alive(process: psutil.Process) -> bool:
    time.sleep(0.01)
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
