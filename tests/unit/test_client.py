"""The client against the API on a real socket, and against a service that has faults."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from live_api import LiveApi, live_api

import aludel
from aludel import AsyncClient, CheckRequest, Client
from aludel.client.events import EndEvent, ItemEvent
from aludel.errors import (
    AbilityMissing,
    BackendUnavailable,
    ExtraMissing,
    InvalidRequest,
    NotFound,
    QueueFull,
    QuotaExceeded,
    ToolchainMissing,
)
from aludel.settings import Settings


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder: Path = tmp_path_factory.mktemp("client")
    with live_api(Settings(data_dir=folder, pool_size=2)) as opened:
        yield opened


@pytest.fixture
def client(api: LiveApi) -> Iterator[Client]:
    with Client(api.url) as opened:
        yield opened


def _requests(count: int, word: str = "accept") -> list[CheckRequest]:
    return [CheckRequest(code=f"{word} {n}", metadata={"n": str(n)}) for n in range(count)]


def test_one_check(client: Client) -> None:
    assert client.check("accept one").kind == "accepted"
    assert client.check(CheckRequest(code="reject one")).kind == "rejected"


def test_what_the_machine_failed_at_is_raised(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.check("invalid")
    assert caught.value.field == "imports"


def test_a_batch_comes_in_order(client: Client) -> None:
    items = client.check_batch(_requests(40))
    assert [item.metadata["n"] for item in items] == [str(n) for n in range(40)]


def test_no_request_is_refused_here(client: Client) -> None:
    with pytest.raises(InvalidRequest, match="1 to 10000"):
        client.check_batch([])


def test_many_are_verified_in_order_and_taken_as_they_are_needed(client: Client) -> None:
    taken = 0

    def source() -> Iterator[CheckRequest]:
        nonlocal taken
        for request in _requests(1_000):
            taken += 1
            yield request

    found = client.verify_many(source(), concurrency=2, batch=5)
    first = [next(found) for _ in range(20)]
    assert [item.position for item in first] == list(range(20))
    assert taken <= 50
    found.close()  # type: ignore[attr-defined]


def test_many_are_all_verified(client: Client) -> None:
    told: list[int] = []
    many = client.verify_many(iter(_requests(53)), concurrency=3, batch=7, progress=told.append)
    items = list(many)
    assert told == sorted(told) and told[-1] == 53 and len(told) == 8
    assert [item.position for item in items] == list(range(53))
    assert [item.metadata["n"] for item in items] == [str(n) for n in range(53)]


def test_items_page_by_page_and_job(client: Client) -> None:
    job = client.submit(_requests(3)).job
    assert client.wait(job.id, 20).progress.accepted == 3
    assert client.job(job.id).state == "done"
    items = list(client.items(job.id))
    assert len(items) == 3
    assert items[0].verdict is not None
    assert client.result(items[0].verdict.hash).request.code == "accept 0"


def test_waiting_has_an_end(client: Client) -> None:
    job = client.submit([CheckRequest(code="sleep 2 accept waiting")]).job
    with pytest.raises(BackendUnavailable, match="in time"):
        client.wait(job.id, 0.1)


def test_an_unknown_job(client: Client) -> None:
    with pytest.raises(NotFound):
        client.job("nope")


def test_the_awaiting_client_says_the_same(api: LiveApi) -> None:
    async def use() -> None:
        async with AsyncClient(api.url) as client:
            assert (await client.check("accept two")).kind == "accepted"
            told: list[int] = []
            many = client.verify_many(_requests(23), concurrency=2, batch=4, progress=told.append)
            found = [item async for item in many]
            assert told == sorted(told) and told[-1] == 23 and len(told) == 6
            assert [item.position for item in found] == list(range(23))
            job = (await client.submit(_requests(3))).job
            assert (await client.wait(job.id)).state == "done"
            assert len([item async for item in client.items(job.id)]) == 3
            with pytest.raises(NotFound):
                await client.result("0" * 64)

    asyncio.run(use())


def test_both_clients_have_the_same_methods() -> None:
    public = [{n for n in dir(kind) if not n.startswith("_")} for kind in (Client, AsyncClient)]
    assert public[0] == public[1]
    assert aludel.Client is Client


@pytest.mark.parametrize("url", ["nowhere", "ftp://a", "http://", "http://a:b"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Client(url)
    assert caught.value.field == "url"


class _Faulty:
    """A service that answers what it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> None:
        self.answers = list(answers)
        self.seen: list[httpx.Request] = []
        self.pauses: list[float] = []
        monkeypatch.setattr(time, "sleep", self.pauses.append)
        transport = httpx.MockTransport(self._answer)
        self.http = httpx.Client(base_url="http://service", transport=transport)
        self.client = Client(http=self.http, retries=3)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, httpx.Response)
        return answer


def _problem(code: str, status: int, **headers: str) -> httpx.Response:
    body = {"type": f"urn:aludel:problem:{code}", "title": "t", "status": status, "detail": "why"}
    return httpx.Response(status, json=body, headers=headers)


_JOB = {
    "id": "j",
    "kind": "check",
    "state": "done",
    "total": 1,
    "progress": {"done": 1},
    "created_at": "2026-01-01T00:00:00Z",
    "finished_at": "2026-01-01T00:00:01Z",
}


def test_faults_that_pass_are_waited_out_with_the_same_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = _Faulty(
        monkeypatch,
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(502, text="<html>proxy</html>"),
        httpx.Response(202, json={"job": _JOB, "items": None}),
    )
    assert service.client.submit([CheckRequest(code="a")]).job.id == "j"
    assert len({request.headers["idempotency-key"] for request in service.seen}) == 1
    assert len(service.pauses) == 3
    assert service.pauses[0] < 0.3 < service.pauses[2]


def test_a_full_queue_is_given_the_time_it_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    full = _problem("queue_full", 429, **{"Retry-After": "7"})
    service = _Faulty(monkeypatch, full, httpx.Response(200, json=_JOB))
    assert service.client.job("j").state == "done"
    assert service.pauses == [7.0]


@pytest.mark.parametrize(
    ("answer", "kind", "calls"),
    [
        (_problem("invalid_request", 422), InvalidRequest, 1),
        (_problem("toolchain_missing", 503), ToolchainMissing, 1),
        (_problem("extra_missing", 503), ExtraMissing, 1),
        (_problem("ability_missing", 503), AbilityMissing, 4),
        (_problem("queue_full", 429), QueueFull, 4),
        (_problem("quota_exceeded", 429), QuotaExceeded, 4),
        (_problem("backend_unavailable", 503), BackendUnavailable, 4),
        (httpx.Response(200, text="hello"), BackendUnavailable, 1),
    ],
    ids=["wrong", "no prover", "no package", "no ability", "full", "quota", "down", "no service"],
)
def test_what_does_not_pass_is_raised(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, kind: type[Exception], calls: int
) -> None:
    service = _Faulty(monkeypatch, *[answer] * calls)
    with pytest.raises(kind):
        service.client.job("j")
    assert len(service.seen) == calls


def _event(name: str, data: Any, number: str = "") -> str:
    body = data if isinstance(data, str) else httpx.Response(200, json=data).text
    return (f"id: {number}\n" if number else "") + f"event: {name}\ndata: {body}\n\n"


def test_a_broken_stream_goes_on_after_the_last_item(monkeypatch: pytest.MonkeyPatch) -> None:
    item = {"position": 0, "state": "done"}

    def broken() -> Iterator[bytes]:
        yield (": hello\n\n" + _event("item", item, "1")).encode()
        raise httpx.ReadError("reset")

    rest = _event("item", item | {"position": 1}, "2") + _event("end", _JOB)
    service = _Faulty(
        monkeypatch,
        httpx.Response(200, json=_JOB),
        httpx.Response(200, content=broken()),
        httpx.Response(200, json=_JOB),
        httpx.Response(200, text=rest),
    )
    found = list(service.client.events("j"))
    assert [e.item.position for e in found if isinstance(e, ItemEvent)] == [0, 1]
    assert isinstance(found[-1], EndEvent)
    assert "last-event-id" not in service.seen[1].headers
    assert service.seen[3].headers["last-event-id"] == "1"


def test_a_stream_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    service = _Faulty(
        monkeypatch, httpx.Response(200, json=_JOB), httpx.Response(200, text="event: end\n\n")
    )
    with pytest.raises(BackendUnavailable, match="damaged"):
        list(service.client.events("j"))
