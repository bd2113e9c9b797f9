"""Usage of a prover process and its children: memory of their own, and processor time.

A Lean maps its library into memory: pages of files, which the system shares between processes and
can drop. They are no memory that a process takes (`import Mathlib` maps more than 6 GB).
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

MEGABYTE = 2**20
_FAMILY_REFRESH_S = 1.0


@dataclass(frozen=True)
class Sample:
    """One measurement: megabytes of its own now, processor seconds since the process began."""

    memory_mb: float
    cpu_s: float


class Meter:
    """Measures a process and its descendants. Listing them is dear, so it is done once a second."""

    def __init__(self, pid: int) -> None:
        self._root: psutil.Process | None = None
        with contextlib.suppress(psutil.Error):
            self._root = psutil.Process(pid)
        self._family: list[psutil.Process] = []
        self._refresh_at = 0.0
        self._last = Sample(0.0, 0.0)
        self._sampled_at = float("-inf")

    def sample(self, max_age_s: float = 0.0) -> Sample:
        """Measure, unless the last measurement is younger than ``max_age_s``.

        A process that is gone measures as it did last.
        """
        now = time.monotonic()
        if now - self._sampled_at < max_age_s:
            return self._last
        self._sampled_at = now
        if now >= self._refresh_at:
            self._family = self.family()
            self._refresh_at = now + _FAMILY_REFRESH_S
        memory, cpu, seen = 0.0, 0.0, False
        for process in self._family:
            with contextlib.suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                memory += own_memory(process) / MEGABYTE
                cpu += times.user + times.system
                seen = True
        if seen:
            # Children that ended take their processor time with them; it must not run backwards.
            self._last = Sample(memory, max(cpu, self._last.cpu_s))
        return self._last

    def family(self) -> list[psutil.Process]:
        """List the process and its descendants, those in other process groups included."""
        if self._root is None:
            return []
        with contextlib.suppress(psutil.Error):
            return [self._root, *self._root.children(recursive=True)]
        return [self._root]

    @property
    def gone(self) -> bool:
        """Whether the process has ended; it may still wait to be reaped."""
        if self._root is None:
            return True
        try:
            return bool(self._root.status() == psutil.STATUS_ZOMBIE)
        except psutil.Error:
            return True


def own_memory(process: psutil.Process) -> int:
    """Return the resident bytes of a process that are no pages of files.

    On Linux; elsewhere it is everything resident.

    Raises:
        psutil.Error: it is gone.
    """
    if sys.platform != "linux":
        return int(process.memory_info().rss)
    try:
        status = Path(f"/proc/{process.pid}/status").read_text("ascii", "replace")
    except OSError as error:
        raise psutil.NoSuchProcess(process.pid) from error
    kilobytes = [
        int(line.split()[1])
        for line in status.splitlines()
        if line.startswith(("RssAnon:", "RssShmem:"))
    ]
    return sum(kilobytes) * 1024
