"""Environments that hold one harness each, beside Aludel (``make adapter-envs``)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("ADAPTER_ENVS", ROOT / ".venv" / "adapters"))
PROGRAMS = ROOT / "tests" / "adapters"


def environment_of(package: str) -> Path:
    """Return the Python that has a package; a test is skipped where there is none."""
    python = ENVIRONMENTS / package / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{package} has no environment of its own: make adapter-envs")
    return python


def run_in(
    package: str, program: str | Path, *words: str, code: str | None = None, **variables: str
) -> str:
    """Run a program of ``tests/adapters`` with a package; return what it prints.

    Args:
        package: its name on PyPI.
        program: a file's name, or ``-`` for ``code``.
        words: arguments.
        code: Python to be run.
        variables: of the environment.
    """
    path = program if program == "-" else PROGRAMS / program
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ALUDEL_")},
        "PYTHONPATH": str(ROOT / "src"),
        **variables,
    }
    done = subprocess.run(
        [str(environment_of(package)), str(path), *words],
        input=code, env=environment, capture_output=True, text=True, timeout=800, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-8_000:]
    return done.stdout


def result_of(package: str, program: str, *words: str, **variables: str) -> Any:
    """Run a program whose last line is JSON, and return that."""
    return json.loads(run_in(package, program, *words, **variables).splitlines()[-1])
