"""What a confined process may do, whatever program it is."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from aludel.lean_checker.confinement import launch
from aludel.lean_checker.confinement.loaders import library_folders, loader_of
from aludel.lean_checker.confinement.plan import Confinement, missing_protection

ESCAPE = Path(__file__).parents[1] / "fakes" / "escape.py"
PYTHON = Path(sys.executable)
needs_protection = pytest.mark.skipif(
    missing_protection() is not None,
    reason=f"{missing_protection()}: run the tests on Linux 5.13 or newer with Landlock enabled",
)


def confinement(
    *, read: tuple[Path, ...] = (), data_mb: int = 1_000, cpu_s: int = 60
) -> Confinement:
    """What Python needs, and nothing else."""
    return Confinement(
        read=(ESCAPE, Path(sys.prefix), Path(sys.base_prefix), *read),
        run=(PYTHON.resolve(),),
        data_mb=data_mb,
        cpu_s=cpu_s,
        required=True,
    )


def run(plan: Confinement, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        plan.command([str(PYTHON), "-I", *arguments]),
        env={},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def escaped(tmp_path: Path) -> dict[str, object]:
    """Run the program that tries to get out, beside what it must leave alone."""
    secret = tmp_path / "secret"
    secret.write_text("secret")
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "60"]) as victim,
    ):
        port = str(server.getsockname()[1])
        done = run(confinement(), str(ESCAPE), str(secret), str(tmp_path), str(victim.pid), port)
        assert victim.poll() is None
        victim.kill()
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]
    found: dict[str, object] = json.loads(done.stdout)
    return found


@needs_protection
def test_nothing_outside_is_read_written_called_started_or_killed(
    escaped: dict[str, object],
) -> None:
    harmless = ("thread", "limits", "descriptors", "environment")
    attempts = {name: came for name, came in escaped.items() if name not in harmless}
    assert len(attempts) == 18
    assert {n: came for n, came in attempts.items() if not str(came).startswith("refused: ")} == {}


@needs_protection
def test_what_a_prover_needs_is_left(escaped: dict[str, object]) -> None:
    assert escaped["thread"] == "ran"
    assert escaped["limits"] == [0, 0, 512, 60, 1_000 * 2**20]


@needs_protection
def test_nothing_is_inherited(escaped: dict[str, object]) -> None:
    assert escaped["descriptors"] == ["own folder"]  # a name alone, held so that it stays readable
    assert set(escaped["environment"]) <= {"LC_CTYPE"}  # type: ignore[call-overload]


@needs_protection
def test_its_own_folder_stays_readable_where_memory_is_short() -> None:
    drop = Path("/proc/sys/vm/drop_caches")
    if not os.access(drop, os.W_OK):
        pytest.skip("the kernel's memory of files cannot be dropped: run the tests as root")
    code = (
        "import sys; sys.stdout.write('up\\n'); sys.stdout.flush(); sys.stdin.readline();"
        "print(open('/proc/self/limits').readline())"
    )
    command = confinement().command([str(PYTHON), "-I", "-c", code])
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        drop.write_text("2\n")
        told, _ = process.communicate("\n", timeout=60)
    assert told.startswith("Limit"), told


@needs_protection
def test_open_descriptors_and_the_environment_of_the_starter_stay_behind(tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        code = f"import os; os.fstat({held.fileno()})"
        done = subprocess.run(
            confinement().command([str(PYTHON), "-I", "-c", code]),
            capture_output=True,
            text=True,
            check=False,
            close_fds=False,
        )
    assert "Bad file descriptor" in done.stderr


def test_processor_time_runs_out() -> None:
    began = time.monotonic()
    done = run(confinement(cpu_s=1), "-c", "while True: pass")
    assert done.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    assert time.monotonic() - began < 30


def test_memory_runs_out() -> None:
    done = run(confinement(data_mb=300), "-c", "held = [bytearray(2**20) for _ in range(1000)]")
    assert "MemoryError" in done.stderr


def test_a_file_cannot_grow(tmp_path: Path) -> None:
    plan = Confinement(
        read=(Path(sys.prefix), Path(sys.base_prefix)), run=(PYTHON.resolve(),), data_mb=1_000,
        write=(tmp_path,), file_mb=1,
    )  # fmt: skip
    code = f"open({str(tmp_path / 'big')!r}, 'wb').write(bytes(3 * 2**20))"
    assert run(plan, "-c", code).returncode != 0
    assert (tmp_path / "big").stat().st_size <= 2**20


@needs_protection
def test_what_it_may_read_it_reads(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("given")
    code = f"print(open({str(tmp_path / 'given')!r}).read())"
    assert run(confinement(read=(tmp_path,)), "-c", code).stdout == "given\n"


def test_a_system_that_cannot_confine_is_refused_when_that_is_required() -> None:
    """A Python that says it is another system stands for one."""
    code = (
        "import runpy, sys; sys.platform = 'other'; sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    python, isolated, bare, *rest = confinement().command(["/nowhere"])
    done = subprocess.run(
        [python, isolated, bare, "-c", code, *rest], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "cannot confine the prover: not Linux" in done.stderr


@pytest.mark.parametrize("machine", sorted(launch.SYSTEMS))
def test_a_filter_is_a_program_that_ends(machine: str) -> None:
    program = launch.call_filter(machine, 42)
    assert len(program) < 256  # jumps are one byte
    returns = {index for index, step in enumerate(program) if step[0] == launch.RETURN}
    assert len(program) - 1 in returns
    for index, (operation, yes, no, _) in enumerate(program):
        if operation not in (launch.RETURN, launch.LOAD):
            assert index + 1 + max(yes, no) < len(program)


def test_no_filter_for_an_unknown_machine() -> None:
    with pytest.raises(launch.Unsupported, match="riscv64"):
        launch.call_filter("riscv64", 1)


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
    plan = Confinement(
        read=(folder, Path(sys.prefix), Path(sys.base_prefix)),
        run=(stand_in, PYTHON.resolve()),
        data_mb=1_000,
        v8=True,
    )
    command = plan.command([str(stand_in), "argument"])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", limited, *command],
        capture_output=True,
        text=True,
        check=True,
    )
    limits, arguments = json.loads(done.stdout)
    return limits, arguments


def test_the_launcher_raises_the_stack(tmp_path: Path) -> None:
    limits, arguments = launched(tmp_path, hard_stack_mb=1_000)
    assert limits["RLIMIT_STACK"][0] == 1_000 * 2**20
    assert limits["RLIMIT_CORE"] == [0, 0]
    assert arguments == ["--stack-size=400000", "argument"]


def test_v8_is_told_of_no_more_stack_than_there_is(tmp_path: Path) -> None:
    limits, arguments = launched(tmp_path, hard_stack_mb=64)
    assert limits["RLIMIT_STACK"][0] == 64 * 2**20
    assert arguments == ["--stack-size=63488", "argument"]


def test_a_confined_process_dies_with_its_group() -> None:
    command = confinement().command([str(PYTHON), "-I", "-c", "while True: pass"])
    with subprocess.Popen(command, env={}, start_new_session=True) as busy:
        time.sleep(0.3)
        os.killpg(busy.pid, signal.SIGKILL)
        busy.wait(10)
    with contextlib.suppress(psutil.NoSuchProcess):
        assert psutil.Process(busy.pid).status() == psutil.STATUS_ZOMBIE


@needs_protection
def test_the_stack_is_finite_where_it_is_asked_for() -> None:
    say = "import resource; print(resource.getrlimit(resource.RLIMIT_STACK)[0])"
    for stack_mb, soft in ((100, 100 * 2**20), (0, resource.RLIM_INFINITY)):
        done = run(replace(confinement(), stack_mb=stack_mb), "-c", say)
        assert int(done.stdout) == soft, done.stderr


def test_a_loader_is_read_from_the_program(tmp_path: Path) -> None:
    own = loader_of(PYTHON.resolve())
    assert own is None or own.name.startswith("ld")
    store = "/nix/store/0c1d-glibc-2.40/lib/ld-linux-x86-64.so.2"
    program = tmp_path / "lean"
    program.write_bytes(elf(store))
    found = loader_of(program)
    assert found == Path(store)
    assert library_folders(found) == (Path("/nix/store"),)
    assert library_folders(Path("/lib64/ld-linux-x86-64.so.2")) == ()
    plan = json.loads(replace(confinement(), required=False).command([str(program)])[4])
    assert store in plan["run"] and "/nix/store" in plan["read"]
    for broken in (
        b"",
        b"#!/bin/sh\n",
        elf(store)[:70],
        elf("relative"),
        b"\x7fELF" + b"\xff" * 80,
    ):
        program.write_bytes(broken)
        assert loader_of(program) is None


def elf(loader: str) -> bytes:
    """The beginning of a program of 64 bits that names a loader."""
    name = loader.encode() + b"\0"
    head = (
        b"\x7fELF\2\1\1"
        + bytes(9)
        + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    )
    return head + struct.pack("<IIQQQQQQ", 3, 4, 120, 0, 0, len(name), len(name), 1) + name
