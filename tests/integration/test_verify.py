"""The commands of docs/how-to/verify-candidates.md with the real Lean, and a larger mixed file."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest
from click.testing import CliRunner, Result
from live_api import live_api

import aludel.provers
from aludel.cli.main import cli
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.prover import LeanProver
from aludel.settings import Settings

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "verify-candidates.md"
SHOWN = re.compile(r"^\$ (.*)\n((?:(?!\$ |```).*\n)*)", re.MULTILINE)


@pytest.fixture
def prover(lean_checker: LeanChecker) -> Iterator[LeanProver]:
    """The session's Lean, which commands open and close as if it was theirs."""
    prover = LeanProver(lean_checker, Settings(pool_size=2))
    with (
        mock.patch.object(prover, "close", lambda: None),
        mock.patch.object(aludel.provers, "build_prover", lambda *_: prover),
    ):
        yield prover


def verify(*words: str) -> Result:
    return CliRunner().invoke(cli, ["verify", *words], standalone_mode=False)


def test_the_page_shows_what_happens(
    prover: LeanProver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done: Result | None = None
    commands = 0
    with live_api(Settings(data_dir=tmp_path / "data", pool_size=2), lambda _: prover) as api:
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
def test_two_thousand_candidates_here_and_by_the_service(
    prover: LeanProver, tmp_path: Path
) -> None:
    for name, rows in zip(("p.jsonl", "c.jsonl"), _mixed(2_000), strict=True):
        (tmp_path / name).write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    files = [str(tmp_path / "p.jsonl"), str(tmp_path / "c.jsonl")]
    here = verify(*files, "--out", str(tmp_path / "here"), "--json")
    assert here.return_value == 1, here.output
    with contextlib.ExitStack() as stack:
        chosen = Settings(data_dir=tmp_path / "data", pool_size=2)
        api = stack.enter_context(live_api(chosen, lambda _: prover))
        words = ("--out", str(tmp_path / "there"), "--server", api.url, "--json")
        there = verify(*files, *words)
    report = json.loads(here.stdout)
    assert report == json.loads(there.stdout)
    assert report["candidates"] == 2_000 and report["unposed"] > 0
    assert report["verdicts"]["accepted"] > 100 and report["verdicts"]["rejected"] > 500
    for name in ("results.jsonl", "refused.jsonl", "report.md"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()
