"""A bounded set of F* sessions, leased one caller at a time and chosen by what they hold.

A definition's prefix stays loaded between its candidates: a request is given the idle session that
shares the longest run of fragments with it, and only what differs is popped and pushed.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from aludel.deadline import Deadline
from aludel.errors import BackendUnavailable, InvalidRequest, QueueFull
from aludel.fstar_checker.process import FStarProcess
from aludel.fstar_checker.scaffold import Plan
from aludel.fstar_checker.session import CHECKED_FILE, Session
from aludel.fstar_checker.toolchain import FStarToolchain
from aludel.settings import Settings

Key = tuple[str, str | None]
Starter = Callable[[Key], Session]


@dataclass
class _Slot:
    """One place in the pool; ``session`` is None while its process starts."""

    key: Key
    session: Session | None = None
    leased: bool = True
    last_used: int = 0


@dataclass
class PoolCounts:
    """What the pool has done so far."""

    started: int = 0
    reused: int = 0
    killed: int = 0


class FStarPool:
    """Sessions by (module, dataset). Thread-safe.

    Args:
        start: makes a session for a key, greeted and empty.
        size: sessions at once, as the attribute says.
        max_requests: requests after which a session is replaced.
        memory_mb: resident size after which a session is replaced.
        checked_files: whether the sessions load checked files.
    """

    def __init__(
        self,
        start: Starter,
        *,
        size: int,
        max_requests: int,
        memory_mb: int,
        checked_files: bool = False,
    ) -> None:
        self.checked_files = checked_files
        self._start = start
        self.size = size
        self._max_requests = max_requests
        self._memory_mb = memory_mb
        self._slots: list[_Slot] = []
        self._change = threading.Condition()
        self._clock = 0
        self._closed = False
        self.counts = PoolCounts()

    @contextlib.contextmanager
    def lease(self, plan: Plan, wait_s: float) -> Iterator[Session]:
        """Lend the best session for ``plan``; a clean end returns it, doubt kills it.

        Raises:
            QueueFull: none became free within ``wait_s`` seconds.
            BackendUnavailable: the pool is closed, or F* could not be started.
        """
        slot = self._reserve(plan, Deadline.after(wait_s))
        try:
            if slot.session is None:
                slot.session = self._start(slot.key)
                self.counts.started += 1
            else:
                self.counts.reused += 1
            yield slot.session
        except InvalidRequest:
            # F* refused the context and rolled back: the session itself is in order.
            if slot.session is None:
                self._discard(slot)
            else:
                self._give_back(slot)
            raise
        except BaseException:
            self._discard(slot)
            raise
        self._give_back(slot)

    def close(self) -> None:
        """End every session; safe to call twice."""
        with self._change:
            self._closed = True
            slots, self._slots = self._slots, []
            self._change.notify_all()
        for slot in slots:
            if slot.session is not None:
                slot.session.kill()

    def _reserve(self, plan: Plan, deadline: Deadline) -> _Slot:
        """Take a place under the lock; the process, if one is needed, starts outside it."""
        evicted: _Slot | None = None
        with self._change:
            while True:
                if self._closed:
                    raise BackendUnavailable("the F* pool is closed")
                slot = self._best_idle(plan)
                if slot is None and len(self._slots) >= self.size:
                    evicted = self._oldest_idle()
                    if evicted is not None:
                        self._slots.remove(evicted)
                if slot is None and len(self._slots) < self.size:
                    slot = _Slot((plan.module, plan.dataset))
                    self._slots.append(slot)
                if slot is not None:
                    break
                if deadline.passed or not self._change.wait(deadline.remaining()):
                    raise QueueFull("every F* session is busy")
            slot.leased = True
        if evicted is not None and evicted.session is not None:
            evicted.session.kill()
        return slot

    def _best_idle(self, plan: Plan) -> _Slot | None:
        key = (plan.module, plan.dataset)
        idle = [s for s in self._slots if not s.leased and s.key == key and s.session is not None]
        return max(idle, key=lambda s: _worth(s, plan), default=None)

    def _oldest_idle(self) -> _Slot | None:
        idle = [s for s in self._slots if not s.leased]
        return min(idle, key=lambda s: s.last_used, default=None)

    def _give_back(self, slot: _Slot) -> None:
        session = slot.session
        assert session is not None  # noqa: S101 - set by lease
        session.served += 1
        worn = session.served >= self._max_requests or not session.process.alive
        if worn or session.process.resident_mb() > self._memory_mb:
            self._discard(slot)
            return
        with self._change:
            self._clock += 1
            slot.last_used, slot.leased = self._clock, False
            closed = self._closed
            self._change.notify_all()
        if closed:
            session.kill()

    def _discard(self, slot: _Slot) -> None:
        if slot.session is not None:
            slot.session.kill()
            self.counts.killed += 1
        with self._change:
            if slot in self._slots:
                self._slots.remove(slot)
            self._change.notify_all()


def shared_fragments(session: Session, plan: Plan) -> int:
    """Return how many of the plan's fragments the session already holds, from the bottom.

    F* computes dependencies once, with the first push: a plan that mentions further modules shares
    nothing.
    """
    if not plan.modules <= session.modules:
        return 0
    count = 0
    for held, wanted in zip(session.stack, plan.fragments, strict=False):
        if held != wanted:
            break
        count += 1
    return count


def build_pool(toolchain: FStarToolchain, settings: Settings) -> FStarPool:
    """Return a pool for ``toolchain``; its processes start when they are needed."""
    return FStarPool(
        SessionStarter(toolchain, settings),
        size=settings.pool_size or os.cpu_count() or 1,
        max_requests=settings.process_max_requests,
        memory_mb=settings.process_memory_mb,
        checked_files=CHECKED_FILE in toolchain.features,
    )


@dataclass(frozen=True)
class SessionStarter:
    """Starts a session for a (module, dataset) key in a folder of its own.

    F* looks for modules in its working folder before its library. So the folder holds the
    session's own empty file and nothing else, and goes when the session ends: no request finds a
    file that another one named.
    """

    toolchain: FStarToolchain
    settings: Settings

    def __call__(self, key: Key) -> Session:
        """Start it.

        Raises:
            InvalidRequest: the dataset is not installed here.
            ToolchainMissing: what starts is not F*.
        """
        module, dataset = key
        include = None if dataset is None else self._dataset(dataset)
        own = tempfile.TemporaryDirectory(prefix="aludel-fstar-", ignore_cleanup_errors=True)
        folder = Path(own.name)
        if include is not None and (include / f"{module}.fst").is_file():
            folder = include  # its checked file is the one of the source that lies there
        else:
            (folder / f"{module}.fst").touch()
        command = self.toolchain.command(f"{module}.fst", include)
        memory = self.settings.process_memory_mb
        try:
            process = FStarProcess(command, folder, memory, self.toolchain.environ)
            return Session(process, when_killed=own.cleanup)
        except BaseException:
            own.cleanup()
            raise

    def _dataset(self, dataset: str) -> Path:
        include = self.settings.data_dir / "fstar" / dataset
        if not include.is_dir():
            message = f"no F* dataset {dataset!r} is installed here"
            fix = f"put its sources and checked files in {include.parent}"
            raise InvalidRequest(message, field="context.dataset", fix=fix)
        return include


def _worth(slot: _Slot, plan: Plan) -> tuple[int, int]:
    shared = shared_fragments(slot.session, plan) if slot.session is not None else 0
    return shared, slot.last_used
