"""``aludel audit`` on a fake prover: rows, figures, bars, other files, bad lines, killed runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from fake_prover import FakeProver

import aludel.provers
from aludel.auditing import AuditReport, Bar
from aludel.auditing.run import BATCH
from aludel.cli.main import cli
from aludel.errors import BackendUnavailable, Conflict, InvalidRequest, RunFileError
from aludel.lean_checker.examining import AuditResult, AuditTask

Row = dict[str, Any]
Run = Callable[..., Result]
FILES = ("audits.jsonl", "report.json", "report.html")


def write(path: Path, rows: Iterable[object]) -> Path:
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def problem(name: str, words: str = "x = 0", **more: object) -> Row:
    return {"name": name, "statement": f"theorem {name} : {words} := by sorry", **more}


@pytest.fixture
def prover(monkeypatch: pytest.MonkeyPatch) -> FakeProver:
    made = FakeProver()
    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: made)
    return made


@pytest.fixture
def run(tmp_path: Path, prover: FakeProver) -> Run:
    """Run the command on a file with the given rows, with ``--json`` and a folder."""
    del prover

    def run_audit(rows: Iterable[object], *words: str, out: bool = True) -> Result:
        file = write(tmp_path / "problems.jsonl", rows)
        where = ["--out", str(tmp_path / "out")] if out else []
        command = ["audit", str(file), *where, "--json", *words]
        return CliRunner().invoke(cli, command, standalone_mode=False)

    return run_audit


def report_of(done: Result) -> AuditReport:
    assert done.exception is None, done.exception
    return AuditReport.model_validate_json(done.stdout)


def rows_in(folder: Path) -> list[Row]:
    text = (folder / "audits.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.split("\n") if line]


EVERY = [
    problem("clean"),
    problem("broken", "broken"),
    problem("vacuous", "vacuous"),
    problem("wrong", "wrong"),
    problem("easy", "trivial"),
    problem("ghost", "(ℕ)"),
    problem("holds", "sorry"),
    problem("apart", "apart"),
    problem("idle", "idle"),
    problem("used", "used"),
    {"name": "own", "statement": "local notation \"N\" => Nat\ntheorem own (n : N) : n = n"},
    problem("again", "idle"),
    {"name": "proved", "statement": "theorem proved : True := trivial"},
    "not JSON",
]  # fmt: skip


def test_every_fault_is_counted_and_named(run: Run, tmp_path: Path) -> None:
    report = report_of(run(EVERY))
    assert (report.problems, report.refused, report.clean) == (14, 2, 2)
    assert report.faults == {
        "broken": 1, "sorry": 1, "own_notation": 1, "auto_bound": 1, "vacuous": 1, "false": 1,
        "trivial": 1, "unused_hypotheses": 1, "unused_variables": 2, "duplicate": 1,
    }  # fmt: skip
    assert report.undecided["unused_hypotheses"] == 3  # broken and own; no proof of `used` is known
    rows = rows_in(tmp_path / "out")
    assert [row["line"] for row in rows] == list(range(1, 15))
    assert rows[11]["audit"]["duplicate"] == {"answer": "yes", "by": ["line 9: idle"]}
    assert rows[10]["audit"]["own_notation"]["by"] == ['local notation "N" => Nat']
    assert rows[12]["error"]["message"] == "it holds a proof"
    assert "not JSON" in rows[13]["error"]["message"] and rows[13]["name"] == "problems.jsonl:14"
    assert [row.line for row in report.flagged] == [2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14]


def test_a_table_and_the_first_faults_are_for_people(prover: FakeProver, tmp_path: Path) -> None:
    del prover
    texts = [problem(f"v{n}", f"vacuous {n}") for n in range(30)]
    file = write(tmp_path / "p.jsonl", [problem("a\u202eb\x1b[31m", "trivial"), *texts])
    done = CliRunner().invoke(cli, ["audit", str(file)], standalone_mode=False)
    assert done.exception is None and done.return_value == 0
    assert "31 problems, no fault found in 0" in done.stdout
    assert "vacuous: (exfalso; omega)" in done.stdout
    assert "and 11 more" in done.stdout
    assert "\u202e" not in done.stdout and "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("bar", "missed"),
    [
        ("vacuous=1", None),
        ("vacuous=0", "vacuous: 1 of 14, at most 0"),
        ("trivial=8%", None),
        ("trivial=7%", "trivial: 1 of 14, at most 7%"),
        ("trivial=7.15%", None),
        ("undecided.unused_hypotheses=2", "undecided.unused_hypotheses: 3 of 14, at most 2"),
        ("refused=1", "refused: 2 of 14, at most 1"),
    ],
)
def test_a_bar_that_is_missed_is_an_exit_code(run: Run, bar: str, missed: str | None) -> None:
    done = run(EVERY, "--most", bar, "--most", "broken=50%", out=False)
    assert report_of(done).missed == (() if missed is None else (missed,))
    assert done.return_value == (0 if missed is None else 1)


@pytest.mark.parametrize(
    "text", ["vacuous", "vacuous=-1", "vacuous=1.5", "vacuous=x%", "nope=1", "undecided=1", "=1"]
)
def test_what_is_no_bar_is_refused_before_anything_runs(run: Run, text: str) -> None:
    done = run(EVERY, "--most", text)
    assert isinstance(done.exception, InvalidRequest)
    assert done.exception.field == "--most" and done.exception.fix
    assert done.exception.exit_code == 64


def test_a_share_is_exact() -> None:
    bar = Bar.of("trivial=29%")
    assert bar.missed({"trivial": 29}, 100) is None
    assert bar.missed({"trivial": 30}, 100) is not None
    assert Bar.of("trivial=0%").missed({"trivial": 1}, 10_000) is not None


def test_statements_of_other_files_are_duplicates(run: Run, tmp_path: Path) -> None:
    other = write(tmp_path / "test.jsonl", ["junk", problem("held_out", "y = 1")])
    done = run([problem("a"), problem("b", "y = 1"), problem("c")], "--against", str(other))
    report = report_of(done)
    assert report.faults["duplicate"] == 2
    found = [row["audit"]["duplicate"]["by"] for row in rows_in(tmp_path / "out")]
    assert found == [[], ["test.jsonl:2: held_out"], ["line 1: a"]]


def test_a_long_name_is_not_repeated_by_all_that_say_the_same(run: Run, tmp_path: Path) -> None:
    other = write(tmp_path / "test.jsonl", [problem("t", "y = 1") | {"name": "b" * 100_000}])
    rows = [problem("t") | {"name": "a" * 100_000}, problem("t"), problem("t", "y = 1")]
    report_of(run(rows, "--against", str(other)))
    found = [row["audit"]["duplicate"]["by"] for row in rows_in(tmp_path / "out")]
    assert found == [[], [f"line 1: {'a' * 200}"], [f"test.jsonl:1: {'b' * 200}"]]


@pytest.mark.parametrize("rows", [[], ["junk", "{}"]])
def test_a_file_that_poses_nothing_is_refused(run: Run, tmp_path: Path, rows: list[str]) -> None:
    done = run(rows)
    assert isinstance(done.exception, InvalidRequest)
    assert done.exception.field == "PROBLEMS" and done.exception.fix
    other = write(tmp_path / "test.jsonl", rows)
    done = run([problem("a")], "--against", str(other), out=False)
    assert isinstance(done.exception, InvalidRequest) and done.exception.field == "--against"
    done = run([problem("a")], "--against", str(tmp_path / "missing.jsonl"), out=False)
    assert isinstance(done.exception, InvalidRequest) and done.exception.field == "--against"


def test_hostile_lines_cost_themselves_alone(run: Run, tmp_path: Path) -> None:
    rows: list[object] = [
        problem("first"),
        problem("long", "x" * 1_000_000),
        problem("bidi", "x = 0 -- \u202e\u2066 sorry"),
        problem("block", "x /- sorry -/ = 1"),
        {"name": "twice", "statement": "theorem a : True := trivial\ntheorem b : x = 2"},
        {"name": "two", "statement": "theorem a : True theorem b : x = 2"},
        {"name": "runs", "statement": '#eval IO.println "x"\ntheorem runs : x = 3'},
        {"name": "elab", "statement": 'elab "x" : term => pure default\ntheorem e : x = 4'},
        problem("nul", "x = \0"),
        problem("first", "x = 5"),
        {"name": ["a", 1], "statement": {"theorem": 1}},
        {"name": None, "statement": None},
        {"statement": "theorem unnamed : x = 6"},
        problem("imports", "x = 7", imports=["Nope"]),
        problem("path", "x = 8", imports=["../../etc/passwd"]),
        problem("many", "x = 9", imports="Init"),
        "[" * 100_000,
        problem("loops", "loops"),
        problem("last", "x = 10"),
    ]
    report = report_of(run(rows))
    assert report.problems == len(rows)
    found = {row["line"]: row for row in rows_in(tmp_path / "out")}
    refused = [line for line, row in found.items() if row["error"]]
    assert refused == [2, 5, 7, 11, 12, 14, 15, 16, 17]
    assert all(found[line]["error"]["message"] for line in refused)
    assert found[3]["audit"]["holds_sorry"]["answer"] == "no"
    assert found[4]["audit"]["holds_sorry"]["answer"] == "no"
    assert found[8]["audit"]["own_notation"]["answer"] == "yes"
    assert found[18]["audit"]["elaborates"]["answer"] == "undecided"
    assert found[19]["audit"]["trivial"]["answer"] == "no"
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "\u202e" not in page and "<script" not in page


def test_names_and_texts_cannot_write_the_page(run: Run, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    report_of(run([problem("x"), {"name": evil, "statement": f'theorem t : "{evil}" = trivial'}]))
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page


def test_equal_imports_are_asked_about_together(run: Run, prover: FakeProver) -> None:
    rows = [problem(f"p{n}", f"x = {n}", imports=[("Init", "Std")[n % 2]]) for n in range(40)]
    report_of(run(rows))
    asked = prover.source.audited
    assert sorted(len(task.statements) for task in asked) == [4, 4, 16, 16]
    assert {task.imports for task in asked} == {("Init",), ("Std",)}


def test_what_exhausts_the_prover_is_asked_about_alone(run: Run, prover: FakeProver) -> None:
    rows = [problem("a", "x = 1"), problem("b", "loops"), problem("c", "x = 3")]
    report = report_of(run(rows, "--timeout", "7"))
    assert report.undecided["broken"] == 1 and report.clean == 3
    assert [len(task.statements) for task in prover.source.audited] == [3, 1, 1]
    assert [task.wall_s for task in prover.source.audited] == [9.0, 7.0, 7.0]


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_many_problems(run: Run, tmp_path: Path, count: int) -> None:
    words = ("x = {n}", "vacuous {n}", "trivial {n}", "idle {n}", "x = 1")
    rows = [problem(f"p{n}", words[n % 5].format(n=n)) for n in range(count)]
    report = report_of(run(rows))
    assert report.problems == count and len(report.flagged) == 200
    assert report.faults["vacuous"] == report.faults["trivial"] == count // 5
    assert report.faults["duplicate"] == count // 5 - 1
    assert len(rows_in(tmp_path / "out")) == count


class _Failing(FakeProver):
    """Fails at the statement with ``fails``, once."""

    def __init__(self) -> None:
        super().__init__()
        whole = self.source.audit
        self.down = True

        def audit(task: AuditTask) -> AuditResult:
            if self.down and any("fails" in text for text in task.statements):
                raise BackendUnavailable("no process starts")
            return whole(task)

        self.source.audit = audit  # type: ignore[method-assign]


def test_a_run_that_was_stopped_goes_on_and_ends_with_the_same_bytes(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [problem(f"p{n}", f"x = {n % 50}") for n in range(3 * BATCH)]
    rows[2 * BATCH + 5] = problem("fails", "fails")
    out = tmp_path / "out"
    report_of(run(rows))
    whole = {name: (out / name).read_bytes() for name in FILES}
    for name in (*FILES, "run.json"):
        (out / name).unlink()
    failing = _Failing()
    monkeypatch.setattr(aludel.provers, "build_prover", lambda *_: failing)
    assert isinstance(run(rows).exception, BackendUnavailable)
    assert len(rows_in(out)) == 2 * BATCH
    with (out / "audits.jsonl").open("ab") as file:
        file.write(b'{"name": "torn')  # as kill -9 in the middle of a row leaves it
    failing.down = False
    before = len(failing.source.audited)
    report_of(run(rows))
    assert sum(len(task.statements) for task in failing.source.audited[before:]) == BATCH
    assert {name: (out / name).read_bytes() for name in FILES} == whole


def test_another_run_has_another_folder(run: Run, tmp_path: Path) -> None:
    report_of(run([problem("a")]))
    for rows, words in (([problem("b")], ()), ([problem("a")], ("--budget", "7"))):
        done = run(rows, *words)
        assert isinstance(done.exception, Conflict) and done.exception.field == "--out"
    (tmp_path / "out" / "audits.jsonl").write_text("{}\n", encoding="utf-8")
    assert isinstance(run([problem("a")]).exception, RunFileError)
    (tmp_path / "out" / "audits.jsonl").unlink()
    (tmp_path / "out" / "run.json").write_text("", encoding="utf-8")
    report_of(run([problem("a")]))


def test_errors_are_objects_for_programs(run: Run) -> None:
    done = run(["junk"])
    assert json.loads(done.stdout)["field"] == "PROBLEMS"
