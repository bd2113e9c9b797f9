"""Pages on files of candidates and proofs, with the real Lean, and a larger mixed file."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from console import commands_of, matches
from live_api import live_api

from aludel.cli.main import cli
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
        assert (done.exception, done.return_value != 0) == (None, bool(fails)), done.output
        ended = f"exit {done.return_value}\n" if fails else ""
        assert matches(command.shown, done.stdout + ended), done.output
    assert len(commands) == 7


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
        "omega", "sorry", "rfl", "", "```lean\nomega\n```", "simp [Nat.add_comm]", "(" * 3_000,
        "axiom cheat : False\ntheorem p0 (a b : Nat) : a + b + 0 = b + a + 0 := cheat.elim",
        "import Mathlib\ntheorem p1 (a b : Nat) : a + b + 1 = b + a + 1 := by omega",
        "exact Nat.add_comm a b ▸ rfl", "\0", "decide", "theorem other : True := trivial",
    )  # fmt: skip
    candidates: list[dict[str, object]] = [
        {"name": f"p{n % 41}", "code": proofs[(n * 5 + n // 41) % len(proofs)] + f" -- {n}\n"}
        for n in range(count)
    ]
    for row in candidates:
        if row["name"] == "p40":
            row["name"] = "hills"
    return problems, candidates


@pytest.mark.long
@pytest.mark.timeout(3_000)
def test_two_thousand_candidates_here_and_by_the_service(tmp_path: Path) -> None:
    for name, rows in zip(("p.jsonl", "c.jsonl"), _mixed(2_000), strict=True):
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files = [str(tmp_path / "p.jsonl"), str(tmp_path / "c.jsonl")]
    words = ("--timeout", "600", "--json")
    here = verify(*files, *words, "--out", str(tmp_path / "here"))
    assert here.return_value == 1, here.output
    chosen = Settings(data_dir=tmp_path / "data", pool_size=2)
    with live_api(chosen, build_prover) as api:
        there = verify(*files, *words, "--out", str(tmp_path / "there"), "--server", api.url)
    assert there.return_value == 1, there.output
    ours, theirs = (
        (tmp_path / name / "results.jsonl").read_text("utf-8").splitlines()
        for name in ("here", "there")
    )
    assert len(ours) == len(theirs) == 2_000
    differ = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    # A limit that a busy machine reaches in one of both is the only difference there may be.
    assert [pair for pair in differ if '"kind": "undecided"' not in "".join(pair)] == []
    assert len(differ) <= 5, differ
    report = json.loads(here.stdout)
    if not differ:
        assert report == json.loads(there.stdout)
    assert report["candidates"] == 2_000
    assert report["unposed"] > 0
    assert report["verdicts"]["accepted"] > 100
    assert report["verdicts"]["rejected"] > 500
    assert (tmp_path / "here/refused.jsonl").read_bytes() == (
        tmp_path / "there/refused.jsonl"
    ).read_bytes()
