"""``aludel verify`` on a fake prover: columns, figures, what is wrong with files, killed runs."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_verify import ByLastWord
from fstar_support import fake_checker
from hurtful import HURTFUL
from live_api import live_api

import aludel.provers
from aludel.cli.main import cli
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest
from aludel.fstar_checker.dataset import read_definitions
from aludel.fstar_checker.problems import read_candidates
from aludel.fstar_checker.verify import build_work
from aludel.fstar_checker.verify import report as fstar_report
from aludel.fstar_checker.verify import run as run_work
from aludel.jobs import Item, ItemState
from aludel.models import Budget, CheckRequest, Policy, Prover, Rejected, RejectReason
from aludel.progress import Silent
from aludel.proving.verification import Columns, LeanPoser, Report, VerificationPlan, verify
from aludel.proving.verification import run as verification_run
from aludel.settings import Settings

FAKE = Path(__file__).parents[1] / "fakes" / "fake_verify.py"
SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"
FILES = ("results.jsonl", "refused.jsonl", "report.json", "report.md")

Row = dict[str, Any]


def write(path: Path, rows: Iterable[object]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def problem(name: str, **more: object) -> Row:
    return {"name": name, "statement": f"theorem {name} : True := by sorry", **more}


def invoke(*words: str) -> Result:
    """Run the command; ``return_value`` is the exit code, unless there is an ``exception``."""
    return CliRunner().invoke(cli, ["verify", *words], standalone_mode=False)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run ``aludel verify`` in this process; the rows of both files come first."""
    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: ByLastWord())

    def run_verify(problems: Iterable[object], candidates: Iterable[object], *words: str) -> Result:
        files = (
            write(tmp_path / "problems.jsonl", problems),
            write(tmp_path / "candidates.jsonl", candidates),
        )
        where = ["--out", str(tmp_path / "out")]
        return invoke(*map(str, files), *where, *words)

    return run_verify


def results(folder: Path) -> list[Row]:
    text = (folder / "results.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


def test_figures_and_results(run: Callable[..., Result], tmp_path: Path) -> None:
    problems = [problem("a"), problem("b"), problem("c"), problem("alone")]
    candidates = [
        {"name": "a", "code": "theorem a : True := accept"},
        {"name": "b", "code": ["nope", "```lean\naccept\n```", "undecided", "nope"]},
        {"name": "a", "code": "nope"},
        {"name": "c", "code": [None, "", "nope", "nope"]},
    ]
    done = run(problems, candidates, "--json", "--k", "1", "--k", "4", "--k", "99")
    assert done.return_value == 0, done.stderr
    report = Report.model_validate_json(done.stdout)
    assert (report.problems, report.posed, report.without_candidates) == (4, 4, 1)
    assert (report.candidates, report.solved) == (10, 2)
    assert report.verdicts == {"accepted": 2, "rejected": 7, "undecided": 1}
    assert report.reasons == {"elaboration": 5, "no_text": 1, "parse": 1, "timeout": 1}
    assert report.pass_at_k["1"].value == pytest.approx((1 / 2 + 1 / 4 + 0) / 3)
    assert report.pass_at_k["1"].count == 3
    four = report.pass_at_k["4"]
    assert (four.value, four.count) == (0.5, 2)
    assert 0 <= four.low < four.value < four.high <= 1
    rows = results(tmp_path / "out")
    assert [(row["name"], row["line"], row["item"]) for row in rows] == [
        ("a", 1, 0), ("b", 2, 0), ("b", 2, 1), ("b", 2, 2), ("b", 2, 3), ("a", 3, 0),
        ("c", 4, 0), ("c", 4, 1), ("c", 4, 2), ("c", 4, 3),
    ]  # fmt: skip
    assert [row["kind"][0] for row in rows] == list("arauurrrrr".replace("uu", "ur"))
    page = (tmp_path / "out" / "report.md").read_text("utf-8")
    assert "pass@4" in page and "50.0% [" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == json.loads(done.stdout)


PUBLISHED: dict[str, tuple[Row, Row]] = {
    "DeepSeek-Prover-V1": (
        {"name": "p", "header": "open Nat", "formal_statement": "theorem p : 1 = 1 := by"},
        {"name": "p", "formal_proof": "accept"},
    ),
    "Goedel": (
        {"problem_id": "p", "formal_statement": "import Init\ntheorem p : 1 = 1 := by sorry"},
        {"problem_id": "p", "full_proof": "import Mathlib\n\ntheorem p : 1 = 1 := by accept"},
    ),
    "NuminaMath-LEAN": (
        {"uuid": "u-1", "formal_statement": "import Init\ntheorem p : 1 = 1 := by sorry"},
        {"uuid": "u-1", "formal_proof": "import Init\ntheorem p : 1 = 1 := by accept"},
    ),
    "FormalMATH": (
        {"theorem_names": ["p"], "refined_statement": "theorem p : 1 = 1 := by sorry"},
        {"name": "p", "response": "<think>hm</think>\n```lean4\ntheorem p : 1 = 1 := accept\n```"},
    ),
    "ProofNet#": (
        {"id": 7, "lean4_src_header": "open Nat", "lean4_formalization": "theorem p : 1 = 1 :="},
        {"id": 7, "completions": ["accept"]},
    ),
    "messages": (
        {"name": "p", "statement": "theorem p : 1 = 1"},
        {"name": "p", "completion": [{"role": "assistant", "content": "accept"}]},
    ),
    "objects": (
        {"name": "p", "problem_id": 3, "statement": "theorem p : 1 = 1"},
        {"problem_id": 3, "candidates": [{"code": "accept", "seed": 1}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_columns_of_published_sets(run: Callable[..., Result], name: str) -> None:
    posed, candidate = PUBLISHED[name]
    done = run([posed], [candidate], "--json")
    assert done.return_value == 0, done.output
    assert json.loads(done.stdout)["verdicts"]["accepted"] == 1


def test_columns_can_be_named(run: Callable[..., Result]) -> None:
    rows = [{"key": "p", "thm": "theorem p : True"}], [{"key": "p", "answer": "accept"}]
    refused = run(*rows)
    assert isinstance(refused.exception, InvalidRequest)
    assert "--name-column" in str(refused.exception)
    named = ("--name-column", "key", "--statement-column", "thm", "--code-column", "answer")
    done = run(*rows, *named, "--json")
    assert done.return_value == 0, done.output
    assert json.loads(done.stdout)["solved"] == 1


def test_what_hurts_counts_as_wrong_and_keeps_its_problem(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    rows = [{"name": "p", "code": text} for text in [*HURTFUL.values(), "accept"]]
    done = run([problem("p")], rows, "--json", "--k", "41")
    assert done.return_value == 0, done.output
    report = Report.model_validate_json(done.stdout)
    assert report.verdicts == {"accepted": 1, "rejected": 40, "undecided": 0}
    assert report.pass_at_k["41"].value == 1.0
    reasons = [row["reason"] for row in results(tmp_path / "out")]
    assert reasons.count("too_large") >= 4 and "too_deep" in reasons


def test_a_problem_that_cannot_be_posed_is_told_and_counts_for_nothing(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    problems = [
        problem("good"),
        {"name": "proved", "statement": "theorem proved : True := trivial"},
        problem("twice"),
        problem("twice", imports=["Std"]),
        problem("again"),
        problem("again"),
        "no JSON",
        problem("unknown"),
    ]
    candidates = [
        {"name": "good", "code": "accept"},
        {"name": "proved", "code": "accept"},
        {"name": "twice", "code": "accept"},
        {"name": "again", "code": "nope"},
        {"name": "unknown", "code": ["invalid", ""]},
        {"name": "nobody", "code": "accept"},
        '{"name": "good", "co',
        {"name": "unknown", "code": "accept"},
    ]
    done = run(problems, candidates, "--json")
    assert done.return_value == 1, done.output
    report = Report.model_validate_json(done.stdout)
    assert (report.problems, report.posed) == (7, 2)
    assert report.verdicts == {"accepted": 1, "rejected": 1, "undecided": 0}
    assert (report.unposed, report.unreadable) == (6, 1)
    assert report.pass_at_k["1"].value == 0.5
    told = {one.problem: one.reason for one in report.refused}
    assert told["proved"] == "it holds a proof"
    assert told["twice"] == "two problems are called twice"
    assert told["problems.jsonl:7"].startswith("not JSON")
    assert told["unknown"] == "imports: unknown import 'Nope'"
    kinds = [row["kind"] for row in results(tmp_path / "out")]
    assert kinds == [
        "accepted", "unposed", "unposed", "rejected", "unposed", "unposed", "unposed",
        "unreadable", "unposed",
    ]  # fmt: skip
    refused = (tmp_path / "out" / "refused.jsonl").read_text("utf-8")
    assert refused.count("\n") == len(report.refused) == 5
    assert "no problem" in results(tmp_path / "out")[6]["message"]


def test_a_machine_that_fails_ends_the_run_and_the_next_goes_on(
    run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification_run, "PAUSES_S", (0.0, 0.0))
    rows = [{"name": "p", "code": "accept"}] * 300 + [{"name": "p", "code": "crash"}]
    failed = run([problem("p")], rows, "--json")
    assert isinstance(failed.exception, BackendUnavailable)
    assert json.loads(failed.stdout)["reason"] == "backend_crashed"
    assert len(results(tmp_path / "out")) == 256
    calls: list[str] = []

    class Mended(ByLastWord):
        def check(self, request: CheckRequest) -> Any:
            calls.append(request.code)
            return super().check(
                request.model_copy(update={"code": request.code.replace("crash", "accept")})
            )

    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: Mended())
    done = run([problem("p")], rows, "--json")
    assert done.return_value == 0, done.output
    assert json.loads(done.stdout)["verdicts"]["accepted"] == 301 and len(calls) == 45
    calls.clear()
    assert run([problem("p")], rows, "--json").stdout == done.stdout
    assert calls == []  # a run that is whole is not done again


def test_a_machine_that_fails_for_a_while_is_asked_again(
    run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification_run, "PAUSES_S", (0.0, 0.0))
    failures = iter(range(2))

    class Slow(ByLastWord):
        size = 1

        def check(self, request: CheckRequest) -> Any:
            if "accept here" in request.code and next(failures, None) is not None:
                raise BackendUnavailable("the Lean server was not ready in time")
            return super().check(request)

    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: Slow())
    words = ("accept", "nope", "theorem p : True := accept here\n-- accept", "nope", "accept")
    done = run([problem("p")], [{"name": "p", "code": list(words)}], "--json")
    assert done.return_value == 0, done.output
    verdicts = json.loads(done.stdout)["verdicts"]
    assert verdicts == {"accepted": 3, "rejected": 2, "undecided": 0}


def test_another_run_of_the_same_folder_is_a_conflict(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    rows = [{"name": "p", "code": "accept"}]
    assert run([problem("p")], rows).return_value == 0
    other = run([problem("p")], [*rows, *rows])
    assert isinstance(other.exception, Conflict)
    again = run([problem("p")], rows, "--timeout", "7")
    assert isinstance(again.exception, Conflict)
    assert len(results(tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("problems", "candidates", "words"),
    [
        ([], [{"name": "p", "code": "x"}], "PROBLEMS"),
        ([{"name": "p"}], [{"name": "p", "code": "x"}], "formal_statement"),
        ([problem("p")], [], "CANDIDATES"),
        ([problem("p")], ["{"], "CANDIDATES"),
        ([problem("p")], [{"name": "p", "answer": 1}], "--code-column"),
        ([problem("p")], [{"code": "x"}], "problem_id"),
    ],
)
def test_files_that_hold_nothing_are_bad_input(
    run: Callable[..., Result], problems: list[object], candidates: list[object], words: str
) -> None:
    done = run(problems, candidates, "--json")
    assert isinstance(done.exception, InvalidRequest)
    assert words in str(done.exception)
    assert json.loads(done.stdout)["kind"] == "error"
    right = run([problem("p")], [{"name": "p", "code": "accept"}])  # the folder is not spoilt
    assert right.return_value == 0, right.output


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    missing, here = str(tmp_path / "no"), str(write(tmp_path / "p.jsonl", [problem("p")]))
    for files, field in (([missing, here], "PROBLEMS"), ([here, missing], "CANDIDATES")):
        done = invoke(*files, "--out", str(tmp_path / "out"))
        assert isinstance(done.exception, InvalidRequest)
        assert done.exception.field == field


def test_definitions_of_fstar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = SAMPLES / "fstar_problems.json", SAMPLES / "fstar_candidates.jsonl"
    work = build_work(read_definitions(files[0]), read_candidates(files[1]))
    with contextlib.closing(fake_checker(tmp_path)) as checker:
        known = fstar_report(run_work(work, checker.check, 1), (1, 3))
    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: fake_checker(tmp_path))
    where = ["--out", str(tmp_path / "out"), "--k", "1", "--k", "3"]
    done = invoke(*map(str, files), *where, "--prover", "fstar", "--json")
    assert done.return_value == 0, done.output
    report = Report.model_validate_json(done.stdout)
    assert report.verdicts == known["verdicts"]
    for k in ("1", "3"):
        assert report.pass_at_k[k].value == pytest.approx(known["verify_at"][k]["estimate"])
        for group, found in report.pass_at_k_by_group.items():
            told = known["verify_at_by_class"][group][k]
            assert (found[k].value, found[k].count) == (told["estimate"], told["problems"])
    fenced = write(
        tmp_path / "fenced.jsonl",
        [{"name": "Sample.double", "response": "So:\n```fstar\nlet double x = x + x\n```"}],
    )
    done = invoke(str(files[0]), str(fenced), "--out", str(tmp_path / "f"), "--prover", "fstar")
    assert [row["kind"] for row in results(tmp_path / "f")] == ["accepted"], done.output


def mixed(count: int) -> list[Row]:
    words = ("accept", "nope", "undecided", "", "accept", "```lean\nnope\n```", "\0", "nope")
    return [
        {"name": f"p{number % 50}", "code": words[(number * 7) % 8] if number % 11 else None}
        for number in range(count)
    ]


def start(folder: Path, out: str, pause: float) -> subprocess.Popen[bytes]:
    files = [str(folder / "problems.jsonl"), str(folder / "candidates.jsonl")]
    return subprocess.Popen(
        [sys.executable, str(FAKE), str(pause), *files, "--out", str(folder / out)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_killed_runs_end_with_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "problems.jsonl", [*(problem(f"p{n}") for n in range(49)), "torn"])
    write(tmp_path / "candidates.jsonl", mixed(1_200))
    undisturbed = start(tmp_path, "whole", 0.0)
    written = tmp_path / "killed" / "results.jsonl"
    killed = 0
    for more in (1, 50_000):
        process = start(tmp_path, "killed", 0.003)
        had = written.stat().st_size if written.exists() else 0
        deadline = time.monotonic() + 60
        while not written.exists() or written.stat().st_size < had + more:
            assert time.monotonic() < deadline
            if process.poll() is not None:
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
    assert killed == 2 and len(written.read_bytes()) > 0, "it was killed at work"
    with written.open("ab") as results_file:
        results_file.write(b'{"name": "torn')  # what the ledger does not know does not count
    assert start(tmp_path, "killed", 0.0).wait(120) == 1
    assert undisturbed.wait(120) == 1
    for name in FILES:
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(results(tmp_path / "killed")) == 1_200


def test_figures_are_those_of_the_service(run: Callable[..., Result], tmp_path: Path) -> None:
    problems, rows = [problem(f"p{n}") for n in range(50)], mixed(300)
    rows += [{"name": "p1", "code": text} for text in ("\ud800", "x" * 1_200_000, "(" * 3_000)]
    here = run(problems, rows, "--json")
    assert here.return_value == 0, here.output
    chosen = Settings(data_dir=tmp_path / "service", pool_size=2)
    with live_api(chosen, lambda _: ByLastWord()) as api:
        words = ("--server", api.url, "--out", str(tmp_path / "served"), "--json")
        there = run(problems, rows, *words)
    assert there.return_value == 0, there.output
    assert json.loads(there.stdout) == json.loads(here.stdout)
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "served" / name).read_bytes()


def _rejected(requests: Iterable[CheckRequest]) -> list[Item]:
    verdict = Rejected(hash="h", reason=RejectReason.PARSE)
    return [
        Item(position=at, state=ItemState.DONE, verdict=verdict) for at, _ in enumerate(requests)
    ]


@pytest.mark.long  # tracing memory makes everything slow
def test_memory_does_not_grow_with_the_files(tmp_path: Path) -> None:
    plan = VerificationPlan(
        prover=Prover.LEAN, judged_by="f", budget=Budget(), policy=Policy(), columns=Columns()
    )

    def peak(name: str, count: int) -> int:
        folder = tmp_path / name
        folder.mkdir()
        problems = write(folder / "p.jsonl", (problem(f"p{n}") for n in range(count)))
        text = "x" * 4_000
        rows = ({"name": f"p{n}", "code": [text] * 6} for n in range(count))
        candidates = write(folder / "c.jsonl", rows)
        tracemalloc.start()
        poser = LeanPoser(plan.columns)
        out = folder / "out"
        report = verify(problems, candidates, out, plan, poser, _rejected, [1, 2], Silent())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.candidates == 6 * count
        return most

    peak("first", 20)  # imports, caches
    small, large = peak("small", 100), peak("large", 200)
    assert large < 1.25 * small + 500_000, (small, large)
