"""Whatever a model writes is a verdict of its item, by every way to the service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest
from fake_checker import FakeChecker
from hurtful import HURTFUL
from hurtful_more import NEIGHBOURS
from live_api import LiveApi, live_api

from aludel import AsyncClient, CheckRequest, Client
from aludel.candidates import extract
from aludel.jobs import Item
from aludel.models import Rejected, Usage, Verdict
from aludel.settings import Settings

TEXTS = list(HURTFUL.values())
GOOD = "accept neighbour"
STATEMENT = "theorem t : True"
TOO_LARGE = {"1.2 MB", "1.2 MB of three bytes each", "one line of 900 kB"}
UNFIT = TOO_LARGE | {
    "2,100 parentheses", "balanced parentheses", "angle brackets", "10,001 lines",
    "10,001 lines of tactics", "NUL", "NUL alone", "high surrogate", "low surrogate",
    "surrogates swapped", "replacement character", "empty", "blanks", "carriage returns",
}  # fmt: skip


class _Judge(FakeChecker):
    """Accepts what says ``accept`` and rejects everything else."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        return super()._decide("accept" if word == "accept" else "reject", key, usage)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder = tmp_path_factory.mktemp("hurtful")
    with live_api(Settings(data_dir=folder, pool_size=2), lambda _: _Judge()) as opened:
        yield opened


def _asked() -> list[CheckRequest]:
    return [CheckRequest(code=text) for text in [*TEXTS, GOOD]]


def _are_verdicts(items: list[Item]) -> None:
    found = [item.verdict for item in items]
    assert all(isinstance(verdict, Rejected) for verdict in found[:-1]), items
    assert found[-1] is not None
    assert found[-1].kind == "accepted"  # the neighbour is not hurt
    reasons = [verdict.reason for verdict in found if isinstance(verdict, Rejected)]
    unfit = {n for n, reason in zip(HURTFUL, reasons, strict=True) if reason != "elaboration"}
    assert unfit == UNFIT
    assert {n for n, r in zip(HURTFUL, reasons, strict=True) if r == "too_large"} == TOO_LARGE | {
        "10,001 lines", "10,001 lines of tactics"
    }  # fmt: skip


def test_there_are_forty() -> None:
    assert len(HURTFUL) == 40


def test_through_the_client(api: LiveApi) -> None:
    with Client(api.url) as client:
        _are_verdicts(client.check_batch(_asked()))
        _are_verdicts(list(client.verify_many(_asked(), batch=7)))


def test_through_the_awaiting_client(api: LiveApi) -> None:
    async def use() -> list[Item]:
        async with AsyncClient(api.url) as client:
            return [item async for item in client.verify_many(_asked(), batch=50)]

    _are_verdicts(asyncio.run(use()))


def test_what_is_made_of_an_answer(api: LiveApi) -> None:
    asked = [CheckRequest(code=extract(text, STATEMENT), statement=STATEMENT) for text in TEXTS]
    with Client(api.url) as client:
        items = client.check_batch(asked)
    assert {item.verdict.kind for item in items if item.verdict} == {"rejected"}
    assert all(item.verdict for item in items)


def test_their_neighbours_and_what_is_made_of_them(api: LiveApi) -> None:
    asked = [CheckRequest(code=text) for text in NEIGHBOURS.values()]
    asked += [
        CheckRequest(code=extract(text, STATEMENT), statement=STATEMENT)
        for text in NEIGHBOURS.values()
    ]
    with Client(api.url) as client:
        items = client.check_batch([*asked, CheckRequest(code=GOOD)])
    assert [item.verdict and item.verdict.kind for item in items] == [
        *["rejected"] * len(asked), "accepted",
    ]  # fmt: skip


def test_over_http(api: LiveApi) -> None:
    body = json.dumps({"requests": [{"code": text} for text in [*TEXTS, GOOD]]})
    head = {"content-type": "application/json"}
    with httpx.Client(base_url=api.url, timeout=60, headers=head) as http:
        answer = http.post("/v1/checks?wait=50", content=body)
        assert answer.status_code == 200, answer.text
        _are_verdicts([Item.model_validate(item) for item in answer.json()["items"]])


def test_over_kimina_s_route(api: LiveApi) -> None:
    snippets = [{"id": str(n), "code": text} for n, text in enumerate([*TEXTS, GOOD])]
    answer = httpx.post(
        f"{api.url}/api/check",
        content=json.dumps({"snippets": snippets}),
        headers={"content-type": "application/json"},
        timeout=60,
    )
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["id"] for result in results] == [str(n) for n in range(41)]
    kinds = [result["verdict"]["kind"] for result in results]
    assert kinds == ["rejected"] * 40 + ["accepted"]
