"""Adapters and routes for trainers, called as the trainers call them."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fake_checker import FakeChecker
from hurtful import HURTFUL
from live_api import LiveApi, live_api
from pydantic import BaseModel

from aludel.adapters.openrlhf import make_reward_func
from aludel.adapters.verl import Score, compute_score, compute_score_sync
from aludel.client.coalescing import Coalescer
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.models import MAX_STATEMENT_BYTES, CheckRequest, Usage, Verdict
from aludel.settings import Settings

STATEMENT = "theorem t : True"
PROMPT = "<|user|>Prove it.<|assistant|>"
JSON = {"content-type": "application/json"}
HTTP = httpx.Client()  # one, for each makes its own table of certificates


class _ByProof(FakeChecker):
    """Decides by the last word, which is the proof; what it does not know, it rejects."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        last = self.calls[-1].split()[-1:]
        known = last and last[0] in ("accept", "undecided", "crash", "invalid")
        return super()._decide(last[0] if known else "reject", key, usage)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder = tmp_path_factory.mktemp("trainers")
    with live_api(Settings(data_dir=folder, pool_size=2), lambda _: _ByProof()) as opened:
        yield opened


def _jobs(api: LiveApi) -> int:
    return len(httpx.get(f"{api.url}/v1/jobs", params={"limit": 1000}).json()["jobs"])


async def _scores(url: str, answers: list[str], **kwargs: Any) -> list[Score]:
    calls = (compute_score("lean", one, STATEMENT, {}, url=url, **kwargs) for one in answers)
    return await asyncio.gather(*calls)


def test_verl_awaits_each_sample_and_gets_one_job(api: LiveApi) -> None:
    before = _jobs(api)
    answers = ["accept", "reject", "```lean\naccept\n```", "undecided"] * 8
    scores = asyncio.run(_scores(api.url, answers))
    assert _jobs(api) == before + 1
    accepted = {"score": 1.0, "acc": 1.0, "decided": 1.0, "reason": "accepted"}
    rejected = {"score": 0.0, "acc": 0.0, "decided": 1.0, "reason": "elaboration"}
    left_out = {"score": 0.0, "acc": 0.0, "decided": 0.0, "reason": "timeout"}
    assert scores == [accepted, rejected, accepted, left_out] * 8


def test_an_undecided_score_can_be_chosen(api: LiveApi) -> None:
    [score] = asyncio.run(_scores(api.url, ["undecided"], undecided=0.5))
    assert (score["score"], score["acc"], score["decided"]) == (0.5, 0.0, 0.0)


def test_verl_from_other_loops_and_threads(api: LiveApi) -> None:
    def loop(_: int) -> list[Score]:
        return asyncio.run(_scores(api.url, ["accept", "reject"]))

    def block(answer: str) -> Score:
        return compute_score_sync("lean", answer, STATEMENT, url=api.url)

    with ThreadPoolExecutor(8) as pool:
        loops = list(pool.map(loop, range(4)))
        blocked = list(pool.map(block, ["accept", "reject"] * 4))
    expected = asyncio.run(_scores(api.url, ["accept", "reject"]))
    assert loops == [expected] * 4
    assert blocked == expected * 4


def test_a_fault_is_its_own_sample_s(api: LiveApi) -> None:
    async def use() -> list[Any]:
        huge = "theorem t : " + "x" * MAX_STATEMENT_BYTES  # for which a batch is refused
        calls = [
            compute_score("lean", "accept", statement, url=api.url)
            for statement in (STATEMENT, huge, STATEMENT)
        ]
        calls += [
            compute_score("lean", one, STATEMENT, url=api.url) for one in ("crash", "invalid")
        ]
        return await asyncio.gather(*calls, return_exceptions=True)

    first, huge, third, crash, invalid = asyncio.run(use())
    assert first["score"] == third["score"] == 1.0
    assert isinstance(huge, InvalidRequest)
    assert isinstance(crash, BackendUnavailable)
    assert isinstance(invalid, InvalidRequest)


def test_who_leaves_does_not_take_the_others_along(api: LiveApi) -> None:
    checks = Coalescer(api.url, window_s=0.2)
    left, stayed = (
        checks.submit(CheckRequest(statement=STATEMENT, code=f"{STATEMENT} := {word}"))
        for word in ("reject", "accept")
    )
    left.cancel()
    assert stayed.result(20).verdict is not None
    alone = checks.submit(CheckRequest(code="theorem t : True := accept"))
    alone.cancel()
    after = checks.submit(CheckRequest(code="theorem t : True := accept")).result(20)
    assert after.verdict is not None
    assert after.verdict.kind == "accepted"


def test_a_full_batch_leaves_at_once_and_the_next_one_follows(api: LiveApi) -> None:
    checks = Coalescer(api.url, window_s=0.1, largest=3)
    before = _jobs(api)
    asked = [CheckRequest(code=f"theorem t{n} : True := accept") for n in range(7)]
    items = [future.result(20) for future in [checks.submit(one) for one in asked]]
    assert all(item.verdict and item.verdict.kind == "accepted" for item in items)
    assert _jobs(api) == before + 3


def test_verl_is_not_hurt(api: LiveApi) -> None:
    scores = asyncio.run(_scores(api.url, [*HURTFUL.values(), "accept"]))
    assert [score["score"] for score in scores] == [0.0] * 40 + [1.0]
    assert all(score["decided"] for score in scores)


def test_openrlhf_calls_a_function_in_threads(api: LiveApi) -> None:
    reward_func = make_reward_func(api.url)
    before = _jobs(api)

    async def use() -> list[Any]:
        words = ("accept", "reject", "undecided", "accept") * 4
        return await asyncio.gather(
            *(
                asyncio.to_thread(reward_func, [f"{PROMPT}{word}</s>"], [PROMPT], [STATEMENT])
                for word in words
            )
        )

    found = asyncio.run(use())
    assert [one["rewards"] for one in found] == [[1.0], [0.0], [0.0], [1.0]] * 4
    assert [one["scores"] for one in found] == [[1.0], [0.0], [0.0], [1.0]] * 4
    assert [one["extra_logs"]["undecided"] for one in found] == [[0.0], [0.0], [1.0], [0.0]] * 4
    assert _jobs(api) < before + 16


def _hurtful_rollouts() -> dict[str, list[str]]:
    texts = [*HURTFUL.values(), "accept"]
    return {
        "query": [f"{PROMPT}{text}<|end|>" for text in texts],
        "prompts": [PROMPT] * 41,
        "labels": [STATEMENT] * 41,
    }


def test_openrlhf_is_not_hurt(api: LiveApi) -> None:
    sent = _hurtful_rollouts()
    found = make_reward_func(api.url)(sent["query"], sent["prompts"], sent["labels"])
    answer = httpx.post(
        f"{api.url}/compat/openrlhf", content=json.dumps(sent), headers=JSON, timeout=60
    )
    assert answer.status_code == 200, answer.text
    expected = [0.0] * 40 + [1.0]
    assert found == answer.json()
    assert found == {
        "rewards": expected, "scores": expected, "extra_logs": {"undecided": [0.0] * 41}
    }  # fmt: skip


def _openrlhf(api: LiveApi, words: list[str], query: str = "", **params: float) -> httpx.Response:
    body = {
        "query": [f"{query or PROMPT}{word}</s>" for word in words],
        "prompts": [PROMPT] * len(words),
        "labels": [STATEMENT] * len(words),
    }
    return httpx.post(f"{api.url}/compat/openrlhf", json=body, params=params, timeout=60)


def test_openrlhf_over_http(api: LiveApi) -> None:
    found = _openrlhf(api, ["accept", "reject", "undecided"], undecided=0.25, wall_s=5)
    assert found.json() == {
        "rewards": [1.0, 0.0, 0.25],
        "scores": [1.0, 0.0, 0.0],
        "extra_logs": {"undecided": [0.0, 0.0, 1.0]},
    }


def test_a_query_without_its_prompt_is_not_decided(api: LiveApi) -> None:
    found = _openrlhf(api, ["accept"], query="```lean\naccept\n``` and another prompt: ").json()
    assert found["rewards"] == [0.0]
    assert found["extra_logs"] == {"undecided": [1.0]}


def test_what_openrlhf_cannot_be_told_is_an_error(api: LiveApi) -> None:
    assert _openrlhf(api, ["accept", "crash"]).status_code == 503  # it asks again
    wrong = _openrlhf(api, ["invalid"])
    assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:aludel:problem:invalid_request")
    uneven = {"query": ["x"], "prompts": [], "labels": ["x"]}
    assert httpx.post(f"{api.url}/compat/openrlhf", json=uneven).status_code == 422


def _gym_row(text: str, **columns: Any) -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    message = {"id": "m", "type": "message", "role": "assistant", "content": [part]}
    reasoning = {"id": "r", "type": "reasoning", "summary": [{"type": "summary_text", "text": "?"}]}
    return {
        "responses_create_params": {"input": [{"role": "user", "content": "Prove it."}]},
        "response": {"id": "resp", "output": [reasoning, message]},
        **(columns or {"statement": STATEMENT}),
    }


def _gym(api: LiveApi, row: dict[str, Any]) -> httpx.Response:
    url = f"{api.url}/compat/nemo-gym/verify"
    return HTTP.post(url, content=json.dumps(row), headers=JSON, timeout=60)


def test_nemo_gym(api: LiveApi) -> None:
    row = _gym_row("```lean\naccept\n```", statement=STATEMENT, uuid="u-1")
    found = _gym(api, row).json()
    assert found.items() >= row.items()  # as its BaseVerifyResponse holds the request
    added = {key: value for key, value in found.items() if key not in row}
    assert added == {
        "reward": 1.0, "reward_components": {"proved": 1.0}, "proved": 1.0, "undecided": 0.0,
        "reason": "accepted", "message": "",
    }  # fmt: skip
    assert _gym(api, _gym_row("reject")).json()["reward"] == 0.0


def test_nemo_gym_leaves_out_what_is_not_decided(api: LiveApi) -> None:
    found = _gym(api, _gym_row("undecided")).json()
    assert (found["reward"], found["undecided"]) == (0.0, 1.0)
    assert found["_ng_failure_class"] == "judge_failed"
    assert found["_ng_failure_judge_error"] == "timeout"


def test_nemo_gym_s_own_columns(api: LiveApi) -> None:
    columns = {"header": "import Init\nopen Nat\n", "formal_statement": f"{STATEMENT} := by"}
    assert _gym(api, _gym_row("accept", **columns)).json()["reward"] == 1.0
    for wrong in ({"name": "x"}, {"statement": "theorem \0"}, {"statement": "\ud800"}):
        assert _gym(api, _gym_row("accept", **wrong)).status_code == 422


def test_nemo_gym_is_not_hurt(api: LiveApi) -> None:
    for name, text in HURTFUL.items():
        row = _gym_row(text)
        answer = _gym(api, row)
        assert answer.status_code == 200, (name, answer.text)
        found = answer.json()
        assert (found["reward"], found["undecided"]) == (0.0, 0.0), name
        assert found["response"] == row["response"], name


@pytest.mark.parametrize(
    "output",
    [
        [],
        [{}],
        [{"type": "message", "content": "accept"}],
        [{"type": "message", "content": [1, {"type": "output_text", "text": None}]}],
        [{"type": "function_call", "arguments": "accept"}],
    ],
)
def test_a_response_without_text_proves_nothing(api: LiveApi, output: list[Any]) -> None:
    found = _gym(api, _gym_row("accept") | {"response": {"output": output}}).json()
    assert (found["reward"], found["reason"]) == (0.0, "parse")


def test_a_deep_response_is_an_answer_or_a_problem(api: LiveApi) -> None:
    for depth in (100, 800, 900, 950, 990, 5_000):
        deep = '{"a":' * depth + "1" + "}" * depth
        row = json.dumps(_gym_row("accept")).replace('"id": "resp"', f'"id": {deep}')
        url = f"{api.url}/compat/nemo-gym/verify"
        answer = httpx.post(url, content=row, headers=JSON, timeout=60)
        assert answer.status_code in (200, 400, 422), (depth, answer.text)


PAGE = (Path(__file__).parents[2] / "docs/how-to/train-with-rewards.md").read_text("utf-8")


def _block(word: str) -> str:
    blocks: list[str] = re.findall(r"```python\n(.*?)\n```\n", PAGE, re.S)
    [block] = [block for block in blocks if word in block]
    assert len([line for line in block.splitlines() if line]) <= 10
    return block


def test_the_page_s_options_for_verl(api: LiveApi) -> None:
    options = dict(re.findall(r"^\s+\+?reward\.custom_reward_function\.(\S+?)=(\S+)", PAGE, re.M))
    assert options.keys() == {"path", "name", "reward_kwargs.url"}
    module = importlib.import_module(options["path"].removeprefix("pkg://"))
    compute = getattr(module, options["name"])
    call = compute(
        data_source="lean",
        solution_str="accept",
        ground_truth=STATEMENT,
        extra_info={},
        url=api.url,
    )
    assert asyncio.run(call)["score"] == 1.0


def test_the_page_s_file_for_openrlhf(api: LiveApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALUDEL_SERVER", api.url)
    names: dict[str, Any] = {}
    exec(_block("adapters.openrlhf"), names)  # noqa: S102 - the documentation's own lines
    found = names["reward_func"]([f"{PROMPT}accept"], [PROMPT], [STATEMENT])
    assert found["rewards"] == [1.0]
    assert "http://127.0.0.1:8321/compat/openrlhf" in PAGE


class _GymRequest(BaseModel):
    """The fields that NeMo Gym's ``BaseVerifyRequest`` declares."""

    responses_create_params: dict[str, Any]
    response: dict[str, Any]


def _gym_modules() -> dict[str, ModuleType]:
    """Return stand-ins of what the page imports of NeMo Gym, which wants another Python."""

    async def request(method: str, url: str, json: Any) -> httpx.Response:
        async with httpx.AsyncClient() as client:
            answer = await client.request(method, url, json=json)
        content = answer.content

        async def read() -> bytes:
            return content

        answer.read = read  # type: ignore[method-assign, assignment]
        return answer

    async def raise_for_status(answer: httpx.Response) -> None:
        answer.raise_for_status()

    server, utils = ModuleType("base_resources_server"), ModuleType("server_utils")
    vars(server).update(BaseVerifyRequest=_GymRequest, SimpleResourcesServer=object)
    vars(utils).update(request=request, raise_for_status=raise_for_status)
    return {
        "nemo_gym": ModuleType("nemo_gym"),
        "nemo_gym.base_resources_server": server,
        "nemo_gym.server_utils": utils,
    }


def test_the_page_s_server_for_nemo_gym(api: LiveApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, module in _gym_modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    names: dict[str, Any] = {"URL": api.url}
    exec(_block("nemo_gym"), names)  # noqa: S102 - the documentation's own lines
    row = names["Row"](**_gym_row("accept", statement=STATEMENT, uuid="u-1"))
    found = json.loads(asyncio.run(names["Lean"]().verify(row)).body)
    assert (found["reward"], found["uuid"]) == (1.0, "u-1")


def test_keys_are_needed_where_they_are(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, pool_size=1, require_key=True)
    with live_api(settings, lambda _: _ByProof()) as api:
        for path, body in (
            ("/compat/openrlhf", {"query": ["x"], "prompts": [""], "labels": [STATEMENT]}),
            ("/compat/nemo-gym/verify", _gym_row("accept")),
        ):
            assert httpx.post(f"{api.url}{path}", json=body).status_code == 401
        _, secret = api.store.keys.create("trainer", max_waiting=2)
        score = asyncio.run(_scores(api.url, ["accept"], key=secret))
        assert score[0]["score"] == 1.0
        head = {"Authorization": f"Bearer {secret}"}
        three = {"query": ["x"] * 3, "prompts": [""] * 3, "labels": [STATEMENT] * 3}
        answer = httpx.post(f"{api.url}/compat/openrlhf", json=three, headers=head)
        assert answer.status_code == 429


def test_leaving_a_route_cancels_its_job(api: LiveApi) -> None:
    class _Slow(_ByProof):
        def check(self, request: CheckRequest) -> Verdict:
            self._closed.wait(8)
            return super().check(request)

    folder = api.folder / "slow"
    with live_api(Settings(data_dir=folder, pool_size=1), lambda _: _Slow()) as slow:
        with pytest.raises(httpx.ReadTimeout):
            body = {"query": ["x"] * 3, "prompts": [""] * 3, "labels": [STATEMENT] * 3}
            httpx.post(f"{slow.url}/compat/openrlhf", json=body, timeout=0.5)
        left = threading.Event()
        for _ in range(50):
            [job] = httpx.get(f"{slow.url}/v1/jobs").json()["jobs"]
            if job["state"] == "cancelled":
                left.set()
                break
            left.wait(0.1)
        assert left.is_set()
