"""What bounds a native Lean, and who refuses it, without one."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from aludel.deadline import Deadline
from aludel.errors import InvalidRequest, ToolchainMissing
from aludel.lean_checker.native.host import NativeHost
from aludel.lean_checker.native.locate import NativeLean, find_native
from aludel.lean_checker.process import LeanProcess, ServerCommand
from aludel.lean_checker.toolchains import native_host
from aludel.lean_checker.watchdog import Watchdog
from aludel.settings import Settings


def test_a_system_that_cannot_confine_refuses_with_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.lean_checker.toolchains.missing_protection", lambda: "no Landlock")
    lean = NativeLean(tmp_path, "4.28.0", None)
    with pytest.raises(ToolchainMissing, match="no Landlock") as caught:
        native_host(lean, Settings(cache_dir=tmp_path))
    assert "lean-embedded" in (caught.value.fix or "")
    assert "ALUDEL_SANDBOX=available" in (caught.value.fix or "")
    trusting = native_host(lean, Settings(cache_dir=tmp_path, sandbox="available"))
    assert not trusting.required


def test_elan_may_fetch_a_toolchain_before_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = []

    def ask(*_: object, timeout: float, **__: object) -> subprocess.CompletedProcess[str]:
        waits.append(timeout)
        return subprocess.CompletedProcess([], 0, str(tmp_path / "none"), "")

    monkeypatch.setenv("ELAN_HOME", str(tmp_path))
    monkeypatch.setattr("subprocess.run", ask)
    for folder in (tmp_path / "bin", tmp_path / "toolchain" / "bin"):
        folder.mkdir(parents=True)
        (folder / "lean").touch(mode=0o755)
        monkeypatch.setenv("PATH", str(folder))
        with pytest.raises(ToolchainMissing, match="no bin/lean"):
            find_native("lean-native")
    assert waits == [1_800.0, 60.0]


def test_threads_and_stack_of_a_native_lean_are_bounded(tmp_path: Path) -> None:
    command = NativeHost(NativeLean(tmp_path, "4.28.0", None), tmp_path).command(tmp_path, ())
    assert command.env["LEAN_NUM_THREADS"] == "2"
    assert json.loads(command.argv[4])["stack_mb"] == 1_000


_ECHO = """
import json, sys
print('{"ready":true,"lean":"0","commit":"000000000000","protocol":1,"ms":1}', flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if asked["op"] == "refused":
        error = {"code": "invalid_request", "field": "imports"}
        error["message"] = "unknown module prefix 'A'"
        print(json.dumps({"id": asked["id"], "ok": False, "error": error}), flush=True)
    else:
        result = {"options": asked.get("options")}
        done = {"id": asked["id"], "ok": True, "ms": 1, "heartbeats": 1, "result": result}
        print(json.dumps(done), flush=True)
"""


def test_a_projects_options_go_with_every_request(tmp_path: Path) -> None:
    argv = (sys.executable, "-I", "-S", "-c", _ECHO)
    options = {"autoImplicit": False, "maxRecDepth": 700}
    command = ServerCommand(argv, {}, tmp_path, options, ("fruit",))
    soon = Deadline.after(30)
    with contextlib.closing(Watchdog()) as watchdog:
        process = LeanProcess.start(command, soon, watchdog=watchdog, memory_mb=1_000)
        try:
            assert process.ask("mutate", {}, soon).result["options"] == options
            given = {"options": {"autoImplicit": True}}
            found = process.ask("check", given, soon).result["options"]
            assert found == {"autoImplicit": True, "maxRecDepth": 700}
            with pytest.raises(InvalidRequest) as caught:
                process.ask("refused", {}, soon)
            assert "fruit" in (caught.value.fix or "")
        finally:
            process.kill()
