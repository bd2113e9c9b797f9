"""A Lean process for each key's sessions of tactics, beside the processes of checks.

A step may take a minute, and its process does nothing else meanwhile: what waits for it is the
key's own (docs/decisions/0117-a-process-for-a-keys-sessions.md).
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from aludel.errors import BackendUnavailable, QueueFull
from aludel.lean_checker.pool import LeanPool, memory_admits
from aludel.lean_checker.starting import probe

_RETRY_S = 5.0


class KeyProcesses:
    """The processes in which sessions of tactics live. Thread-safe.

    A key has one, made when it opens a session. There are as many as ``pool`` has, and one more,
    while memory admits them; then the one whose key was silent longest makes room.

    Args:
        pool: the processes of checks; who has no key has sessions there too.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._of: OrderedDict[str, LeanPool] = OrderedDict()
        self._closed = False

    def open(self, key: str) -> tuple[LeanPool, LeanPool | None]:
        """Return where ``key``, empty for nobody's, has sessions, and what was closed for it.

        Raises:
            QueueFull: the processes of other keys are all at work.
            BackendUnavailable: these processes are closed.
        """
        if not key:
            return self._pool, None
        with self._lock:
            if self._closed:
                raise BackendUnavailable("the pool of Lean processes is closed")
            gone = None if key in self._of else self._make_room()
            if key not in self._of:
                self._of[key] = self._pool.another(1, probe, shared=True)
            self._of.move_to_end(key)
            own = self._of[key]
        if gone is not None:
            gone.close()
        return own, gone

    def used(self, key: str) -> None:
        """Note that ``key`` works in its sessions."""
        with self._lock:
            if key in self._of:
                self._of.move_to_end(key)

    def close(self) -> None:
        """End every process that belongs to a key; safe to call twice."""
        with self._lock:
            self._closed = True
            pools = list(self._of.values())
            self._of.clear()
        for pool in pools:
            pool.close()

    def _make_room(self) -> LeanPool | None:
        """Give up the process of the key that was silent longest, if another needs the room."""
        if not self._of or (len(self._of) <= self._pool.size and memory_admits()):
            return None
        for key, pool in self._of.items():
            stats = pool.stats()
            if stats.live == stats.idle:
                return self._of.pop(key)
        raise QueueFull(
            "the processes of all sessions are at work; ask again, or the operator for more",
            retry_after_s=_RETRY_S,
        )
