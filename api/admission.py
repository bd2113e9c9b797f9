"""Admission of new work: quotas of keys, length of the queue, free memory."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import psutil

from aludel.errors import QueueFull, QuotaExceeded
from aludel.settings import Settings
from aludel.store import ApiKey, Store

# How long counts are trusted; what this process accepts meanwhile is added to them.
_FRESH_S = 1.0
_FULL_RETRY_S = 5.0
_MEMORY_RETRY_S = 10.0
_MEGABYTE = 2**20

_CGROUP = Path("/sys/fs/cgroup")


def free_bytes(cgroup: Path = _CGROUP) -> int:
    """Return how much memory is left: the machine's, or a container's where that is less.

    Args:
        cgroup: folder of the process's own control group (version 2), as a container sees it. What
            it uses includes cached files; those that are inactive give way.
    """
    free = int(psutil.virtual_memory().available)
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
        figures = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
    except FileNotFoundError:  # no container
        return free
    if limit == "max":
        return free
    return min(free, int(limit) - used + int(figures["inactive_file"]))


class Admission:
    """Refuses work that should come back later. Thread-safe."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._read_at = float("-inf")
        self._free_mb = 0.0

    def admit(self, key: ApiKey, items: int) -> None:
        """Let ``items`` of ``key`` in, and count them.

        Raises:
            QuotaExceeded: the key has too many items under way.
            QueueFull: everybody has, or memory is short.
            StoreError: the database cannot be read.
        """
        with self._lock:
            self._refresh()
            self._ensure(key, items)
            self._counts[key.id] += items

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._read_at < _FRESH_S:
            return
        self._counts = Counter(self._store.jobs.unfinished())
        self._free_mb = free_bytes() / _MEGABYTE
        self._read_at = now

    def _ensure(self, key: ApiKey, items: int) -> None:
        if key.max_waiting is not None and self._counts[key.id] + items > key.max_waiting:
            raise QuotaExceeded(
                f"the key has {self._counts[key.id]} items under way, and may have "
                f"{key.max_waiting}",
                retry_after_s=_FULL_RETRY_S,
            )
        waiting = self._counts.total()
        if waiting + items > self._settings.max_waiting:
            raise QueueFull(
                f"{waiting} items wait, and {self._settings.max_waiting} may",
                retry_after_s=_FULL_RETRY_S,
            )
        if self._free_mb < self._settings.min_free_mb:
            raise QueueFull(
                f"the service has only {self._free_mb:.0f} MB of memory left",
                retry_after_s=_MEMORY_RETRY_S,
            )
