"""A client that leaves, or whose time is over, leaves no work behind on the service."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from live_api import LiveApi, live_api

from aludel import AsyncClient, CheckRequest, Client
from aludel.jobs import Item
from aludel.settings import Settings

LONG_S = 8.0  # a check takes this long unless its job is cancelled
SOON_S = 3.0  # under a second on an idle machine


@pytest.fixture
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder = tmp_path_factory.mktemp("leaving")
    with live_api(Settings(data_dir=folder, pool_size=1)) as opened:
        yield opened


def _slow(api: LiveApi, count: int = 6) -> list[CheckRequest]:
    name = api.url[-5:]
    quick = [CheckRequest(code=f"accept {name}", metadata={"n": "quick"})]
    return quick + [CheckRequest(code=f"sleep {LONG_S} accept {name} {n}") for n in range(count)]


def _has_ended(api: LiveApi, jobs: int = 1) -> None:
    with Client(api.url) as other:
        listed = other._http.get("/v1/jobs").json()["jobs"]
    assert len(listed) >= jobs
    assert all(job["finished_at"] for job in listed), listed


def _is_cut_off(items: list[Item]) -> None:
    assert len(items) == 7
    assert items[0].verdict is not None
    assert items[0].verdict.kind == "accepted"
    assert {item.state for item in items[1:]} == {"cancelled"}
    assert [item.position for item in items] == list(range(7))


def test_a_batch_past_its_deadline(api: LiveApi) -> None:
    with Client(api.url) as client:
        begun = time.monotonic()
        items = client.check_batch(_slow(api), deadline=1.0)
    assert time.monotonic() - begun < 1.0 + SOON_S
    _is_cut_off(items)
    _has_ended(api)


def test_many_past_their_deadline(api: LiveApi) -> None:
    with Client(api.url) as client:
        begun = time.monotonic()
        found = client.verify_many(_slow(api), concurrency=1, batch=2, deadline=1.0)
        items = list(found)
    assert time.monotonic() - begun < 1.0 + SOON_S
    _is_cut_off(items)
    _has_ended(api)


def test_many_awaited_past_their_deadline(api: LiveApi) -> None:
    async def use() -> list[Item]:
        async with AsyncClient(api.url) as client:
            found = client.verify_many(_slow(api), concurrency=1, batch=2, deadline=1.0)
            return [item async for item in found]

    _is_cut_off(asyncio.run(use()))
    _has_ended(api)


def test_no_time_at_all(api: LiveApi) -> None:
    with Client(api.url) as client:
        items = client.check_batch([CheckRequest(code="accept", metadata={"a": "b"})], deadline=0)
    assert [(item.state, item.metadata) for item in items] == [("cancelled", {"a": "b"})]


def test_an_iterator_that_is_left(api: LiveApi) -> None:
    with Client(api.url) as client:
        found = client.verify_many(_slow(api), concurrency=2, batch=1)
        assert next(iter(found)).verdict is not None
        begun = time.monotonic()
        found.close()  # type: ignore[attr-defined]
        assert time.monotonic() - begun < SOON_S
    _has_ended(api, 2)


def test_a_task_that_is_cancelled(api: LiveApi) -> None:
    async def use() -> float:
        async with AsyncClient(api.url) as client:
            task = asyncio.create_task(client.check_batch(_slow(api)))
            await asyncio.sleep(1.0)
            begun = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return time.monotonic() - begun

    assert asyncio.run(use()) < SOON_S
    _has_ended(api)


@pytest.mark.parametrize("many", [False, True])
def test_an_interrupt(api: LiveApi, many: bool) -> None:
    with Client(api.url) as client:
        threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            if many:
                list(client.verify_many(_slow(api), concurrency=2, batch=2))
            else:
                client.check_batch(_slow(api))
        assert time.monotonic() - begun < 1.0 + SOON_S
    _has_ended(api)
