"""The pool: never more processes than slots, none given back in doubt, none left at the end."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aludel.deadline import Deadline
from aludel.errors import BackendCrashed, BackendUnavailable, InvalidRequest, QueueFull
from aludel.lean_checker import pool as pool_module
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.lean_checker.starting import ServerToolchain
from aludel.settings import Settings

MakePool = Callable[..., LeanPool]


@pytest.fixture
def make_pool(fake_toolchain: Any) -> Iterator[MakePool]:
    pools: list[LeanPool] = []

    def make(toolchain: Any = None, **chosen: Any) -> LeanPool:
        pools.append(LeanPool(toolchain or fake_toolchain, Settings(**{"pool_size": 2, **chosen})))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()


def servers() -> set[int]:
    """Ids of the fake servers that this process has running."""
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            if "fake_lean_server.py" in " ".join(child.cmdline()):
                found.add(child.pid)
        except psutil.Error:
            continue
    return found


def ask(process: LeanProcess, action: str = "accept", seconds: float = 20) -> dict[str, Any]:
    return process.ask("check", {"code": f"-- fake: {action}"}, Deadline.after(seconds)).result


def soon() -> Deadline:
    return Deadline.after(20)


def test_nothing_starts_before_the_first_lease(make_pool: MakePool) -> None:
    make_pool()
    assert servers() == set()


def test_a_process_is_used_again(make_pool: MakePool) -> None:
    pool = make_pool()
    for _ in range(5):
        with pool.lease(None, soon()) as process:
            ask(process)
    stats = pool.stats()
    assert (stats.started, stats.live, stats.idle, stats.discarded) == (1, 1, 1, 0)


@pytest.mark.parametrize("action", ["leave 1", "wrong_id", "odd", "hang", "internal"])
def test_doubt_discards_the_process(make_pool: MakePool, action: str) -> None:
    pool = make_pool()
    with pytest.raises((BackendUnavailable, LimitReached)), pool.lease(None, soon()) as process:
        ask(process, action, seconds=0.5)
    assert servers() == set()
    assert (pool.stats().live, pool.stats().discarded) == (0, 1)


def test_an_error_of_the_callers_discards_the_process(make_pool: MakePool) -> None:
    pool = make_pool()
    with pytest.raises(ZeroDivisionError), pool.lease(None, soon()):
        raise ZeroDivisionError
    assert servers() == set()


def test_a_stream_left_early_discards_the_process(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool.lease(None, soon()) as process:
        next(iter(process.ask_stream("constants", {"count": 100_000}, soon())))
    assert servers() == set()


def test_a_refusal_keeps_the_process(make_pool: MakePool) -> None:
    pool = make_pool()
    with pytest.raises(InvalidRequest), pool.lease(None, soon()) as process:
        ask(process, "invalid imports")
    assert pool.stats().idle == 1


def test_a_process_that_died_idle_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool.lease(None, soon()) as first:
        ask(first)
    psutil.Process(first.pid).kill()
    time.sleep(0.2)
    with pool.lease(None, soon()) as second:
        ask(second)
    assert second.pid != first.pid


def test_a_process_that_spoke_unasked_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool.lease(None, soon()) as first:
        ask(first, "chatter")
    time.sleep(0.2)
    with pool.lease(None, soon()) as second:
        assert second.pid != first.pid


def test_a_process_that_knows_the_import_set_is_preferred(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool.lease(("Std",), soon()) as std, pool.lease(("Lean",), soon()) as lean:
        ask(std)
        ask(lean)
    for _ in range(3):
        with pool.lease(("Std", "Init"), soon()) as again:
            assert again.pid == std.pid
        with pool.lease(("Lean",), soon()) as again:
            assert again.pid == lean.pid


def test_a_full_pool_waits_until_the_deadline(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=1)
    with pool.lease(None, soon()):
        began = time.monotonic()
        with pytest.raises(QueueFull), pool.lease(None, Deadline.after(0.3)):
            pass
        assert 0.3 <= time.monotonic() - began < 2


def test_a_waiting_lease_gets_the_process_that_comes_back(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=1)

    def use() -> int:
        with pool.lease(None, soon()) as process:
            ask(process, "slow 0.05")
            return process.pid

    with ThreadPoolExecutor(8) as threads:
        pids = set(threads.map(lambda _: use(), range(16)))
    assert len(pids) == 1


@pytest.mark.parametrize("how", ["dies", "newer"])
def test_a_start_that_fails_gives_its_slot_back(
    make_pool: MakePool, fake_toolchain: Any, how: str
) -> None:
    toolchain = type(fake_toolchain)(env={"FAKE_START": how})
    pool = make_pool(toolchain, pool_size=1)
    for _ in range(3):
        with pytest.raises(BackendCrashed), pool.lease(None, soon()):
            pass
    assert pool.stats().live == 0
    toolchain.env.clear()
    with pool.lease(None, soon()) as process:
        ask(process)


def test_a_process_that_dies_while_it_starts_is_started_once_more(
    make_pool: MakePool, fake_toolchain: Any, tmp_path: Path
) -> None:
    marker = tmp_path / "died"
    pool = make_pool(type(fake_toolchain)(env={"FAKE_START": f"dies once:{marker}"}))
    with pool.lease(None, soon()) as process:
        assert ask(process)
    assert marker.exists()
    assert pool.stats().live == 1


def test_processes_are_recycled_after_so_many_requests(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=1, process_max_requests=3)
    pids = []
    for _ in range(9):
        with pool.lease(None, soon()) as process:
            pids.append(int(ask(process, "who")["axioms"][0]))
    assert sorted(Counter(pids).values()) == [3, 3, 3]
    assert pool.stats().recycled == 3


def test_a_process_that_grew_is_recycled_below_the_cap(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=1, process_memory_mb=256)
    with pool.lease(None, soon()) as process:
        ask(process, "swell 200")
    assert (pool.stats().recycled, pool.stats().live) == (1, 0)
    with pool.lease(None, soon()) as process:
        ask(process, "swell 50")
    assert pool.stats().recycled == 1


def test_memory_admits_processes(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = make_pool(pool_size=2)

    class NoMemory:
        available = 0

    monkeypatch.setattr(pool_module.psutil, "virtual_memory", NoMemory)
    with pool.lease(None, soon()), pytest.raises(QueueFull):
        pool.lease(None, Deadline.after(0.2)).__enter__()
    assert pool.stats().started == 1


def test_warming_up_starts_what_was_asked_for(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=3)
    pool.warm_up(2)
    assert (pool.stats().live, pool.stats().idle) == (2, 2)
    pool.warm_up()
    pool.warm_up()
    assert (pool.stats().started, pool.stats().idle) == (3, 3)


def test_warming_up_with_a_broken_server_fails(make_pool: MakePool, fake_toolchain: Any) -> None:
    pool = make_pool(type(fake_toolchain)(env={"FAKE_START": "broken"}))
    with pytest.raises(BackendCrashed, match="first theorem"):
        pool.warm_up()
    assert servers() == set() and pool.stats().live == 0


def test_closing_ends_idle_and_busy_processes(make_pool: MakePool) -> None:
    pool = make_pool()
    with pool.lease(None, soon()) as process:
        ask(process)
    busy = threading.Event()

    def use() -> str:
        try:
            with pool.lease(None, soon()) as process:
                busy.set()
                ask(process, "hang", seconds=60)
        except BackendCrashed as error:
            return error.message
        return "answered"

    with ThreadPoolExecutor(1) as threads:
        outcome = threads.submit(use)
        assert busy.wait(10)
        began = time.monotonic()
        pool.close()
        assert time.monotonic() - began < 5
        assert "stopped" in outcome.result(5)
    pool.close()
    assert servers() == set()
    with pytest.raises(BackendUnavailable, match="closed"), pool.lease(None, soon()):
        pass


def test_closing_does_not_wait_for_what_starts(make_pool: MakePool, fake_toolchain: Any) -> None:
    pool = make_pool(type(fake_toolchain)(env={"FAKE_START": "silent"}), pool_size=1)
    with ThreadPoolExecutor(1) as threads:
        starting = threads.submit(pool.warm_up)
        while not servers():
            time.sleep(0.01)
        began = time.monotonic()
        pool.close()
        assert time.monotonic() - began < 5
        with pytest.raises(BackendUnavailable, match="closed"):
            starting.result(5)
    assert servers() == set()


def test_closing_wakes_those_who_wait(make_pool: MakePool) -> None:
    pool = make_pool(pool_size=1)

    def wait() -> None:
        with pool.lease(None, soon()):
            pass

    with ThreadPoolExecutor(1) as threads:
        with pytest.raises(BackendCrashed), pool.lease(None, soon()) as process:
            waiting = threads.submit(wait)
            time.sleep(0.2)
            threading.Timer(0.2, pool.close).start()
            ask(process, "hang")
        with pytest.raises(BackendUnavailable, match="closed"):
            waiting.result(5)


ACTIONS = ["accept", "accept", "accept", "leave 1", "wrong_id", "invalid code", "slow 0.01", "hang"]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    size=st.integers(1, 3),
    actions=st.lists(st.sampled_from(ACTIONS), min_size=8, max_size=24),
    threads=st.integers(1, 6),
)
def test_slots_hold_under_any_mix(
    fake_toolchain: Any, size: int, actions: list[str], threads: int
) -> None:
    """Whatever users do at once: slots bound the processes, and every slot comes back."""
    pool = LeanPool(fake_toolchain, Settings(pool_size=size, process_max_requests=4))
    most = []

    def use(action: str) -> None:
        try:
            with pool.lease(None, soon()) as process:
                most.append(pool.stats().live)
                ask(process, action, seconds=0.2)
        except (BackendUnavailable, InvalidRequest, LimitReached):
            return

    with ThreadPoolExecutor(threads) as users:
        list(users.map(use, actions))
    stats = pool.stats()
    assert len(most) == len(actions) and max(most) <= size
    assert stats.live == stats.idle == len(servers())
    assert stats.started - stats.discarded == stats.live
    pool.close()
    assert servers() == set() and pool.stats().live == 0


def test_a_projects_import_set_has_a_process_to_itself(fake_toolchain: ServerToolchain) -> None:
    pool = LeanPool(fake_toolchain, Settings(pool_size=1))
    pids = []
    for imports in (("Lean",), ("Mathlib",), ("Mathlib", "Std"), ("Mathlib", "Std"), None):
        with pool.lease(imports, soon()) as process:
            pids.append(process.pid)
            assert import_set(imports or ()) in process.loaded
            assert process.requests == 0
    # Lean before a project is no harm; after it, everything else is
    assert pids[0] == pids[1]
    assert pids[2] == pids[3]
    assert len(set(pids)) == 3
    pool.close()


def test_importing_is_done_before_a_requests_clock_starts(
    fake_toolchain: ServerToolchain,
) -> None:
    pool = LeanPool(fake_toolchain, Settings(pool_size=1))
    with pool.fresh(soon(), ("Mathlib",)) as process:
        assert process.loaded == {("Init",), ("Init", "Mathlib")}
        process.index(("Init", "Mathlib"), soon())
        assert process.requests == 0
    pool.close()


def test_an_import_set_that_does_not_exist_costs_no_process(
    fake_toolchain: ServerToolchain,
) -> None:
    pool = LeanPool(fake_toolchain, Settings(pool_size=1))
    pids = []
    for imports in (("Bogus",), None, ("Bogus.Deep",), None):
        with pool.lease(imports, soon()) as process:
            pids.append(process.pid)
    assert len(set(pids)) == 1
    pool.close()
