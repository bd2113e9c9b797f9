"""The lock file pins, with hashes, everything that ``pyproject.toml`` asks for."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from extras import expanded

ROOT = Path(__file__).resolve().parents[2]


def _normal(requirement: str) -> str:
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def _asked() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return sorted({*project["dependencies"], *expanded(project, "dev")})


@pytest.mark.parametrize("requirement", _asked())
def test_every_dependency_is_locked(requirement: str) -> None:
    """Mend with: make lock"""
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([a-z0-9-]+)(?:\[\S+\])?==\S+.*\\\n    --hash=sha256:", lock, re.MULTILINE)
    assert _normal(requirement) in pins
