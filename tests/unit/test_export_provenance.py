"""The commit on the card is that of the checkout that ran, or nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from aludel.distribution import installed_version
from aludel.proof_export.provenance import checkout_commit, provenance


def _git(root: Path, *words: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout


def test_commit_of_a_checkout(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    (tmp_path / "file").write_text("one")
    _git(tmp_path, "add", "file")
    _git(tmp_path, "commit", "-q", "-m", "one")
    _git(tmp_path, "tag", "v1")
    commit = _git(tmp_path, "rev-parse", "HEAD").strip()
    assert checkout_commit(tmp_path) == commit
    (tmp_path / "file").write_text("two")
    assert checkout_commit(tmp_path) == f"{commit}-dirty"


def test_a_folder_inside_another_checkout_has_no_commit(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    inside = tmp_path / "site-packages"
    inside.mkdir()
    assert checkout_commit(inside) is None


def test_an_empty_repository_has_no_commit(tmp_path: Path) -> None:
    _git(tmp_path, "init", "-q")
    assert checkout_commit(tmp_path) is None


def test_provenance_names_this_version() -> None:
    version = installed_version()
    assert provenance("aludel export", {}).version == version
