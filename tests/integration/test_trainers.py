"""Rewards in the trainers' own code, in an environment of their own, with the real Lean."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live_api import LiveApi, live_api

from aludel.lean_checker.prover import LeanProver
from aludel.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("TRAINERS_FOLDER", ROOT / ".venv/trainers")) / "bin/python"

pytestmark = [
    pytest.mark.lean,
    pytest.mark.long,
    pytest.mark.skipif(not PYTHON.exists(), reason="no trainers: `make trainers` installs them"),
]


@pytest.fixture(scope="module")
def api(
    lend_lean: Callable[..., LeanProver], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    chosen = {
        "data_dir": tmp_path_factory.mktemp("trainers"), "database_url": "", "pool_size": 1
    }  # fmt: skip
    with live_api(load_settings().model_copy(update=chosen), lend_lean) as opened:
        yield opened


@pytest.mark.parametrize("script", ["trl_reward", "verl_reward", "openrlhf_reward"])
def test_a_trainer_takes_the_rewards(api: LiveApi, script: str) -> None:
    # `-I`: what is imported is what is installed, whatever PYTHONPATH says; Ray hands the rest on.
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(
        [str(PYTHON), "-I", str(ROOT / f"tests/smoke/{script}.py"), api.url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    print(run.stdout)
