"""Hugging Face's libraries, in an environment of their own: `make hf-datasets`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(os.environ.get("HF_DATASETS_FOLDER", ROOT / ".venv" / "hf-datasets"))
NEEDS_HF = pytest.mark.skipif(
    not PACKAGES.exists(), reason="Hugging Face's datasets are not installed: make hf-datasets"
)


def run_hf(program: str, *arguments: str, folder: Path, **environment: str) -> str:
    """Run a program of Python text with these libraries alone, and return what it printed."""
    plain = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(PACKAGES),
        "HF_HOME": str(folder / "cache"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_XET": "1",
    }
    done = subprocess.run(
        [sys.executable, "-S", "-c", program, *arguments],
        env=plain | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
