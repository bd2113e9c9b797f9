"""Requests beside each other: folders, modules, counting of candidates, messages."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fstar_support import FAKE_TOOLCHAIN, FAKES, ask, fake_checker, real_checker

from aludel.cli.check import command as check_command
from aludel.cli.fstar import command as fstar_command
from aludel.cli.rendering import render_verdict
from aludel.errors import InvalidRequest
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.options import check_options, unsafe_in_pragma
from aludel.fstar_checker.pool import SessionStarter
from aludel.fstar_checker.problems import Candidate, read_candidates
from aludel.fstar_checker.scaffold import HARDENING, parse_statement, plan, symbol_of
from aludel.fstar_checker.toolchain import FStarToolchain
from aludel.fstar_checker.verify import build_work, render, report, run
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    FStarContext,
    RejectReason,
)
from aludel.settings import Settings

VAL = "val f : x:int -> Tot int"


@pytest.fixture
def checker(tmp_path: Path) -> Iterator[FStarChecker]:
    made = fake_checker(tmp_path)
    yield made
    made.close()


def starter(folder: Path) -> SessionStarter:
    """Start sessions of the stand-in as a binary is started, each in its own folder."""
    program = folder / "fstar.exe"
    program.write_text(f"#!/bin/sh\nexec {sys.executable} -I {FAKES / 'fstar_fake.py'}\n")
    program.chmod(0o755)
    found = FStarToolchain(
        FAKE_TOOLCHAIN, program, frozenset(), frozenset(), {"PATH": "/usr/bin:/bin"}, "PATH"
    )
    return SessionStarter(found, Settings(data_dir=folder))


def test_a_session_has_a_folder_of_its_own_that_goes_with_it(tmp_path: Path) -> None:
    start = starter(tmp_path)
    first, second = start(("FStar.List.Tot.Base", None)), start(("Test", None))
    folders = [Path(f"/proc/{s.process.pid}/cwd").resolve() for s in (first, second)]
    assert folders[0] != folders[1]
    held = [sorted(p.name for p in f.iterdir() if p.suffix == ".fst") for f in folders]
    assert held == [["FStar.List.Tot.Base.fst"], ["Test.fst"]]
    first.kill()
    second.exit()
    assert not any(f.exists() for f in folders)


def test_a_dataset_keeps_its_folder_and_gets_no_file(tmp_path: Path) -> None:
    dataset = tmp_path / "fstar" / "popai"
    dataset.mkdir(parents=True)
    (dataset / "Known.fst").write_text("module Known\n")
    start = starter(tmp_path)
    known, other = start(("Known", "popai")), start(("Other", "popai"))
    try:
        assert Path(f"/proc/{known.process.pid}/cwd").resolve() == dataset.resolve()
        assert Path(f"/proc/{other.process.pid}/cwd").resolve() != dataset.resolve()
    finally:
        known.kill()
        other.kill()
    assert [p.name for p in dataset.glob("*.fst")] == ["Known.fst"]


@pytest.mark.fstar
def test_a_request_in_a_library_module_spoils_no_other() -> None:
    made = real_checker()
    steps: list[tuple[dict[str, Any], str, str]] = [
        ({"module": "FStar.List.Tot.Base", "opens": ()}, "val q1 : nat -> Tot nat", "let q1 x = x"),
        ({"module": "FStar.Mul", "opens": ()}, "val q3 : nat -> Tot nat", "let q3 x = x"),
        ({"opens": ("FStar.List.Tot",)}, "val q2 : list int -> Tot nat", "let q2 l = length l"),
        ({"opens": ("FStar.Mul",)}, "val q4 : int -> Tot int", "let q4 x = x * 2"),
    ]
    try:
        for context, statement, code in steps:
            assert made.check(ask(statement, code, **context)).kind == "accepted"
        with pytest.raises(InvalidRequest, match="library"):
            made.check(CheckRequest(context=FStarContext(), code="module FStar.Mul\nlet f = 1\n"))
    finally:
        made.close()


@pytest.mark.parametrize("module", ["Prims", "FStar.Pervasives", "my-file", "M." * 200 + "M"])
def test_a_module_is_a_name_that_a_module_can_have(checker: FStarChecker, module: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checker.check(ask(VAL, "let f x = x", module=module))
    assert caught.value.field == "context.module"


def problem(name: str) -> Definition:
    return Definition(name=f"M.{name}", file_name="M.fst", source_type=f"val {name} : int -> int")


def test_what_is_no_candidate_is_a_wrong_one(checker: FStarChecker) -> None:
    """Five candidates, two of them over the limit, two right: five count."""
    large = f"let f x = 1 (* {'a' * 1_100_000} *)"
    codes = ["let f x = x", "let f x = 1", large, large, "let f x = wrong_type", None]
    candidates = [Candidate(name="M.f", candidate=code) for code in codes]
    summary = report(run(build_work([problem("f")], candidates), checker.check, 1), (1, 3))
    assert summary["verify_at"]["1"] == {"problems": 1, "estimate": pytest.approx(2 / 6)}
    assert summary["verify_at"]["3"]["problems"] == 1
    assert (summary["refused_problems"], summary["machine_failures"]) == (0, 0)
    assert summary["verdicts"] == {"accepted": 2, "rejected": 3, "undecided": 0}
    assert summary["invalid_candidates"] == 1


def test_an_oversized_candidate_is_a_verdict(checker: FStarChecker) -> None:
    assert checker.check(ask(VAL, "x" * 1_100_000)).reason is RejectReason.TOO_LARGE
    deep = "let f x = " + "(" * 2_100 + "1" + ")" * 2_100
    assert checker.check(ask(VAL, deep)).reason is RejectReason.TOO_DEEP


def test_a_problem_that_cannot_be_posed_is_said_with_its_reason(checker: FStarChecker) -> None:
    wrong = problem("g").model_copy(update={"source_type": "val g : wrong_type"})
    candidates = [Candidate(name=f"M.{n}", candidate=f"let {n} x = x") for n in ("f", "g")]
    summary = report(run(build_work([problem("f"), wrong], candidates), checker.check, 1), (1,))
    assert summary["verify_at"]["1"] == {"problems": 1, "estimate": 1.0}
    assert list(summary["refusals"]) == ["M.g"]
    assert "statement" in summary["refusals"]["M.g"]
    assert "| M.g | statement: F* refuses it" in render(summary)


def test_the_command_ends_with_1_where_a_problem_cannot_be_posed(
    checker: FStarChecker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.fstar_checker.checker.build_checker", lambda _: checker)
    wrong = problem("g").model_copy(update={"source_type": "val g : wrong_type"})
    rows = [each.model_dump_json(exclude_none=True) for each in (problem("f"), wrong)]
    (tmp_path / "p.jsonl").write_text("\n".join(rows))
    rows = [json.dumps({"name": f"M.{n}", "candidate": f"let {n} x = x"}) for n in ("f", "g")]
    (tmp_path / "c.jsonl").write_text("\n".join(rows))
    paths = [str(tmp_path / name) for name in ("p.jsonl", "c.jsonl")]
    arguments = ["verify", *paths, "--out", str(tmp_path / "out"), "--k", "1"]
    assert CliRunner().invoke(fstar_command, arguments, standalone_mode=False).return_value == 1
    assert "| M.g | statement: F* refuses it" in (tmp_path / "out" / "report.md").read_text()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('{"name": "M.f", "completion": "x"}', "not known here: 'completion'"),
        ('{"name": "M.f", "candidate": 3}', "candidate: "),
        ('{"name": "M.f"', "line 1: not JSON"),
        ("[1]", "the line"),
    ],
)
def test_a_line_that_does_not_fit_names_its_keys(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text(line)
    with pytest.raises(InvalidRequest, match=told.replace("[", r"\[")):
        read_candidates(path)


def test_a_line_break_of_unicode_ends_no_line(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    text = "let f x =\u2028 x"
    path.write_text("\ufeff" + json.dumps({"name": "M.f", "candidate": text}, ensure_ascii=False))
    assert [c.candidate for c in read_candidates(path)] == [text]


def test_no_axioms_are_said_where_none_were_looked_at() -> None:
    fstar = Accepted(hash="x", evidence=Evidence(checks=("policy", "control")))
    assert "axioms" not in render_verdict(fstar, "", "f")
    lean = Accepted(hash="x", evidence=Evidence(checks=("elaboration", "axioms")))
    assert "axioms none" in render_verdict(lean, "", "f")


@pytest.mark.fstar
def test_a_single_definition_may_lie_in_a_file_of_any_name(tmp_path: Path) -> None:
    real_checker().close()
    path = tmp_path / "my-file.fst"
    path.write_text("let f x = x + 1\n")
    arguments = [str(path), "--prover", "fstar", "--statement", VAL]
    result = CliRunner().invoke(check_command, arguments, standalone_mode=False)
    assert result.return_value == 0, result.output
    assert "axioms" not in result.output


@pytest.mark.parametrize("name", ["(+!)", "( +! )", "(  ^^^  )", "( *! )", "(<<!)"])
def test_an_operator_is_a_name(checker: FStarChecker, name: str) -> None:
    statement = f"val {name} : int -> int -> Tot int"
    asked = parse_statement(statement)
    assert asked.name == name.replace(" ", "")
    assert f"= ( {asked.name[1:-1]} )" in asked.use()
    assert checker.check(ask(statement, f"let {name} x y = x")).kind == "accepted"


def test_operators_are_looked_up_by_their_spelt_name() -> None:
    assert symbol_of("(+!)") == "op_Plus_Bang"
    assert symbol_of("name") == "name"


@pytest.mark.parametrize(
    "text",
    ["--z3rlimit 5\\x20--lax", "--z3rlimit\t5", "--z3rlimit 5\n--lax", "'--z3rlimit' 5", "--é 1"],
)
def test_option_text_is_written_as_the_checker_writes_it(text: str) -> None:
    assert unsafe_in_pragma(text) is not None


def test_option_text_of_the_list_is_allowed() -> None:
    for text in ("--z3rlimit 5  --max_fuel 2", "--z3cliopt smt.arith.nl=false", ""):
        assert unsafe_in_pragma(text) is None
    with pytest.raises(InvalidRequest, match="--ext"):
        check_options(["--ext", "x"])


@pytest.mark.parametrize("setting", ["smt.qi.eager_threshold=100.5", "smt.mbqi=false",
                                     "smt.arith.nl.rounds=7"])  # fmt: skip
def test_a_candidate_tunes_the_search(setting: str) -> None:
    assert unsafe_in_pragma(f"--z3cliopt {setting}") is None
    option = f"(set-option :{setting.replace('=', ' ')})"
    assert unsafe_in_pragma(f"--z3smtopt '{option}'") is None


@pytest.mark.parametrize(
    "setting",
    ["smt.nothing=true", "smt.mbqi=maybe", "smt.mbqi=", "smt.random_seed=-1", "smt.logic=QF_LIA",
     "smt.macro_finder=true", "proof=true", "smt.=true", "smt.mbqi=1"],
)  # fmt: skip
def test_no_candidate_sets_what_ends_z3(setting: str) -> None:
    """An unknown parameter ends Z3, and F* with it: the machine would seem to be at fault."""
    assert unsafe_in_pragma(f"--z3cliopt {setting}") is not None
    option = f"(set-option :{setting.replace('=', ' ')})"
    assert unsafe_in_pragma(f"--z3smtopt '{option}'") is not None


def test_warnings_are_made_errors_after_the_prefix_and_before_the_val() -> None:
    context = FStarContext(module="T", prefix="let g = 1\n")
    codes = [f.code for f in plan(context, VAL, warn_error=True).fragments]
    assert codes[-2] == HARDENING
    assert "let g = 1" in "".join(codes[:-2])
    assert HARDENING not in [f.code for f in plan(context, VAL).fragments]
