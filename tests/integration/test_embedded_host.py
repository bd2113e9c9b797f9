"""The Node host of the embedded Lean, as it is installed."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Literal

import psutil
import pytest

from aludel.errors import ToolchainMissing
from aludel.lean_checker.confinement.plan import missing_protection
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.embedded.install import install_root
from aludel.lean_checker.embedded.manifest import read_manifest
from aludel.lean_checker.embedded.selftest import ensure_tested
from aludel.lean_checker.node import find_node
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.program import ensure_program
from aludel.lean_checker.program import run as run_command
from aludel.lean_checker.server_program import BOOT, ProgramSource
from aludel.lean_checker.toolchains import LeanToolchain, list_toolchains, verify_toolchain
from aludel.progress import Silent
from aludel.settings import load_settings

pytestmark = [pytest.mark.lean, pytest.mark.usefixtures("lean_toolchain")]

SANDBOX = Path(__file__).parent / "lean" / "Sandbox.lean"
READ_ONLY = "refused: read-only file system"
ABSENT = "refused: no such file or directory"


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """The installed host, with programs and code caches of its own."""
    installed = install_root(load_settings())
    kind: Literal["fast", "simple"] = read_manifest(installed).host
    node = find_node(load_settings())
    root = tmp_path / "toolchain"
    root.mkdir()
    for name in ("lib", "original", "fast"):
        if (installed / name).exists():
            (root / name).symlink_to(installed / name)
    found = Host(installed, kind, node)
    shutil.copyfile(found.cache, root / found.cache.name)
    return Host(root, kind, node)


@pytest.fixture
def simple_host(host: Host) -> Host:
    return Host(host.root, "simple", host.node)


def run(command: ServerCommand, text: str = "") -> subprocess.CompletedProcess[str]:
    return run_command(command, text, 120.0)


def escape(host: Host, folder: Path) -> dict[str, str]:
    """Run the program that tries to get out; return what came of each attempt."""
    program = folder / "program"
    program.mkdir()
    shutil.copyfile(SANDBOX, program / "Sandbox.lean")
    secret = folder / "secret"
    secret.write_text("secret")
    done = run(host.command(program, ("--run", "/program/Sandbox.lean", str(secret))))
    assert done.returncode == 0, done.stderr
    assert secret.read_text() == "secret"
    report: dict[str, str] = json.loads(done.stdout)
    return {**report, "read secret": report.pop(f"read {secret}")}


def assert_confined(report: dict[str, str]) -> None:
    verbs = ("write", "append", "update", "remove", "rename", "make")
    changes = {name: result for name, result in report.items() if name.startswith(verbs)}
    assert len(changes) == 26
    assert [n for n, result in changes.items() if not result.startswith(READ_ONLY)] == []
    assert report["read /lib/lean/Init.olean"].isdigit()
    hidden = (
        "read /etc/passwd",
        "read secret",
        "read /lib/lean/../manifest.json",
        "read /lib/lean/Init/../../manifest.json",
    )
    assert [name for name in hidden if not report[name].startswith(ABSENT)] == []
    assert set(report["list /"].split()) <= {
        "tmp",
        "home",
        "dev",
        "proc",
        "lib",
        "program",
        "bin",
        "workspace",
    }
    assert report["list /tmp"] == ""
    assert report["list /home"] in ("", "web_user ")
    assert report["list /lib/lean"].startswith("refused")
    assert report["spawn"].startswith("refused")
    assert report["folder"].startswith("/workspace")
    assert report["program"] == "/bin/lean.wasm"
    assert report["PATH"] == "none"


def test_lean_sees_the_library_and_changes_nothing(host: Host, tmp_path: Path) -> None:
    before = sorted(install_root(load_settings()).iterdir())
    assert_confined(escape(host, tmp_path))
    assert sorted(install_root(load_settings()).iterdir()) == before
    assert [p.name for p in (tmp_path / "program").iterdir()] == ["Sandbox.lean"]


@pytest.mark.long
@pytest.mark.slow
def test_the_simple_host_confines_as_well_and_runs_the_server(
    host: Host, simple_host: Host, lean_toolchain: LeanToolchain, tmp_path: Path
) -> None:
    ensure_tested(simple_host, Silent())
    assert simple_host.cache.is_file()
    assert_confined(escape(simple_host, tmp_path))
    # compiled code does not depend on the host; compiling with this one takes minutes
    installed = Host(install_root(load_settings()), host.kind, host.node)
    done = run(
        simple_host.run_command(ensure_program(installed, Silent()), BOOT),
        '{"id":"a","op":"ping"}\n',
    )
    ready, answer = map(json.loads, done.stdout.splitlines())
    assert ready["ready"] is True
    assert (answer["id"], answer["ok"]) == ("a", True)


def test_node_itself_may_not_write_start_or_read(host: Host, tmp_path: Path) -> None:
    """What is left to somebody who got out of WebAssembly."""
    script = tmp_path / "escape.cjs"
    script.write_text(
        """
        const fs = require('fs');
        const attempts = {
          write: () => fs.writeFileSync(process.argv[2] + '/written', 'x'),
          overwrite: () => fs.writeFileSync(process.argv[1], 'x'),
          remove: () => fs.unlinkSync(process.argv[1]),
          read: () => fs.readFileSync('/etc/passwd'),
          list: () => fs.readdirSync('/'),
          start: () => require('child_process').spawnSync('/bin/sh', ['-c', 'id']),
          load: () => process.dlopen({ exports: {} }, '/lib/x.node'),
        };
        const found = {};
        for (const [name, attempt] of Object.entries(attempts)) {
          try { attempt(); found[name] = 'done'; } catch (error) { found[name] = error.code; }
        }
        require('fs').writeSync(1, JSON.stringify(found));
        """
    )
    command = host.command(tmp_path, ("--version",))
    at = next(i for i, word in enumerate(command.argv) if word.endswith(f"{host.kind}.cjs"))
    argv = (*command.argv[:at], str(script), str(tmp_path))
    done = run(ServerCommand(argv, command.env, command.cwd))
    found = json.loads(done.stdout)
    assert len(found) == 7
    allowed = {"ERR_ACCESS_DENIED", "ERR_DLOPEN_DISABLED"}
    assert {name: code for name, code in found.items() if code not in allowed} == {}


@pytest.mark.skipif(
    missing_protection() is not None,
    reason=f"{missing_protection()}: run the tests on Linux 5.13 or newer with Landlock",
)
def test_node_itself_opens_no_socket(host: Host, tmp_path: Path) -> None:
    script = tmp_path / "socket.cjs"
    script.write_text(
        """
        const say = (what) => { require('fs').writeSync(1, what); process.exit(0); };
        const socket = require('net').connect(Number(process.argv[2]), '127.0.0.1');
        socket.on('connect', () => say('connected'));
        socket.on('error', (error) => say(error.code));
        """
    )
    command = host.command(tmp_path, ("--version",))
    at = next(i for i, word in enumerate(command.argv) if word.endswith(f"{host.kind}.cjs"))
    with socket.create_server(("127.0.0.1", 0)) as server:
        argv = (*command.argv[:at], str(script), str(server.getsockname()[1]))
        done = run(ServerCommand(argv, command.env, command.cwd))
    assert done.stdout == "EPERM", done.stderr


def test_a_line_longer_than_a_pipe_holds(lean_toolchain: LeanToolchain) -> None:
    request = {"id": "long", "op": "ping", "padding": "é" * 200_000}
    done = run(lean_toolchain.server_command(), json.dumps(request, ensure_ascii=False) + "\n")
    answer = json.loads(done.stdout.splitlines()[1])
    assert (answer["id"], answer["ok"]) == ("long", True)


def test_standard_output_is_the_programs_alone(lean_toolchain: LeanToolchain) -> None:
    done = run(lean_toolchain.server_command(), '{"id":"a","op":"ping"}\n')
    ready, answer = map(json.loads, done.stdout.splitlines())
    assert (ready["ready"], answer["id"]) == (True, "a")
    assert "DEBUG" not in done.stderr


def test_nothing_is_left_when_standard_input_closes(lean_toolchain: LeanToolchain) -> None:
    command = lean_toolchain.server_command()
    with subprocess.Popen(
        command.argv,
        env=command.env,
        cwd=command.cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert json.loads(server.stdout.readline())["ready"] is True
        process = psutil.Process(server.pid)
        assert Path(process.exe()).name.startswith("node")
        assert process.children(recursive=True) == []
        server.stdin.close()
        server.wait(30)
    assert not psutil.pid_exists(server.pid)


@pytest.mark.long
def test_the_program_is_compiled_again_when_its_sources_change(host: Host, tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    (sources / "Part").mkdir(parents=True)
    part = sources / "Part" / "Greeting.lean"
    part.write_text('module\npublic def greeting : String := "good day"\n')
    (sources / "Main.lean").write_text(
        "module\npublic import Lean\npublic import Part.Greeting\n"
        "public unsafe def main (_ : List String) : IO Unit := do\n"
        "  let output ← IO.getStdout\n  output.putStrLn greeting\n  output.flush\n"
        "  IO.Process.exit 0\n"
    )
    source = ProgramSource(sources, ("Part.Greeting", "Main"))
    first = ensure_program(host, Silent(), source)
    assert run(host.run_command(first, BOOT)).stdout == "good day\n"
    assert ensure_program(host, Silent(), source) == first
    part.write_text('module\npublic def greeting : String := "good evening"\n')
    second = ensure_program(host, Silent(), source)
    assert second != first
    assert run(host.run_command(second, BOOT)).stdout == "good evening\n"


def test_a_program_that_does_not_compile_leaves_nothing(host: Host, tmp_path: Path) -> None:
    (tmp_path / "Broken.lean").write_text("module\npublic def x : Nat := true\n")
    with pytest.raises(ToolchainMissing, match=r"does not compile: .*Broken\.lean:2") as caught:
        ensure_program(host, Silent(), ProgramSource(tmp_path, ("Broken",)))
    assert caught.value.field == "Broken"
    assert list((host.root / "programs").iterdir()) == []


def test_the_installation_is_intact() -> None:
    manifest = verify_toolchain(load_settings())
    (found,) = list_toolchains(load_settings())
    assert (found.toolchain.version, found.host) == (manifest.version, manifest.host)
    assert manifest.library.files > 2_000
