"""Sessions of tactics have a process for each key: nobody waits for another key's step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from aludel.deadline import Deadline
from aludel.errors import BackendUnavailable, QueueFull
from aludel.lean_checker import key_processes
from aludel.lean_checker.key_processes import KeyProcesses
from aludel.lean_checker.pool import LeanPool
from aludel.settings import Settings


def soon() -> Deadline:
    return Deadline.after(20)


@pytest.fixture
def pool(fake_toolchain: Any) -> Iterator[LeanPool]:
    made = LeanPool(fake_toolchain, Settings(pool_size=1))
    yield made
    made.close()


@pytest.fixture
def processes(pool: LeanPool) -> Iterator[KeyProcesses]:
    made = KeyProcesses(pool)
    yield made
    made.close()


def test_who_has_no_key_shares_the_processes_of_checks(
    pool: LeanPool, processes: KeyProcesses
) -> None:
    assert processes.open("") == (pool, None)


def test_a_key_has_one_process_of_its_own(pool: LeanPool, processes: KeyProcesses) -> None:
    ann, _ = processes.open("ann")
    eve, _ = processes.open("eve")
    assert processes.open("ann") == (ann, None)
    assert len({id(one) for one in (pool, ann, eve)}) == 3 and ann.size == eve.size == 1
    with ann.lease(None, soon()), eve.lease(None, soon()), pool.lease(None, soon()):
        pass  # none waits for another


def test_the_key_that_was_silent_longest_makes_room(processes: KeyProcesses) -> None:
    ann, _ = processes.open("ann")
    processes.open("eve")
    processes.used("ann")
    _, gone = processes.open("joe")
    assert gone is not None and gone is not ann
    assert processes.open("ann") == (ann, None)
    with pytest.raises(BackendUnavailable), gone.lease(None, soon()):
        pass


def test_a_process_at_work_is_not_taken(processes: KeyProcesses) -> None:
    ann, _ = processes.open("ann")
    eve, _ = processes.open("eve")
    with ann.lease(None, soon()):
        assert processes.open("joe")[1] is eve
    joe, _ = processes.open("joe")
    with ann.lease(None, soon()), joe.lease(None, soon()), pytest.raises(QueueFull):
        processes.open("eve")


def test_without_memory_one_key_after_the_other(
    processes: KeyProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_processes, "memory_admits", lambda: False)
    ann, gone = processes.open("ann")
    assert gone is None
    assert processes.open("eve")[1] is ann


def test_closed_is_closed(processes: KeyProcesses) -> None:
    ann, _ = processes.open("ann")
    with ann.lease(None, soon()):
        pass
    processes.close()
    assert ann.stats().live == 0
    with pytest.raises(BackendUnavailable):
        processes.open("eve")
