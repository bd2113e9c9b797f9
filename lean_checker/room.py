"""Room for processes that several pools share: who is idle makes way for who needs it.

Each named project has pools of its own, of as many processes as the only one would have. All
together have no more than that: an idle process of one pool ends for another one's. A pool that
is never idle ends some of its own once another has waited for :data:`PATIENCE_S`, so that one
project's work is delayed by another's and not kept out. Starting a process takes seconds, which is
why it is not done at every turn.
"""

from __future__ import annotations

import threading
import time
from typing import Protocol

PATIENCE_S = 10.0
QUIET_S = 1.0
"""Seconds for which a pool has to have lent nothing before it is idle to others."""
LOOK_S = 0.2
"""Seconds after which a pool that waits for room looks again."""


class Lodger(Protocol):
    """A pool, as those that share its room see it."""

    def make_way(self, quiet_s: float) -> bool:
        """End an idle process if the pool has lent none for so long; whether one ended."""
        ...


class Room:
    """So many processes, over all pools that share it. Thread-safe.

    It asks pools for nothing while it holds its own lock, for they take its lock under theirs.

    Args:
        size: how many processes there may be.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._lock = threading.Lock()
        self._taken: dict[Lodger, int] = {}
        self._since: dict[Lodger, float] = {}

    @property
    def shared(self) -> bool:
        """Whether more than one pool has had processes here."""
        return len(self._taken) > 1

    @property
    def taken(self) -> int:
        """How many processes there are."""
        with self._lock:
            return sum(self._taken.values())

    def take(self, pool: Lodger) -> bool:
        """Take room for one process; False when there is none."""
        with self._lock:
            mine = self._taken.setdefault(pool, 0)
            if sum(self._taken.values()) >= self.size or self._overdue(pool, mine + 1):
                self._since.setdefault(pool, time.monotonic())
                return False
            self._taken[pool] = mine + 1
            self._since.pop(pool, None)
            return True

    def give(self, pool: Lodger) -> None:
        """Give the room of one process back."""
        with self._lock:
            self._taken[pool] -= 1

    def content(self, pool: Lodger) -> None:
        """Note that a pool waits no longer."""
        with self._lock:
            self._since.pop(pool, None)

    def leave(self, pool: Lodger) -> None:
        """Forget a pool that is closed."""
        with self._lock:
            self._since.pop(pool, None)
            if not self._taken.get(pool):
                self._taken.pop(pool, None)

    def make_way(self, pool: Lodger) -> None:
        """Have another pool that has more processes end an idle one, for this one waits."""
        with self._lock:
            if pool not in self._since or sum(self._taken.values()) < self.size:
                return
            mine = self._taken.get(pool, 0)
            others = [(count, each) for each, count in self._taken.items() if each is not pool]
            quiet = 0.0 if self._waited(pool) else QUIET_S
        for count, other in sorted(others, key=lambda pair: -pair[0]):
            # One that has no more than this keeps what it has, unless it does not need it.
            if other.make_way(quiet if count > mine else PATIENCE_S):
                return

    def is_overdue(self, pool: Lodger) -> bool:
        """Whether a pool that has fewer processes than this one has waited too long for one."""
        with self._lock:
            return self._overdue(pool, self._taken.get(pool, 0))

    def _overdue(self, pool: Lodger, mine: int) -> bool:
        return any(
            self._waited(other) and self._taken.get(other, 0) < mine
            for other in self._since
            if other is not pool
        )

    def _waited(self, pool: Lodger) -> bool:
        return time.monotonic() - self._since.get(pool, time.monotonic()) >= PATIENCE_S


class Rooms:
    """The rooms of one process, by the kind of work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rooms: dict[str, Room] = {}

    def of(self, kind: str, size: int) -> Room:
        """Return the room for a kind of work, made with ``size`` at first."""
        with self._lock:
            return self._rooms.setdefault(kind, Room(size))
