"""The tools do the same with a prover in this process and on a service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_mcp import by_word
from fake_mcp_client import agents
from fake_prover import FakeProver
from hurtful import HURTFUL
from live_api import live_api
from mcp import Client as McpClient

from aludel import Client
from aludel.lean_checker.prover import LeanProver
from aludel.mcp_server import Backend, make_server
from aludel.mcp_server.local import LocalBackend
from aludel.mcp_server.service import ServiceBackend
from aludel.models import NO_TEXT, UNREADABLE
from aludel.receipts import Receipt, differences
from aludel.settings import Settings
from aludel.workers.app import lean_goals

Call = Callable[..., Any]


@pytest.fixture(scope="module", params=["in process", "on a service"])
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(place: str, prover: FakeProver, folder: Path) -> Iterator[Backend]:
    settings = Settings(data_dir=folder, cache_dir=folder, pool_size=2)
    if place == "in process":
        yield LocalBackend(prover, settings)
        return
    with live_api(settings, lambda _: prover, goals=lambda one, _: one.goals()) as api:
        backend = ServiceBackend(Client(api.url, retries=0))
        yield backend
        backend.close()


@pytest.fixture(scope="module")
def backend(place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    yield from opened(place, FakeProver(), tmp_path_factory.mktemp("mcp"))


@pytest.fixture(scope="module")
def judge(place: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    yield from opened(place, FakeProver(by_word), tmp_path_factory.mktemp("judge"))


def calls(backend: Backend, *asked: tuple[str, dict[str, Any]]) -> list[Any]:
    """Return what the tools answer, one after the other."""

    async def with_client() -> list[Any]:
        async with McpClient(make_server(backend)) as client:
            return [await client.call_tool(name, arguments) for name, arguments in asked]

    return asyncio.run(with_client())


@pytest.mark.parametrize(
    ("code", "kind", "reason"),
    [
        ("accept", "accepted", None),
        ("reject", "rejected", "elaboration"),
        ("foreign", "rejected", "parse"),
        ("undecided", "undecided", "timeout"),
        ("", "rejected", "parse"),
    ],
)
def test_verdicts(backend: Backend, code: str, kind: str, reason: str | None) -> None:
    [answer] = calls(backend, ("check", {"code": code, "statement": "theorem t : True"}))
    verdict = answer.structured_content["result"]
    assert (verdict["kind"], verdict["reason"]) == (kind, reason)


def test_errors(backend: Backend) -> None:
    invalid, unavailable, unknown = calls(
        backend,
        ("check", {"code": "invalid"}),
        ("check", {"code": "unavailable"}),
        ("goal", {"session": "nobody-s", "state": 0}),
    )
    assert invalid.is_error and unavailable.is_error and unknown.is_error
    assert "imports: unknown import 'Nope' (install it)" in invalid.content[0].text
    assert "no prover" in unavailable.content[0].text
    assert "session: there is no such session" in unknown.content[0].text


def test_a_proof_by_tactics(backend: Backend) -> None:
    async def prove() -> tuple[Any, Any, Any]:
        async with McpClient(make_server(backend)) as client:
            opened = await client.call_tool("open_goal", {"statement": "theorem t : 4"})
            first = opened.structured_content
            at = {"session": first["session"], "state": 0}
            tried = await client.call_tool("try_tactics", {**at, "tactics": ["zap", "no", "\0"]})
            shown = await client.call_tool("goal", {**at, "state": 1})
            return first, tried.structured_content, shown.structured_content

    first, tried, shown = asyncio.run(prove())
    assert first["goals"][0]["pretty"] == "⊢ 4"
    assert [step["error"] and step["error"]["code"] for step in tried["steps"]] == [
        None, "tactic", "parse",
    ]  # fmt: skip
    assert shown["finished"]
    assert shown["script"] == "theorem t : 4 := by\n  zap\n"


def test_receipts(backend: Backend) -> None:
    for code in ("accept for a receipt", "reject for a receipt"):
        [answer] = calls(backend, ("receipt", {"code": code}))
        receipt = Receipt.model_validate(answer.structured_content)
        assert differences(receipt) == []
        assert (receipt.request.code, receipt.request.tier) == (code, "replay")


def test_forty_texts_are_forty_verdicts(judge: Backend) -> None:
    # The SDK's client cannot write half a pair; test_mcp_transports does.
    texts = [NO_TEXT.sub(UNREADABLE, text) for text in HURTFUL.values()]
    answers = calls(judge, *(("check", {"code": text}) for text in [*texts, "accept"]))
    assert not any(answer.is_error for answer in answers)
    kinds = [answer.structured_content["result"]["kind"] for answer in answers]
    assert kinds == ["rejected"] * 40 + ["accepted"]


def test_a_service_has_the_tools_that_need_no_lean_here(backend: Backend, place: str) -> None:
    async def listed() -> set[str]:
        async with McpClient(make_server(backend)) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    tools, more = asyncio.run(listed()), {"search_lemmas", "mutate", "audit"}
    common = {"check", "disprove", "open_goal", "try_tactics", "goal", "receipt"}
    assert tools == (common | more if place == "in process" else common)


PROVED = "theorem swap (a b : Nat) : a + b = b + a"
OWN = "theorem own (p q : Prop) (h : p ∧ q) : q ∧ p := And.comm.mp h"


async def _asks(client: McpClient, tool: str, **arguments: Any) -> Any:
    answer = await client.call_tool(tool, arguments)
    assert not answer.is_error, (tool, answer.content)
    return answer.structured_content


async def _proves(client: McpClient) -> None:
    """Use what every backend has on the real Lean."""
    first = await _asks(client, "open_goal", statement=PROVED)
    at = {"session": first["session"], "state": first["state"]}
    tried = await _asks(client, "try_tactics", **at, tactics=["nonsense", "exact Nat.add_comm a b"])
    failed, done = tried["steps"]
    assert failed["error"]
    shown = await _asks(client, "goal", session=at["session"], state=done["state"]["state"])
    assert shown["finished"]
    asked = {"code": shown["script"], "statement": PROVED}
    verdict = (await _asks(client, "check", **asked))["result"]
    assert (verdict["kind"], len(verdict["evidence"]["kernels"])) == ("accepted", 2)
    receipt = Receipt.model_validate(await _asks(client, "receipt", **asked))
    assert differences(receipt) == []
    assert receipt.verdict.kind == "accepted"
    assert receipt.request.tier == "replay"
    denied = await _asks(client, "disprove", statement="theorem t (n : Nat) : n < 5")
    assert (denied["outcome"], denied["verdict"]["kind"]) == ("statement_false", "accepted")
    wrong = await _asks(client, "receipt", code=f"{PROVED} := by rfl")
    assert Receipt.model_validate(wrong).verdict.kind == "rejected"


async def _searches_and_mutates(client: McpClient) -> None:
    """Use what needs a Lean in this process, over imports whose index is made in seconds."""
    goal = {"text": "p q : Prop\nh : p ∧ q\n⊢ q ∧ p", "imports": ["Init.Core"]}
    found = await _asks(client, "search_lemmas", **goal, count=20, timeout_s=240)
    names = [lemma["name"] for lemma in found["lemmas"]]
    assert len(names) == 20
    assert "And.comm" in names
    made = await _asks(
        client, "mutate", statement=OWN, imports=["Init.Core"], limit=2, timeout_s=240
    )
    assert made["ended"]
    assert len(made["variants"]) == 2


def _used(server: Any, *uses: Callable[[McpClient], Any]) -> None:
    async def run() -> None:
        async with McpClient(server) as client:
            for use in uses:
                await use(client)

    asyncio.run(run())


@pytest.mark.lean
@pytest.mark.long
def test_the_real_lean_in_process(lend_lean: Callable[..., LeanProver], tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, cache_dir=tmp_path)
    backend = LocalBackend(lend_lean(settings), settings)
    _used(make_server(backend), _proves, _searches_and_mutates)


@pytest.mark.lean
@pytest.mark.long
def test_the_real_lean_on_a_service_over_http(
    lend_lean: Callable[..., LeanProver], tmp_path: Path
) -> None:
    settings = Settings(data_dir=tmp_path, pool_size=1)
    with live_api(settings, lend_lean, lean_goals) as api, agents(api.url) as address:
        _used(address, _proves)
