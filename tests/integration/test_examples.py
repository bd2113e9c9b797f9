"""The examples do what they say, with the real Lean."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from live_api import live_api

from aludel.lean_checker.prover import LeanProver
from aludel.rl import make_reward
from aludel.settings import load_settings
from aludel.workers.app import lean_goals

pytestmark = pytest.mark.lean

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_reward_function(tmp_path: Path, lend_lean: Callable[..., LeanProver]) -> None:
    chosen = {"data_dir": tmp_path, "database_url": "", "pool_size": 1}
    with live_api(load_settings().model_copy(update=chosen), lend_lean) as api:
        run = subprocess.run(
            [sys.executable, str(EXAMPLES / "rl_reward.py")],
            env={**os.environ, "ALUDEL_SERVER": api.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == ["1  by omega", "0  by sorry", "1  rfl", "0  rfl"]


def test_stepping_through_a_proof(tmp_path: Path, lend_lean: Callable[..., LeanProver]) -> None:
    chosen = {"data_dir": tmp_path, "database_url": "", "pool_size": 1}
    with live_api(load_settings().model_copy(update=chosen), lend_lean, lean_goals) as api:
        run = subprocess.run(
            [sys.executable, str(EXAMPLES / "step_by_step.py")],
            env={**os.environ, "ALUDEL_SERVER": api.url},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "rfl -> tactic",
        "intro h -> a state",
        "intro ⟨a, b⟩ -> a state",
        "left ['p', 'q', 'a', 'b'] ⊢ q",
        "right ['p', 'q', 'a', 'b'] ⊢ p",
        "finished: True",
        "theorem both (p q : Prop) : p ∧ q → q ∧ p := by",
        "  intro ⟨a, b⟩",
        "  exact ⟨b, a⟩",
        "accepted",
    ]


def test_the_page_on_rewards(
    tmp_path: Path,
    lend_lean: Callable[..., LeanProver],
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = (EXAMPLES.parent / "docs/how-to/train-with-rewards.md").read_text("utf-8")
    blocks = re.findall(r"```(?:python|console)\n(.*?)\n```\n", text, re.S)
    for block in blocks:  # the others are run in tests of trainers
        assert len([line for line in block.splitlines() if line]) <= 10
    [block] = [block for block in blocks if "aludel.rl" in block]
    chosen = {"data_dir": tmp_path, "database_url": "", "pool_size": 1}
    with live_api(load_settings().model_copy(update=chosen), lend_lean) as api:
        here = block.replace("http://localhost:8321", api.url)
        exec(here, {})  # noqa: S102 - the documentation's own lines
        reward = make_reward(api.url)
        open_end = "theorem swap (a b : Nat) : a + b = b + a := by"
        assert reward(completions=["omega"], statement=[open_end]) == [1.0]
    assert capsys.readouterr().out == "[1.0, 0.0]\n"
