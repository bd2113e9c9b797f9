"""One ``fstar.exe --ide`` process over pipes: lines out, lines in, limits, kill and reap.

pexpect's ``PopenSpawn`` and not a terminal: a terminal truncates long lines.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from aludel.deadline import Deadline
from aludel.distribution import needs
from aludel.errors import BackendCrashed, BackendUnavailable

POLL_S = 0.25
READ_PAUSE_S = 0.002
REAP_S = 5.0
ADDRESS_SPACE_FACTOR = 4
MEGABYTE = 2**20
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "OPAMROOT", "OCAMLPATH", "FSTAR_HOME")


class DeadlinePassed(Exception):
    """The deadline passed before a line came; never leaves this package."""


class MemoryExceeded(Exception):
    """The process group grew past its cap and was killed; never leaves this package."""


class FStarProcess:
    """A child process group that is killed and reaped as a whole.

    Args:
        command: program (absolute path) and arguments; no shell is involved.
        folder: working folder.
        memory_mb: resident size of the group (F* and its Z3) at which it is killed.
        environ: the environment to select PATH and a few others from.
    """

    def __init__(
        self, command: list[str], folder: Path, memory_mb: int, environ: Mapping[str, str]
    ) -> None:
        needs("fstar", "pexpect")
        from pexpect.popen_spawn import PopenSpawn

        space = memory_mb * ADDRESS_SPACE_FACTOR * MEGABYTE
        launcher = str(Path(__file__).with_name("launch.py"))
        self.memory_mb = memory_mb
        self.peak_mb = 0.0
        try:
            self._child = PopenSpawn(
                [sys.executable, "-I", launcher, str(space), *command],
                timeout=None,
                cwd=str(folder),
                env={name: environ[name] for name in _ENVIRONMENT if name in environ},
                encoding="utf-8",
                codec_errors="replace",
            )
        except OSError as error:
            raise BackendUnavailable(f"F* could not be started: {error}") from error
        self._child.delayafterread = READ_PAUSE_S
        self.pid: int = self._child.pid
        self._dead = False

    @property
    def alive(self) -> bool:
        """Whether the process itself still runs."""
        return not self._dead and self._child.proc.poll() is None

    def send(self, line: str) -> None:
        """Write one line.

        Raises:
            BackendCrashed: the process has closed its input.
        """
        try:
            self._child.sendline(line)
        except (OSError, ValueError) as error:
            raise BackendCrashed("F* closed its input") from error

    def line(self, deadline: Deadline) -> str:
        """Return the next line without its line break.

        Raises:
            DeadlinePassed: none came in time.
            MemoryExceeded: the group grew past its cap; it has been killed.
            BackendCrashed: the process ended.
        """
        import pexpect

        while True:
            wait = min(POLL_S, deadline.remaining())
            try:
                self._child.expect_exact("\n", timeout=wait)
            except pexpect.TIMEOUT:
                self._watch_memory()
                if deadline.passed:
                    raise DeadlinePassed from None
            except pexpect.EOF as error:
                raise BackendCrashed(self._last_words()) from error
            else:
                return str(self._child.before).rstrip("\r")

    def interrupt(self) -> None:
        """Send SIGINT to F* itself (not to Z3, which F* must survive)."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)

    def cpu_s(self) -> float:
        """Return the CPU seconds that F* and its living children have used so far."""
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def resident_mb(self) -> float:
        """Return the resident size of the group in megabytes."""
        total = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        size = total / MEGABYTE
        self.peak_mb = max(self.peak_mb, size)
        return size

    def kill(self) -> None:
        """Kill the whole group and reap it; safe to call twice."""
        if self._dead:
            return
        self._dead = True
        family = self._family()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.proc.wait(REAP_S)
        _await_death(family, Deadline.after(REAP_S))
        for pipe in (self._child.proc.stdin, self._child.proc.stdout):
            with contextlib.suppress(OSError, ValueError):
                pipe.close()

    def wait(self, seconds: float) -> int | None:
        """Wait for the process to end by itself; return its exit status, or None."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            status = self._child.proc.poll()
            if status is not None:
                return int(status)
            time.sleep(READ_PAUSE_S)
        return None

    def _family(self) -> list[psutil.Process]:
        try:
            parent = psutil.Process(self.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return []

    def _watch_memory(self) -> None:
        if self.resident_mb() > self.memory_mb:
            self.kill()
            raise MemoryExceeded

    def _last_words(self) -> str:
        words = str(self._child.before or "").strip()[-300:]
        status = self.wait(1.0)
        ending = "" if status is None else f" (exit status {status})"
        return f"F* ended unexpectedly{ending}" + (f": {words}" if words else "")


def _await_death(family: list[psutil.Process], deadline: Deadline) -> None:
    """Wait until none of ``family`` runs; a zombie has died, whenever init gets to reap it."""
    while not deadline.passed and any(_runs(process) for process in family):
        time.sleep(READ_PAUSE_S)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
