"""Every way in which a text comes to a service, and the verdict that each way tells.

Of texts as they are: both clients, HTTP, kimina's routes, an agent's tools. Of answers to a
statement: those that take one, ``aludel verify``, and the rewards of every trainer.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from fake_mcp_client import agents, called

from aludel import AsyncClient, CheckRequest, Client
from aludel.adapters.openrlhf import make_reward_func
from aludel.adapters.verl import compute_score, compute_score_sync
from aludel.candidates import extract
from aludel.cli.main import cli
from aludel.jobs import Item
from aludel.models import Budget
from aludel.rl import make_async_reward, make_reward

STATEMENT = "theorem t : True"
WALL_S = 10.0
"""Seconds of each check: what is not decided is asked again by every way."""
PROMPT = "<|user|>Prove it.<|assistant|>"
HEAD = {"content-type": "application/json"}
Told = tuple[str, str | None]
"""Kind and reason of a verdict; the reason of an acceptance is None."""
Way = Callable[[str, Sequence[CheckRequest]], list[Told]]


def told_of(verdict: Any) -> Told:
    """Return kind and reason of a verdict's JSON."""
    return verdict["kind"], verdict.get("reason")  # kimina's routes leave out what is null


def _of_items(items: Sequence[Item]) -> list[Told]:
    assert all(item.verdict is not None for item in items), [i for i in items if not i.verdict]
    return [told_of(item.verdict.model_dump(mode="json")) for item in items if item.verdict]


def by_client(url: str, asked: Sequence[CheckRequest]) -> list[Told]:
    with Client(url) as client:
        return _of_items(list(client.verify_many(asked, batch=16)))


def by_async_client(url: str, asked: Sequence[CheckRequest]) -> list[Told]:
    async def use() -> list[Item]:
        async with AsyncClient(url) as client:
            return [item async for item in client.verify_many(asked, batch=16)]

    return _of_items(asyncio.run(use()))


def by_http(url: str, asked: Sequence[CheckRequest]) -> list[Told]:
    body = json.dumps({"requests": [_body(one) for one in asked]})
    answer = httpx.post(f"{url}/v1/checks?wait=300", content=body, headers=HEAD, timeout=400)
    assert answer.status_code == 200, answer.text
    return _of_items([Item.model_validate(item) for item in answer.json()["items"]])


def _body(request: CheckRequest) -> dict[str, Any]:
    budget = request.budget.model_dump(mode="json")
    return {"code": request.code, "statement": request.statement, "budget": budget}


def by_kimina(url: str, asked: Sequence[CheckRequest]) -> list[Told]:
    snippets = [{"id": str(n), "code": one.code} for n, one in enumerate(asked)]
    body = json.dumps({"snippets": snippets, "timeout": int(WALL_S)})
    answer = httpx.post(f"{url}/api/check", content=body, headers=HEAD, timeout=900)
    assert answer.status_code == 200, answer.text
    return [told_of(result["verdict"]) for result in answer.json()["results"]]


def by_agent(url: str, asked: Sequence[CheckRequest]) -> list[Told]:
    head = {**HEAD, "accept": "application/json, text/event-stream"}
    found = []
    with agents(url) as address, httpx.Client(timeout=300, headers=head) as http:
        for number, one in enumerate(asked):
            words = {"code": one.code, "statement": one.statement or "", "timeout_s": WALL_S}
            answer = http.post(address, content=json.dumps(called(number, "check", **words)))
            result = answer.json()["result"]
            assert not result.get("isError"), result
            found.append(told_of(result["structuredContent"]["result"]))
    return found


AS_THEY_ARE: dict[str, Way] = {
    "Client": by_client,
    "AsyncClient": by_async_client,
    "HTTP": by_http,
    "kimina": by_kimina,
    "MCP": by_agent,
}


def as_they_are(url: str, texts: Sequence[str]) -> dict[str, list[Told]]:
    """Return what every way says of texts, without a statement."""
    budget = Budget(wall_s=WALL_S)
    asked = [CheckRequest(code=text, budget=budget) for text in texts]
    return {name: way(url, asked) for name, way in AS_THEY_ARE.items()}


def as_answers(url: str, texts: Sequence[str], folder: Path) -> dict[str, list[Told]]:
    """Return what every way says of answers to ``STATEMENT``."""
    budget = Budget(wall_s=WALL_S)
    asked = [
        CheckRequest(code=extract(text, STATEMENT), statement=STATEMENT, budget=budget)
        for text in texts
    ]
    ways = {name: way(url, asked) for name, way in AS_THEY_ARE.items() if name != "kimina"}
    ways["verify"] = by_verify(texts, folder / "here")
    ways["verify --server"] = by_verify(texts, folder / "there", "--server", url)
    ways["verl"] = by_verl(url, texts)
    ways["verl, blocking"] = by_verl_blocking(url, texts)
    ways["NeMo Gym"] = by_nemo_gym(url, texts)
    return ways


def by_verify(texts: Sequence[str], folder: Path, *words: str) -> list[Told]:
    folder.mkdir(parents=True, exist_ok=True)
    problems, candidates = folder / "p.jsonl", folder / "c.jsonl"
    problems.write_text(json.dumps({"name": "t", "statement": STATEMENT}))
    candidates.write_text("".join(json.dumps({"name": "t", "code": one}) + "\n" for one in texts))
    files = [str(problems), str(candidates), "--out", str(folder / "run"), *words]
    files += ["--timeout", str(WALL_S)]
    done = CliRunner().invoke(cli, ["verify", *files], standalone_mode=False)
    assert done.return_value == 0, (done.output, done.exception)
    lines = (folder / "run/results.jsonl").read_text("utf-8").splitlines()
    return [told_of(json.loads(line)) for line in lines]


def by_verl(url: str, texts: Sequence[str]) -> list[Told]:
    async def use() -> list[Any]:
        calls = (compute_score("lean", one, STATEMENT, {}, url=url, wall_s=WALL_S) for one in texts)
        return await asyncio.gather(*calls)

    return [_of_score(one) for one in asyncio.run(use())]


def by_verl_blocking(url: str, texts: Sequence[str]) -> list[Told]:
    return [
        _of_score(compute_score_sync("lean", one, STATEMENT, url=url, wall_s=WALL_S))
        for one in texts
    ]


def _of_score(score: Any) -> Told:
    return _told(score["score"], decided=bool(score["decided"]), reason=score["reason"])


def _told(reward: float, *, decided: bool, reason: str) -> Told:
    if not decided:
        return "undecided", reason
    return ("accepted", None) if reward == 1.0 else ("rejected", reason)


def by_nemo_gym(url: str, texts: Sequence[str]) -> list[Told]:
    found = []
    with httpx.Client(base_url=url, timeout=300, headers=HEAD) as http:
        for text in texts:
            part = {"type": "output_text", "text": text, "annotations": []}
            message = {"id": "m", "type": "message", "role": "assistant", "content": [part]}
            row = {
                "responses_create_params": {"input": []},
                "response": {"id": "r", "output": [message]},
                "statement": STATEMENT,
            }
            answer = http.post(f"/compat/nemo-gym/verify?wall_s={WALL_S}", content=json.dumps(row))
            assert answer.status_code == 200, answer.text
            told = answer.json()
            found.append(
                _told(told["reward"], decided=not told["undecided"], reason=told["reason"])
            )
    return found


def rewards(url: str, texts: Sequence[str]) -> dict[str, list[float | None]]:
    """Return the rewards that tell no reason: TRL's, OpenRLHF's function and its route."""
    passed: dict[str, Any] = {"completions": list(texts), "statement": [STATEMENT] * len(texts)}
    queries = [f"{PROMPT}{text}<|end|>" for text in texts]
    sent = {"query": queries, "prompts": [PROMPT] * len(texts), "labels": passed["statement"]}
    answer = httpx.post(
        f"{url}/compat/openrlhf?wall_s={WALL_S}",
        content=json.dumps(sent),
        headers=HEAD,
        timeout=900,
    )
    assert answer.status_code == 200, answer.text
    function = make_reward_func(url, wall_s=WALL_S)(sent["query"], sent["prompts"], sent["labels"])
    return {
        "TRL": make_reward(url, wall_s=WALL_S)(**passed),
        "TRL, awaited": asyncio.run(make_async_reward(url, wall_s=WALL_S)(**passed)),
        "OpenRLHF": _with_none(function),
        "OpenRLHF's route": _with_none(answer.json()),
    }


def _with_none(told: Any) -> list[float | None]:
    pairs = zip(told["rewards"], told["extra_logs"]["undecided"], strict=True)
    return [None if undecided else reward for reward, undecided in pairs]
