"""`--project` with a small Lake project that the embedded Lean compiled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aludel.lean_checker.toolchains import find_toolchain
from aludel.settings import load_settings

# A project's library is exported first, for the second kernel.
pytestmark = [
    pytest.mark.lean,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.usefixtures("lean_toolchain"),
]

CANDIDATE = """import Orchard
theorem mine (a b : Nat) : seeds (apples a b) = seeds (apples b a) := by rw [apples_comm]
"""


def aludel(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("aludel")), *arguments],
        env={**os.environ, "ALUDEL_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )


def test_a_candidate_imports_the_project_and_through_it_its_dependency(
    orchard: Path, tmp_path: Path
) -> None:
    file = tmp_path / "mine.lean"
    file.write_text(CANDIDATE)
    done = aludel(tmp_path, "check", str(file), "--project", str(orchard), "--json")
    assert (done.returncode, json.loads(done.stdout)["kind"]) == (0, "accepted"), done.stderr
    done = aludel(tmp_path, "check", str(file))
    assert done.returncode == 64
    assert "Orchard" in done.stderr
    done = aludel(tmp_path, "check", str(file), "--project", str(tmp_path))
    assert done.returncode == 64
    assert done.stderr.startswith("aludel: --project:")


@pytest.mark.long
def test_theorems_of_chosen_modules_are_mutated(orchard: Path, tmp_path: Path) -> None:
    run = ("mutate", "--project", str(orchard), "--modules", "Orchard.*", "--json")
    sizes = ("--limit", "4", "--per-target", "2", "--quality", "0")
    done = aludel(tmp_path, *run, *sizes, "--out", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["accepted"] == 4
    lines = (tmp_path / "run" / "variants.jsonl").read_text().splitlines()
    parents = {json.loads(line)["parents"][0] for line in lines}
    own = {"apples_comm", "seeds_apples_zero", "Orchard.harvest", "Orchard.two_harvests"}
    assert parents
    assert parents <= own


def test_modules_need_a_project(tmp_path: Path) -> None:
    done = aludel(tmp_path, "mutate", "--modules", "A", "--out", str(tmp_path / "run"))
    assert done.returncode == 64
    assert "--modules: needs a project" in done.stderr


def test_the_project_is_part_of_the_toolchain_that_decides(orchard: Path) -> None:
    bare = find_toolchain(load_settings()).toolchain
    settings = load_settings().model_copy(update={"project": str(orchard)})
    with_project = find_toolchain(settings).toolchain
    assert with_project.name == f"{bare.name}+orchard"
    assert with_project.digest != bare.digest
    module = orchard / "seeds" / ".lake" / "build" / "lib" / "lean" / "Seeds.olean"
    original = module.read_bytes()
    module.write_bytes(original + b"\0")
    try:
        assert find_toolchain(settings).toolchain.digest != with_project.digest
    finally:
        module.write_bytes(original)
