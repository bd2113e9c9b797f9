"""Proof that a host runs Lean as it should, after its preparation."""

from __future__ import annotations

import json

from aludel.errors import ToolchainMissing
from lean_checker.embedded.command import Host
from lean_checker.embedded.program import ProgramSource, ensure_program, program_command, run
from lean_checker.embedded.progress import Progress
from lean_checker.server_program import SOURCES

_TIMEOUT_S = 300.0
_LONG_LINE = 200_000
_SELF_TEST = ProgramSource(SOURCES, ("SelfTest",), "\n")


class SelfTestFailed(Exception):
    """A host does not run Lean as it should; says in which way."""


def self_test(host: Host, progress: Progress) -> None:
    """Compile and run a small program that exercises what the server rests on.

    It loads the library, has the kernel accept a true theorem and refuse a false one, reads a
    line longer than a pipe holds, and is refused a file to write.

    Raises:
        SelfTestFailed: an answer is missing or wrong.
    """
    try:
        folder = ensure_program(host, progress, _SELF_TEST)
        progress.step(f"Testing the {host.kind} host", 1)
        done = run(program_command(host, folder), "x" * _LONG_LINE + "\n", _TIMEOUT_S)
    except ToolchainMissing as error:
        raise SelfTestFailed(str(error)) from error
    expected = {"length": _LONG_LINE, "accepted": True, "refused": True, "write": False}
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        said = (done.stderr or done.stdout).strip()[-300:]
        raise SelfTestFailed(f"no answer from the {host.kind} host: {said}") from None
    if answer != expected:
        raise SelfTestFailed(f"the {host.kind} host answered {answer}, not {expected}")
    progress.advance(1)
