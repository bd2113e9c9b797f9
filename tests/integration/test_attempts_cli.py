"""``aludel attempts`` with the real Lean."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openai_server import openai_server

from aludel.cli.main import main
from aludel.settings import Settings
from aludel.store import Store

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]
ROWS = [
    {"name": "swap", "statement": "theorem swap (a b : Nat) : a + b = b + a"},
    {"formal_statement": "theorem wrong (a b : Nat) : a + b = a := by sorry"},
    {"name": "broken", "statement": "theorem broken : nonsense"},
]


class Ended(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def attempts(
    shared_lean: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Ended]:
    """Run the command in this process, on Lean processes that are there."""
    monkeypatch.setenv("ALUDEL_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("ALUDEL_POOL_SIZE", "1")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["aludel", "attempts", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        assert isinstance(end.value.code, int)
        return Ended(end.value.code, *capsys.readouterr())

    return run


MANY = [
    {"name": f"p{n}", "statement": f"theorem p{n} (a b : Nat) (h : a = b) : a + {n} = {n} + b"}
    for n in range(5)
]


@pytest.mark.long
def test_a_killed_run_goes_on_and_comes_to_the_same(
    tmp_path: Path, attempts: Callable[..., Ended]
) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in MANY))
    words = ["run", str(path), "--samples", "2", "--seed", "3", "--json"]
    command = [sys.executable, "-c", "from aludel.cli.main import main; main()", "attempts", *words]
    environ = {**os.environ, "ALUDEL_DATA_DIR": str(tmp_path), "ALUDEL_POOL_SIZE": "1"}
    with Store.open(Settings(data_dir=tmp_path)) as store:
        running = subprocess.Popen([*command, "--name", "killed"], env=environ)
        while len(before := store.attempts.outcomes("killed")) < 2:
            assert running.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        running.kill()
        running.wait(60)
        before = store.attempts.outcomes("killed")
        assert 2 <= len(before) < len(MANY)
        assert attempts(*words, "--name", "killed").returncode == 0
        after = {outcome.problem: outcome for outcome in store.attempts.outcomes("killed")}
        assert all(after[outcome.problem] == outcome for outcome in before)
        assert attempts(*words, "--name", "whole").returncode == 0
        tries = [
            [
                (a.problem, a.position, a.candidate, a.verdict.kind)
                for a in store.attempts.iterate(n)
            ]
            for n in ("killed", "whole")
        ]
    assert tries[0] == tries[1] and len(tries[0]) == 2 * len(MANY)
    assert sum(outcome.accepted > 0 for outcome in after.values()) == len(MANY)


def test_a_run_is_made_repeated_and_compared(
    tmp_path: Path, attempts: Callable[..., Ended]
) -> None:
    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))

    def run(name: str, *more: str) -> dict[str, Any]:
        done = attempts("run", str(path), "--name", name, "--json", *more)
        assert done.returncode == 0, done.stderr
        figures: dict[str, Any] = json.loads(done.stdout)
        return figures

    steps = run("steps", "--search", "best_first", "--tactics", "60")
    assert (steps["proved"], steps["invalid"], steps["done"]) == (1, 1, 3)
    assert steps["pass_at_k"]["1"]["value"] == 0.5
    assert run("steps", "--search", "best_first", "--tactics", "60") == steps

    answers = ["```lean\ntheorem swap (a b : Nat) : a + b = b + a := by\n  omega\n```", "by simp"]
    with openai_server(lambda _: answers[:1]) as server:
        model = run(
            "model", "--generator", "openai", "--url", server.url, "--model", "tiny",
            "--samples", "2", "--completion-price", "1000000",
        )  # fmt: skip
        assert len(server.requests) == 6
    assert (model["proved"], model["tried"]) == (1, 4)
    assert model["price"] == model["completion_tokens"] > 0

    compared = attempts("compare", "steps", "model", "--json")
    assert json.loads(compared.stdout)["problems"] == 3
    listed = attempts("list", "--json").stdout.splitlines()
    assert {json.loads(line)["name"] for line in listed} == {"steps", "model"}
    other = attempts("run", str(path), "--name", "steps")
    assert other.returncode == 64 and "choose another name" in other.stderr
    bare = attempts("run", str(path), "--name", "x", "--generator", "openai")
    assert bare.returncode == 64 and "--url" in bare.stderr
