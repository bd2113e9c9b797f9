"""A repository traced by LeanDojo, read with its own library in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from traced_repository import write_traced_repository

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = Path(os.environ.get("LEAN_DOJO_FOLDER", ROOT / ".venv" / "lean-dojo"))

pytestmark = [
    pytest.mark.skipif(sys.version_info >= (3, 13), reason="LeanDojo needs Python 3.12 or older"),
    pytest.mark.skipif(not PACKAGES.is_dir(), reason="LeanDojo is not installed: make lean-dojo"),
]


def imported(folder: Path, repository: Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a user with LeanDojo would."""
    words = ["import", "leandojo-repo", str(repository), "--json"]
    files = ["--out", "problems.jsonl", "--theorems", "theorems.jsonl"]
    path = os.pathsep.join(filter(None, [str(PACKAGES), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, "-m", "aludel", *words, *files],
        env={**os.environ, "PYTHONPATH": path, "CACHE_DIR": str(folder / "cache")},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_theorems_tactics_and_premises_of_a_traced_repository(tmp_path: Path) -> None:
    (tmp_path / "orchard").mkdir()
    done = imported(tmp_path, write_traced_repository(tmp_path / "orchard"))
    assert done.returncode == 1, done.stderr  # one file is broken
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["problems"], told["theorems"]) == (1, 1)
    assert [bad["where"] for bad in told["bad"]] == [".lake/build/ir/Broken.trace.xml"]

    [theorem] = map(json.loads, (tmp_path / "theorems.jsonl").read_text("utf-8").splitlines())
    assert (theorem["name"], theorem["path"]) == ("Apple.swap", "Apple.lean")
    assert theorem["start"] == [2, 1]
    [step] = theorem["steps"]
    assert (step["tactic"], step["after"]) == ("rw [Nat.add_comm]", "")
    assert step["before"] == "a b : Nat\n⊢ a + b = b + a"
    assert [(p["name"], p["module"]) for p in step["premises"]] == [
        ("Nat.add_comm", "Init.Data.Nat.Basic")
    ]
    [problem] = map(json.loads, (tmp_path / "problems.jsonl").read_text("utf-8").splitlines())
    assert problem["statement"] == "theorem Apple.swap (a b : Nat) : a + b = b + a"


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    done = imported(tmp_path, tmp_path)
    assert done.returncode == 64
    assert "is not a repository that LeanDojo can read: InvalidGitRepositoryError" in done.stderr
    assert "trace it with lean_dojo.trace" in done.stderr
    assert not (tmp_path / "problems.jsonl").exists()
