"""Room that pools of several projects share: never more than there is, and nobody is kept out."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aludel.deadline import Deadline
from aludel.errors import QueueFull
from aludel.lean_checker import room as room_module
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.room import Room, Rooms
from aludel.settings import Settings

MakePools = Callable[..., list[LeanPool]]


@pytest.fixture
def make_pools(fake_toolchain: Any) -> Iterator[MakePools]:
    pools: list[LeanPool] = []

    def make(count: int, size: int) -> list[LeanPool]:
        rooms, settings = Rooms(), Settings(pool_size=size)
        pools.extend(LeanPool(fake_toolchain, settings, rooms=rooms) for _ in range(count))
        return pools

    yield make
    for pool in pools:
        pool.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_module, "PATIENCE_S", 0.5)
    monkeypatch.setattr(room_module, "QUIET_S", 0.0)


def soon() -> Deadline:
    return Deadline.after(20)


def live(pools: list[LeanPool]) -> list[int]:
    return [pool.stats().live for pool in pools]


def test_an_idle_process_makes_way_for_another_projects(make_pools: MakePools) -> None:
    pools = make_pools(3, 1)
    for number, pool in enumerate(pools):
        with pool.lease(None, soon()):
            assert live(pools) == [int(each == number) for each in range(3)]


def test_what_is_used_last_stays_warm(make_pools: MakePools) -> None:
    pools = make_pools(2, 2)
    for pool in pools * 3:
        with pool.lease(None, soon()):
            pass
    assert live(pools) == [1, 1]
    assert [pool.stats().started for pool in pools] == [1, 1]


def test_warming_up_takes_what_is_free_and_asks_nobody_to_leave(make_pools: MakePools) -> None:
    first, second = make_pools(2, 2)
    first.warm_up()
    second.warm_up()
    assert live([first, second]) == [2, 0]
    with first.lease(None, soon()):
        pass
    assert live([first, second]) == [2, 0]


def test_a_busy_process_is_waited_for(make_pools: MakePools) -> None:
    first, second = make_pools(2, 1)
    with (
        first.lease(None, soon()),
        pytest.raises(QueueFull),
        second.lease(None, Deadline.after(0.3)),
    ):
        pass
    with second.lease(None, soon()):
        assert live([first, second]) == [0, 1]


def test_a_pinned_process_stays(make_pools: MakePools) -> None:
    first, second = make_pools(2, 1)
    with first.lease(None, soon()) as process:
        process.pins += 1
    with pytest.raises(QueueFull), second.lease(None, Deadline.after(0.3)):
        pass
    process.pins -= 1
    with second.lease(None, soon()):
        pass


def test_a_project_that_never_rests_keeps_no_other_out(make_pools: MakePools) -> None:
    busy, other = make_pools(2, 1)
    stop, turns = threading.Event(), [0]

    def work() -> None:
        while not stop.is_set():
            with busy.lease(None, soon()):
                turns[0] += 1
                time.sleep(0.02)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            with other.lease(None, soon()):
                assert live([busy, other]) == [0, 1]
            before = turns[0]
            deadline = time.monotonic() + 10
            while turns[0] == before and time.monotonic() < deadline:
                time.sleep(0.02)
            assert turns[0] > before  # and it gets its turn again
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class Lodger:
    def __init__(self) -> None:
        self.asked: list[float] = []

    def make_way(self, quiet_s: float) -> bool:
        self.asked.append(quiet_s)
        return True


def test_room_is_never_taken_twice() -> None:
    room, first, second = Room(2), Lodger(), Lodger()
    assert [room.take(first), room.take(first), room.take(second)] == [True, True, False]
    room.make_way(second)
    assert (first.asked, second.asked) == ([0.0], [])
    room.give(first)
    assert (room.take(second), room.taken) == (True, 2)
    room.make_way(second)  # it waits no longer
    assert first.asked == [0.0]


def test_a_closed_pool_leaves_nothing_behind(make_pools: MakePools) -> None:
    first, second = make_pools(2, 1)
    with first.lease(None, soon()):
        pass
    first.close()
    with second.lease(None, soon()):
        assert live([second]) == [1]
