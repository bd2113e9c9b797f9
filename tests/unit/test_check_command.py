"""``aludel check`` on fake servers: exit codes, what goes to which stream, and bad input."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from live_api import live_api

from aludel.cli import check as check_module
from aludel.cli.main import main
from aludel.errors import ToolchainMissing
from aludel.lean_checker.checker import LeanChecker
from aludel.models import CheckRequest
from aludel.settings import Settings


class Outcome(NamedTuple):
    code: int | str | None
    out: str
    err: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    fake_checkers: Callable[..., LeanChecker],
) -> Run:
    """Run ``aludel check`` in this process, on fake servers."""
    monkeypatch.setattr(check_module, "build_prover", lambda *_: fake_checkers())

    def run_check(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["aludel", "check", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as caught:
            main()
        return Outcome(caught.value.code, *capsys.readouterr())

    return run_check


@pytest.fixture
def lean_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "Candidate.lean"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.mark.parametrize(
    ("action", "code", "kind"),
    [("accept", 0, "accepted"), ("who", 1, "rejected"), ("hang", 2, "undecided")],
)
def test_the_verdict_is_the_exit_code(
    run: Run, lean_file: Callable[[str], Path], action: str, code: int, kind: str
) -> None:
    file = lean_file(f"-- fake: {action}\n")
    shown = run(file, "--timeout", 1)
    assert shown.code == code and shown.out.startswith(kind) and shown.err == ""
    as_json = run(file, "--timeout", 1, "--json")
    verdict = json.loads(as_json.out)
    assert as_json.code == code and verdict["kind"] == kind and as_json.out.count("\n") == 1
    assert {"kind", "reason", "diagnostics", "axioms", "usage", "hash"} <= set(verdict)


def test_standard_input_is_read(run: Run) -> None:
    assert run("-", stdin=b"-- fake: accept\n").code == 0


def test_statement_and_imports_reach_the_server(run: Run) -> None:
    shown = run(
        "-", "--statement", "theorem u : 1 = 1", "--imports", "Std, Init", "--json",
        stdin=b"-- fake: accept\n",
    )  # fmt: skip
    evidence = json.loads(shown.out)["evidence"]
    assert evidence["statement_match"] == "identical" and evidence["declarations"] == ["u"]


def test_strict_lets_lean_bind_no_name_by_itself(
    run: Run, monkeypatch: pytest.MonkeyPatch, fake_checkers: Callable[..., LeanChecker]
) -> None:
    checker = fake_checkers()
    asked: list[CheckRequest] = []
    check = checker.check
    monkeypatch.setattr(checker, "check", lambda request: asked.append(request) or check(request))
    monkeypatch.setattr(check_module, "build_prover", lambda *_: checker)
    for words in ((), ("--strict",)):
        run("-", "--statement", "theorem u : 1 = 1", *words, stdin=b"-- fake: accept\n")
    assert [request.context.options for request in asked] == [{}, {"autoImplicit": False}]


def test_forbidden_constants_are_named_on_the_command_line(run: Run) -> None:
    asked = ("-", "--statement", "theorem u : True", "--forbid")
    text = b"-- fake: accept\n"
    shown = run(*asked, "True", stdin=text)
    assert shown.code == 1 and "forbidden_constant" in shown.out and "u -> True" in shown.out
    assert run(*asked, "self", stdin=text).code == 0
    wrong = run(*asked, "Tru", "--json", stdin=text)
    told = json.loads(wrong.out)
    assert wrong.code == 64 and told["field"] == "--forbid" and "`True`" in told["fix"]
    many = [word for n in range(300) for word in ("--forbid", f"n{n}")]
    assert run("-", *many, stdin=text).code == 64


def test_a_failing_machine_is_69(run: Run) -> None:
    shown = run("-", stdin=b"-- fake: odd\n")
    assert shown.code == 69 and "Traceback" not in shown.err and shown.out == ""


def test_a_missing_toolchain_is_69(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> LeanChecker:
        raise ToolchainMissing("not installed", fix="run `aludel toolchain install`")

    monkeypatch.setattr(check_module, "build_prover", missing)
    shown = run("-", stdin=b"theorem t : True := trivial")
    assert shown.code == 69 and "aludel toolchain install" in shown.err


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \n\n", "empty"),
    "binary": (b"\x7fELF\x00\x01", "binary"),
    "latin-1": ("théorème".encode("latin-1"), "not UTF-8 (byte 2)"),
    "utf-16": ("theorem".encode("utf-16"), "binary"),
    "50 MB": (b"-- x\n" * 10_000_000, "more than 1000000 bytes"),
}
DEGENERATE: dict[str, tuple[bytes, str]] = {
    "many lines": (b"\n" * 10_001 + b"x", "too_large"),
    "nested": (b"(" * 3_000, "too_deep"),
}


@pytest.mark.parametrize("kind", DEGENERATE)
def test_a_degenerate_text_is_a_verdict(run: Run, kind: str) -> None:
    data, reason = DEGENERATE[kind]
    shown = run("-", stdin=data)
    assert shown.code == 1 and f"rejected ({reason}" in shown.out


@pytest.mark.parametrize("kind", BAD_FILES)
@pytest.mark.parametrize("stdin", [True, False])
def test_text_that_is_no_candidate_is_64(run: Run, tmp_path: Path, kind: str, stdin: bool) -> None:
    data, words = BAD_FILES[kind]
    file = tmp_path / "bad.lean"
    file.write_bytes(data)
    shown = run("-", stdin=data) if stdin else run(file)
    assert shown.code == 64 and shown.out == ""
    assert words in shown.err and "Traceback" not in shown.err and len(shown.err) < 500
    assert (
        ("standard input" in shown.err or "<stdin>" in shown.err)
        if stdin
        else str(file) in shown.err
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/no/such/file.lean"], ["/no/such/file.lean", "no such file"]),
        (["/"], ["directory"]),
        (["-", "--timeout", "-1"], ["--timeout", "positive"]),
        (["-", "--timeout", "0"], ["--timeout", "positive"]),
        (["-", "--timeout", "nan"], ["--timeout", "positive"]),
        (["-", "--timeout", "1e9"], ["--timeout", "3600"]),
        (["-", "--timeout", "soon"], ["--timeout", "soon"]),
        (["-", "--imports", "Init; rm -rf"], ["--imports", "not the name of a module"]),
        (["-", "--statement", ""], ["--statement", "empty"]),
        (["-", "--statement", "theorem \udcff"], ["--statement", "surrogate"]),
        (["-", "--prover", "coq"], ["--prover", "coq"]),
        (["-", "--prover", "fstar", "--imports", "A"], ["--imports", "fstar"]),
        (["-", "--frobnicate"], ["--frobnicate"]),
        ([], ["FILE"]),
        (["a\0b"], ["null"]),
    ],
)
def test_bad_usage_is_64_and_names_what_is_wrong(
    run: Run, arguments: list[str], words: list[str]
) -> None:
    shown = run(*arguments, stdin=b"-- fake: accept\n")
    assert shown.code == 64 and shown.out == "" and "Traceback" not in shown.err
    assert [word for word in words if word not in shown.err] == []


def test_errors_are_one_json_object_too(run: Run) -> None:
    shown = run("-", "--json", stdin=b"")
    error = json.loads(shown.out)
    assert shown.code == 64 and shown.out.count("\n") == 1
    assert error["kind"] == "error" and error["reason"] == "invalid_request"
    assert error["field"] == "standard input" and error["fix"] and "empty" in shown.err


def test_a_refusal_of_the_servers_names_the_option(run: Run) -> None:
    shown = run("-", stdin=b"-- fake: invalid imports\n")
    assert shown.code == 64 and "--imports" in shown.err


def record(tmp_path: Path, code: str, **facts: Any) -> Path:
    """A script for the fake server: these facts for this code."""
    nothing = {"imports": ["Init"], "declarations": [{"name": "t", "kind": "theorem"}]}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([{"code": code, "facts": {**nothing, **facts}}]))
    return path


def test_diagnostics_point_into_the_text(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake_checkers: Any
) -> None:
    code = "theorem t : ∀ α, α = 0 :=\n\tby simp\n"
    found = [
        {"severity": "error", "message": "no\x1b[2J progress", "start": [2, 1], "end": [2, 8]},
        {"severity": "warning", "message": "two\nlines", "start": [1, 14], "end": [2, 3]},
        {"severity": "info", "message": "nowhere", "start": None, "end": None},
    ]
    cases = record(tmp_path, code, diagnostics=found)
    monkeypatch.setattr(check_module, "build_prover", lambda *_: fake_checkers(cases=cases))
    shown = run("-", stdin=code.encode())
    assert shown.code == 1
    headline, *rest = shown.out.splitlines()
    assert headline.startswith("rejected (elaboration, 0.") and "\x1b" not in shown.out
    assert rest == [
        "<stdin>:2:2: error: no�[2J progress",
        " 2 | \tby simp",
        "   | \t^^^^^^^",
        "<stdin>:1:15: warning: two",
        "lines",
        " 1 | theorem t : ∀ α, α = 0 :=",
        "   |               ^^^^^^^^^^^",
        "<stdin>: info: nowhere",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that are accepted, rejected and undecided, one that is no text, and hidden ones."""
    for name, action in (("b", "accept"), ("a", "who"), ("deep/c", "accept"), (".lake/x", "who")):
        path = tmp_path / f"{name}.lean"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"-- fake: {action}\n", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("-- fake: who\n", encoding="utf-8")
    return tmp_path


def objects(shown: Outcome) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shown.out.splitlines()]


def test_a_folder_is_judged_file_by_file(run: Run, folder: Path) -> None:
    shown = run(folder, "--json")
    assert shown.code == 1 and shown.err == ""
    told = [(Path(one["file"]).name, one["kind"]) for one in objects(shown)]
    assert told == [("a.lean", "rejected"), ("b.lean", "accepted"), ("c.lean", "accepted")]
    assert all({"reason", "diagnostics", "usage", "hash"} <= set(one) for one in objects(shown))
    read = run(folder)
    assert read.code == 1
    assert read.out.startswith(f"{folder / 'a.lean'}: rejected (axiom, ")
    assert f"\n{folder / 'b.lean'}: accepted (" in read.out


def test_files_and_globs_are_each_judged_once(run: Run, folder: Path) -> None:
    shown = run(folder / "b.lean", f"{folder}/**/[bc].lean", "--json")
    assert shown.code == 0
    assert [Path(one["file"]).name for one in objects(shown)] == ["b.lean", "c.lean"]


def test_what_is_wrong_with_one_file_is_told_in_its_place(run: Run, folder: Path) -> None:
    (folder / "a.lean").write_bytes(b"\xff")
    (folder / "b.lean").write_text("-- fake: invalid imports\n", encoding="utf-8")
    shown = run(folder, folder / "gone.lean", "--json")
    assert shown.code == 64
    told = [(Path(one["file"]).name, one["kind"], one["reason"]) for one in objects(shown)]
    assert told == [
        ("a.lean", "error", "invalid_request"),
        ("b.lean", "error", "invalid_request"),
        ("c.lean", "accepted", None),
        ("gone.lean", "error", "invalid_request"),
    ]
    assert "not UTF-8" in shown.err and "no such file" in shown.err and "Traceback" not in shown.err


def test_a_machine_that_fails_ends_it(run: Run, folder: Path) -> None:
    (folder / "b.lean").write_text("-- fake: odd\n", encoding="utf-8")
    assert run(folder, "--json").code == 69


THEOREMS = """-- a file
theorem first : True := by -- fake: accept
theorem second : True := by -- fake: who
theorem third : True := by -- fake: accept
"""


def test_each_theorem_has_its_verdict(run: Run, lean_file: Callable[[str], Path]) -> None:
    file = lean_file(THEOREMS.replace("first", "t").replace("third", "A.t"))
    shown = run(file, "--per-declaration", "--json")
    assert shown.code == 64  # the fake says of every candidate that it declares t, and no more
    assert "Lean finds no theorem second" in shown.err
    told = [(one["declaration"], one["kind"]) for one in objects(shown)]
    assert told == [("t", "accepted"), ("second", "error"), ("A.t", "error")]


def test_options_that_several_verdicts_cannot_have(run: Run, folder: Path) -> None:
    file = folder / "b.lean"
    for words, named in (
        ([folder, "--receipt", folder / "r.json"], "--receipt"),
        ([file, "--per-declaration", "--statement", "theorem t : True"], "--statement"),
        ([file, "--per-declaration", "--prover", "fstar"], "--per-declaration"),
        ([f"{folder}/*.none"], "*.none"),
        ([folder / "deep", "--prover", "fstar"], "deep"),
    ):
        shown = run(*words)
        assert shown.code == 64 and named in shown.err and shown.out == ""


def test_a_service_judges_them(run: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "a.lean").write_text("reject", encoding="utf-8")
    (folder / "b.lean").write_text("accept", encoding="utf-8")
    (folder / "deep/c.lean").write_text("foreign", encoding="utf-8")
    with live_api(Settings(data_dir=tmp_path / "data", pool_size=1)) as api:
        shown = run(folder, "--server", api.url, "--json")
        assert run(folder / "b.lean", "--server", api.url).code == 0
    told = [(one["kind"], one["reason"]) for one in objects(shown)]
    assert shown.code == 1
    assert told == [("rejected", "elaboration"), ("accepted", None), ("rejected", "parse")]
