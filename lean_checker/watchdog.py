"""No process is left behind: a watchdog outside this process kills what it leaves.

``SIGKILL``, ``os._exit`` and a crash give this process no chance to clean up. Linux' parent-death
signal is no cure: it is bound to the thread that forked, and other systems lack it. A pipe whose
other end is read by :mod:`aludel.lean_checker.reaper` works on every POSIX system.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

from aludel.lean_checker import reaper

_REAPER = Path(reaper.__file__).resolve()
_REAPER_EXIT_S = 5.0


class Watchdog:
    """Registers process groups with a reaper process, started at first use. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reaper: subprocess.Popen[bytes] | None = None
        self._groups: set[int] = set()

    def watch(self, group: int) -> None:
        """Have ``group`` killed when this process ends, whatever ends it."""
        with self._lock:
            self._groups.add(group)
            self._tell(b"+%d\n" % group)

    def forget(self, group: int) -> None:
        """``group`` has been reaped: leave its number alone."""
        with self._lock:
            self._groups.discard(group)
            if self._reaper is not None:
                self._tell(b"-%d\n" % group)

    def close(self) -> None:
        """Kill what is still registered and end the reaper; safe to call twice."""
        with self._lock:
            self._groups.clear()
            self._stop()

    def _tell(self, line: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._write(line)
            return
        # Somebody killed the reaper: start another, which must know every group that lives.
        self._stop()
        self._write(b"".join(b"+%d\n" % group for group in self._groups))

    def _write(self, line: bytes) -> None:
        if self._reaper is None:
            self._reaper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_REAPER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                bufsize=0,
            )
        assert self._reaper.stdin is not None  # noqa: S101 - opened as a pipe above
        self._reaper.stdin.write(line)

    def _stop(self) -> None:
        running, self._reaper = self._reaper, None
        if running is None:
            return
        assert running.stdin is not None  # noqa: S101 - opened as a pipe
        with contextlib.suppress(OSError):
            running.stdin.close()
        try:
            running.wait(_REAPER_EXIT_S)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
