"""Proof that a host runs Lean as it should, after its preparation."""

from __future__ import annotations

import json
import subprocess

from aludel.errors import ToolchainMissing
from aludel.lean_checker.embedded.command import Host
from aludel.lean_checker.lock import folder_lock
from aludel.lean_checker.program import ensure_program, run
from aludel.lean_checker.server_program import BOOT, SOURCES, ProgramSource
from aludel.progress import Progress

_TIMEOUT_S = 300.0
_LOCK_S = 900.0
_LONG_LINE = 200_000
_SELF_TEST = ProgramSource(SOURCES, ("SelfTest",))


class SelfTestFailed(Exception):
    """A host does not run Lean as it should; says in which way."""


def self_test(host: Host, progress: Progress) -> None:
    """Compile and run a small program that exercises what the server rests on.

    It loads the library, has the kernel accept a true theorem and refuse a false one, reads a
    line longer than a pipe holds, and is refused a file to write. The run leaves the code cache
    behind: its presence says that the host passed with this Node.

    Raises:
        SelfTestFailed: an answer is missing or wrong.
    """
    partial = host.cache.with_name(f"{host.cache.name}.partial")
    try:
        folder = ensure_program(host, progress, _SELF_TEST)
        progress.step(f"Testing the {host.kind} host", 1)
        command = host.command(folder, ("--run", f"/program/{BOOT}"), write_cache=partial)
        _check(host, run(command, "x" * _LONG_LINE + "\n", _TIMEOUT_S))
        if not partial.is_file():
            raise SelfTestFailed(f"the {host.kind} host left no code cache")
        partial.replace(host.cache)
    except ToolchainMissing as error:
        raise SelfTestFailed(str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
    progress.advance(1)


def ensure_tested(host: Host, progress: Progress) -> None:
    """Test an installed host again when its Node is another than the one it was tested with.

    Raises:
        ToolchainMissing: it fails with this Node, or the code cache cannot be written.
    """
    if host.cache.is_file():
        return
    try:
        with folder_lock(host.root.with_name(f"{host.cache.name}.lock"), _LOCK_S):
            if not host.cache.is_file():
                self_test(host, progress)
    except (SelfTestFailed, OSError) as error:
        raise ToolchainMissing(
            f"the embedded Lean does not run with Node {host.node.version}: {error}",
            field=str(host.root),
            fix="run `aludel toolchain install --force`",
        ) from error


def _check(host: Host, done: subprocess.CompletedProcess[str]) -> None:
    expected = {
        "length": _LONG_LINE,
        "accepted": True,
        "refused": True,
        "anywhere": "read-only file system (error code: 69)\n  file: /self-test",
        "library": "read-only file system (error code: 69)\n  file: /lib/lean/Init.olean",
    }
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise SelfTestFailed(f"no answer from the {host.kind} host: {said}") from None
    if answer != expected or done.returncode != 0:
        raise SelfTestFailed(
            f"the {host.kind} host answered {answer}, exit code {done.returncode}; "
            f"expected {expected} and 0"
        )
