"""Pages on files of candidates and proofs, with the real Lean, and a larger mixed file."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from console import commands_of, matches
from hurtful import HURTFUL
from live_api import live_api
from service_process import until

from aludel.cli.main import cli
from aludel.errors import AludelError
from aludel.provers import build_prover
from aludel.settings import Settings

pytestmark = [
    pytest.mark.lean,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("shared_lean"),
]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-candidates.md"
SHOWN = re.compile(r"^\$ (.*)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)


def verify(*words: str) -> Result:
    return CliRunner().invoke(cli, ["verify", *words], standalone_mode=False)


def test_the_page_shows_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done: Result | None = None
    commands = 0
    with live_api(Settings(data_dir=tmp_path / "data", pool_size=2), build_prover) as api:
        for command, shown in SHOWN.findall(PAGE.read_text("utf-8")):
            words = command.replace("http://localhost:8321", api.url).split()
            if words[0] == "cat" and not Path(words[1]).exists():
                Path(words[1]).write_text(shown, encoding="utf-8")
            elif words[0] == "cat":
                assert Path(words[1]).read_text("utf-8") == shown
            elif words[0] == "aludel":
                commands += 1
                told = words.index(">") if ">" in words else len(words)
                done = verify(*words[2:told])
                assert done.exception is None, done.output
                if told < len(words):
                    assert f"exit {done.return_value}\n" == shown
                elif shown:
                    assert done.stdout == shown
    assert commands == 3
    for name in ("results.jsonl", "report.json", "report.md"):
        assert Path("run", name).read_bytes() == Path("served", name).read_bytes()


def test_the_page_on_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of it that one Lean can be kept for."""
    monkeypatch.chdir(tmp_path)
    commands = commands_of((PAGE.parent / "check-a-proof.md").read_text("utf-8"))
    for command in commands:
        for name, text in command.files.items():
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")
        line, fails, _ = command.line.partition(" || echo")
        program, *words = shlex.split(line)
        if program == "echo":  # a timeout, which costs the process
            continue
        done = CliRunner().invoke(cli, words, standalone_mode=False)
        wrong = done.exception
        assert wrong is None or isinstance(wrong, AludelError), done.output
        code = done.return_value if wrong is None else wrong.exit_code
        assert (code != 0) == bool(fails), done.output
        ended = f"exit {code}\n" if fails else ""
        assert matches(command.shown, done.stdout + ended), done.output
    assert len(commands) == 10


def _mixed(count: int) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Problems and candidates of every kind: right, wrong, hurtful, fenced, of no problem."""
    problems: list[dict[str, object]] = [
        {
            "name": f"p{n}",
            "statement": f"theorem p{n} (a b : Nat) : a + b + {n} = b + a + {n} := by",
        }
        for n in range(40)
    ]
    problems.append({"name": "hills", "statement": "theorem hills : Hills = 1"})
    proofs = (
        "omega -- {n}", "sorry -- {n}", "rfl -- {n}", "", "simp [Nat.add_comm] -- {n}",
        "```lean\nomega -- {n}\n```\nIt is done.", "<think>{n}</think>\n```\nby omega\n```",
        "(" * 3_000 + "{n}", "\0 {n}", "decide -- {n}", "exact Nat.add_comm a b ▸ rfl -- {n}",
        "axiom cheat{n} : False\ntheorem p{p} SAYS := cheat{n}.elim",
        "import Mathlib\nlemma p{p} SAYS := by omega -- {n}",
        "theorem other : True := trivial -- {n}", "omega",
    )  # fmt: skip
    says = "(a b : Nat) : a + b + {p} = b + a + {p}"
    candidates: list[dict[str, object]] = []
    for n in range(count - len(HURTFUL)):
        at = n % 41
        text = proofs[(n * 7 + n // 41) % len(proofs)]
        name = "hills" if at == 40 else f"p{at}"
        candidates.append({"name": name, "code": text.replace("SAYS", says).format(n=n, p=at)})
    candidates += [{"name": "p3", "code": text} for text in HURTFUL.values()]
    return problems, candidates


def _killed_at_work(words: list[str], out: Path) -> str:
    """Begin a run in a process of its own, kill that at work, and return what another prints."""
    command = [sys.executable, "-m", "aludel", "verify", *words, "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    written = out / "results.jsonl"
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        until(lambda: process.poll() is not None or _lines(written) >= 700, "work", 1_500)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert 700 <= _lines(written) < 2_000
    again = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    assert again.returncode == 1
    return again.stdout


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_two_thousand_candidates_by_the_service_and_here_with_a_kill(tmp_path: Path) -> None:
    for name, rows in zip(("p.jsonl", "c.jsonl"), _mixed(2_000), strict=True):
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files = [str(tmp_path / "p.jsonl"), str(tmp_path / "c.jsonl")]
    words = [*files, "--timeout", "600", "--json"]
    here = _killed_at_work(words, tmp_path / "here")
    chosen = Settings(data_dir=tmp_path / "data", pool_size=2)
    with live_api(chosen, build_prover) as api:
        there = verify(*words, "--out", str(tmp_path / "there"), "--server", api.url)
    assert there.return_value == 1, there.output
    ours, theirs = (
        (tmp_path / name / "results.jsonl").read_text("utf-8").splitlines()
        for name in ("here", "there")
    )
    assert len(ours) == len(theirs) == 2_000
    assert [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]] == []
    for name in ("results.jsonl", "refused.jsonl", "report.json", "report.md"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
    report = json.loads(here)
    assert report == json.loads(there.stdout)
    assert report["candidates"] == 2_000
    assert report["unposed"] > 0
    assert report["verdicts"]["accepted"] > 400
    assert report["verdicts"]["rejected"] > 1_000
    assert report["verdicts"]["undecided"] == 0
