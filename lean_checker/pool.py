"""A bounded set of Lean server processes, leased for one user at a time."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, InvalidRequest, QueueFull
from aludel.lean_checker.confinement.plan import CPU_S
from aludel.lean_checker.import_sets import import_set, is_library
from aludel.lean_checker.meter import MEGABYTE
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.room import LOOK_S, Rooms
from aludel.lean_checker.starting import ServerToolchain, probe, start_process
from aludel.lean_checker.watchdog import Watchdog
from aludel.models import Toolchain
from aludel.settings import Settings
from aludel.tenants import current_tenant

_CLOSE_S = 10.0
# A process is recycled well below the size at which a request is ended, so that what earlier
# requests left behind never decides the verdict on a later one.
RECYCLE_AT = 0.75
# Memory expected of a process before one has been measured.
_UNMEASURED_MB = 1_500.0
# Importing Mathlib from a cold disk takes minutes; it is done before a request's clock starts.
_LOAD_S = 600.0


@dataclass(frozen=True)
class PoolStats:
    """A pool at one moment: ``size`` slots, of which ``live`` are taken and ``idle`` wait."""

    size: int
    live: int
    idle: int
    started: int
    discarded: int
    recycled: int


class LeanPool:
    """Starts, lends, recycles and ends Lean server processes. Thread-safe.

    A process goes back to the pool only from a lease that ended well; any doubt kills it. Open a
    pool after forking: its processes belong to the process that started them.

    Args:
        toolchain: whose server the processes run.
        settings: bounds number, memory and requests of the processes.
        size: how many processes at once, where it is not the number of the settings.
        probe: asks a new process for something that it must be able to do.
        shared: whether tenants share the processes, for these read nothing that a tenant wrote.
        rooms: what pools of other toolchains share with this one, by ``kind`` of work.
    """

    def __init__(
        self,
        toolchain: ServerToolchain,
        settings: Settings,
        *,
        size: int = 0,
        probe: Callable[[LeanProcess], None] = probe,
        shared: bool = False,
        rooms: Rooms | None = None,
        kind: str = "elaborators",
    ) -> None:
        self._shared = shared
        self._toolchain = toolchain
        self._settings = settings
        self._probe = probe
        self._memory_mb = float(settings.process_memory_mb)
        self._max_requests = settings.process_max_requests
        self._size = size or settings.pool_size or os.cpu_count() or 1
        self._rooms = rooms or Rooms()
        self._room = self._rooms.of(kind, self._size)
        self._lent_at = float("-inf")
        self._watchdog = Watchdog()
        self._changed = threading.Condition()
        self._idle: list[LeanProcess] = []
        self._processes: set[LeanProcess] = set()
        self._live = 0
        self._starting = 0
        self._started = self._discarded = self._recycled = 0
        self._largest_mb = 0.0
        self._closed = False

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain whose server the pool runs."""
        return self._toolchain.toolchain

    def another(
        self,
        size: int,
        probe: Callable[[LeanProcess], None],
        *,
        shared: bool = False,
        kind: str = "",
    ) -> LeanPool:
        """Return a pool of the same server whose processes do other work than those of this one.

        Those of a ``kind`` share their room with other toolchains' of that kind.
        """
        return LeanPool(
            self._toolchain,
            self._settings,
            size=size,
            probe=probe,
            shared=shared,
            rooms=self._rooms if kind else None,
            kind=kind,
        )

    @property
    def tenant(self) -> str | None:
        """Whose processes this thread may be lent; None where all are shared."""
        return current_tenant() if self._settings.per_key and not self._shared else None

    @property
    def size(self) -> int:
        """How many processes there can be at once."""
        return self._size

    @property
    def memory_mb(self) -> float:
        """Megabytes of its own at which a request of a process is ended."""
        return self._memory_mb

    @contextlib.contextmanager
    def lease(self, imports: tuple[str, ...] | None, deadline: Deadline) -> Iterator[LeanProcess]:
        """Lend a process that has imported some modules, for one thread, until the block ends.

        It goes back if the block ends well or with `InvalidRequest`, which a server says in good
        health. Any other exception, and a request not read to its end, kill it.

        Args:
            imports: the import set, ``Init`` where it is None. One that does not exist is not
                loaded: the request says so.
            deadline: how long to wait for a process; starting one has a limit of its own, and so
                has importing.

        Raises:
            QueueFull: every process was busy until the deadline.
            LimitReached: importing took too much time or memory.
            BackendUnavailable: a process cannot be started, or the pool is closed.
        """
        wanted = import_set(imports or ())
        with self._lent(self._acquire(wanted, deadline)) as process:
            process.load(wanted, Deadline.after(_LOAD_S))
            yield process

    @contextlib.contextmanager
    def lease_again(self, process: LeanProcess, deadline: Deadline) -> Iterator[LeanProcess]:
        """Lend the very process that was lent before, for what it keeps; otherwise as `lease`.

        Raises:
            BackendCrashed: it is no more.
            QueueFull: it was busy until the deadline.
        """
        self._reserve_again(process, deadline)
        with self._lent(process):
            yield process

    @contextlib.contextmanager
    def _lent(self, process: LeanProcess) -> Iterator[LeanProcess]:
        healthy = False
        try:
            yield process
            healthy = True
        except InvalidRequest:
            healthy = True
            raise
        finally:
            self._release(process, healthy)

    @contextlib.contextmanager
    def fresh(self, deadline: Deadline, imports: tuple[str, ...] = ()) -> Iterator[LeanProcess]:
        """Lend a process that has imported some modules and been asked nothing else; then end it.

        It takes one of the pool's slots, an idle process's where all are taken.

        Raises:
            QueueFull: every process was busy until the deadline.
            BackendUnavailable: a process cannot be started, or the pool is closed.
        """
        while (victim := self._reserve_fresh(deadline)) is not None:
            self._discard(victim)
        process = self._start()
        try:
            process.load(import_set(imports), Deadline.after(_LOAD_S))
            yield process
        finally:
            self._discard(process)

    def warm_up(self, count: int | None = None) -> None:
        """Bring the pool to ``count`` processes (all slots by default) that have answered once.

        Fewer are started when memory does not admit them.

        Raises:
            BackendUnavailable: one cannot be started, or does not answer.
        """
        wanted = 0
        with self._changed:
            while self._live < min(count or self._size, self._size) and self._take_slot():
                wanted += 1
            self._room.content(self)
        with ThreadPoolExecutor(max(1, wanted)) as threads:
            for started in [threads.submit(self._start_warm) for _ in range(wanted)]:
                started.result()

    def distrust(self, tenant: str | None) -> None:
        """Lend no process again that was lent to ``tenant``; one lent now ends with its lease."""
        with self._changed:
            for process in self._processes:
                process.distrusted = process.distrusted or process.tenant == tenant

    def stats(self) -> PoolStats:
        """Count slots and what became of processes."""
        with self._changed:
            return PoolStats(
                size=self._size,
                live=self._live,
                idle=len(self._idle),
                started=self._started,
                discarded=self._discarded,
                recycled=self._recycled,
            )

    def close(self) -> None:
        """End every process, leased ones too, and refuse new leases; safe to call twice."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            busy = self._processes.difference(idle)
            self._changed.notify_all()
        for process in busy:
            process.interrupt()
        for process in idle:
            self._discard(process)
        with self._changed:
            self._changed.wait_for(lambda: self._live == 0, _CLOSE_S)
        self._room.leave(self)
        self._watchdog.close()

    def make_way(self, quiet_s: float) -> bool:
        """End an idle process for another pool, if none was lent for so long; whether one ended."""
        with self._changed:
            idle = [process for process in self._idle if not process.pins]
            if not idle or time.monotonic() - self._lent_at < quiet_s:
                return False
            self._idle.remove(idle[0])
        self._discard(idle[0])
        return True

    def _acquire(self, imports: tuple[str, ...], deadline: Deadline) -> LeanProcess:
        tenant = self.tenant
        while (process := self._reserve(imports, tenant, deadline)) is not None:
            if process.idle and _may_serve(process, tenant, imports):
                process.tenant = tenant
                return process
            # It died, spoke unasked, said what is wrong, is another's, or holds another project's
            # modules, and its slot is needed.
            self._discard(process)
        process = self._start()
        process.tenant = tenant
        return process

    def _reserve(
        self, imports: tuple[str, ...], tenant: str | None, deadline: Deadline
    ) -> LeanProcess | None:
        """Take an idle process, or reserve a slot to start one in (None).

        One that cannot serve is taken, to make room, only where no slot is free.
        """
        while True:
            with self._changed:
                self._ensure_open()
                own = [each for each in self._idle if _may_serve(each, tenant, imports)]
                if own:
                    self._room.content(self)
                    return self._take_idle(own, imports)
                if self._take_slot():
                    return None
                if self._idle:
                    self._room.content(self)
                    return self._idle.pop(0)
                self._wait(deadline)
            self._room.make_way(self)  # not under the lock, for it takes those of other pools

    def _reserve_fresh(self, deadline: Deadline) -> LeanProcess | None:
        """Reserve a slot to start a process in (None), or take an idle one that must go for it."""
        while True:
            with self._changed:
                self._ensure_open()
                if self._take_slot():
                    return None
                if self._idle:
                    victim = min(self._idle, key=lambda process: process.pins)
                    self._idle.remove(victim)
                    return victim
                self._wait(deadline)
            self._room.make_way(self)

    def _ensure_open(self) -> None:
        if self._closed:
            self._room.content(self)
            raise BackendUnavailable("the pool of Lean processes is closed")

    def _wait(self, deadline: Deadline) -> None:
        """Wait for a change, or a little where other pools have the room that is wanted."""
        if deadline.passed:
            self._room.content(self)
            raise QueueFull(f"all {self._live or self._room.size} Lean processes are busy")
        left = deadline.remaining()
        self._changed.wait(min(LOOK_S, left) if self._room.shared else left)

    def _take_idle(self, idle: list[LeanProcess], imports: tuple[str, ...]) -> LeanProcess:
        # The latest used is last; its caches are the warmest. A candidate that kills its process
        # takes the proof states there with it, so those without any go first.
        fitting = [p for p in idle if imports in p.loaded] or idle
        process = min(reversed(fitting), key=lambda process: process.pins > 0)
        self._idle.remove(process)
        return process

    def _reserve_again(self, process: LeanProcess, deadline: Deadline) -> None:
        with self._changed:
            while process not in self._idle:
                if process not in self._processes:
                    raise BackendCrashed("the Lean process is no more")
                if deadline.passed:
                    raise QueueFull("the Lean process is busy")
                self._changed.wait(deadline.remaining())
            self._idle.remove(process)
        if not process.idle:
            self._discard(process)
            raise BackendCrashed("the Lean process is no more")

    def _memory_admits(self) -> bool:
        """Whether memory is left for one process more; the first is always admitted."""
        if self._live == 0:
            return True
        # Those that start right now have not taken their share yet.
        return memory_admits((self._starting + 1) * (self._largest_mb or _UNMEASURED_MB))

    def _take_slot(self) -> bool:
        """Take a slot to start a process in, if number, memory and other pools leave one."""
        if self._live >= self._size or not self._memory_admits() or not self._room.take(self):
            return False
        self._live += 1
        self._starting += 1
        return True

    def _start_warm(self) -> None:
        process = self._start()
        healthy = False
        try:
            self._probe(process)
            healthy = True
        finally:
            self._release(process, healthy)

    def _start(self) -> LeanProcess:
        """Start a process in the slot that was reserved, outside the lock."""
        try:
            process = start_process(
                self._toolchain, self._watchdog, self._memory_mb, lambda: self._closed
            )
        except BaseException:
            with self._changed:
                self._starting -= 1
            self._free_slot()
            raise
        with self._changed:
            self._starting -= 1
            self._started += 1
            self._processes.add(process)
            closed = self._closed
        if closed:
            self._discard(process)
            raise BackendUnavailable("the pool of Lean processes is closed")
        return process

    def _release(self, process: LeanProcess, healthy: bool) -> None:
        if not healthy or not process.idle:
            self._discard(process)
            return
        memory = process.memory_mb
        worn = (
            (process.requests >= self._max_requests and not process.pins)
            or memory >= RECYCLE_AT * self._memory_mb
            or process.cpu_s >= CPU_S / 2
        )
        with self._changed:
            self._largest_mb = max(self._largest_mb, memory)
            self._recycled += worn
            self._lent_at = time.monotonic()
            gives_way = not process.pins and self._room.is_overdue(self)
            if not worn and not gives_way and not self._closed:
                self._idle.append(process)
                self._changed.notify_all()  # some wait for this one, others for any
                return
        self._discard(process)

    def _discard(self, process: LeanProcess) -> None:
        """Kill and reap ``process``, and only then give its slot away."""
        try:
            process.kill()
        finally:
            with self._changed:
                self._processes.discard(process)
                self._discarded += 1
            self._free_slot()

    def _free_slot(self) -> None:
        self._room.give(self)
        with self._changed:
            self._live -= 1
            self._changed.notify_all()


def memory_admits(megabytes: float = _UNMEASURED_MB) -> bool:
    """Whether that much memory is left, by default what a process is expected to take."""
    return bool(psutil.virtual_memory().available / MEGABYTE >= megabytes)


def _may_serve(process: LeanProcess, tenant: str | None, imports: tuple[str, ...]) -> bool:
    """Whether ``tenant`` may be lent a process, nobody's yet or its own, for an import set."""
    if tenant is not None and process.tenant not in (None, tenant):
        return False
    return all(is_library(held) or held == imports for held in process.loaded)
