"""Reward functions, called as TRL calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from fake_checker import FakeChecker
from hurtful import HURTFUL
from live_api import LiveApi, live_api

from aludel import AsyncClient, Client
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.models import Usage, Verdict
from aludel.rl import length_shaped, make_async_reward, make_reward
from aludel.settings import Settings


class _ByProof(FakeChecker):
    """Decides by the last word, which is the proof; what it does not know, it rejects."""

    def _decide(self, word: str, key: str, usage: Usage) -> Verdict:
        last = self.calls[-1].split()[-1:]
        known = last and last[0] in ("accept", "undecided", "crash", "foreign")
        return super()._decide(last[0] if known else "reject", key, usage)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder = tmp_path_factory.mktemp("rl")
    with live_api(Settings(data_dir=folder, pool_size=1), lambda _: _ByProof()) as opened:
        yield opened


def _passed(*answers: Any, column: str = "statement") -> dict[str, Any]:
    count = len(answers)
    return {
        "prompts": ["p"] * count,
        "completions": list(answers),
        "completion_ids": [[1]] * count,
        column: ["theorem t : True"] * count,
        "trainer_state": None,
    }


ANSWERS = ("accept", "reject", [{"role": "assistant", "content": "```lean\naccept\n```"}])


def test_rewards_and_metrics(api: LiveApi) -> None:
    logged: dict[str, float] = {}
    passed = _passed(*ANSWERS, "undecided")
    rewards = make_reward(api.url)(**passed, log_metric=logged.__setitem__)
    assert rewards == [1.0, 0.0, 1.0, None]
    assert logged == {"proof/accepted": 0.5, "proof/rejected": 0.25, "proof/undecided": 0.25}


def test_messages_of_any_form(api: LiveApi) -> None:
    proof = [{"type": "image"}, {"type": "text", "text": "acc"}, {"type": "text", "text": "ept"}]
    said = {"role": "assistant", "content": "accept"}
    answers: list[Any] = [
        [said, {"role": "assistant", "tool_calls": []}], [said, {"content": None}], [], [{}],
        [{"content": 7}], [{"content": [None, "accept", {"text": None}]}], [{"content": proof}],
    ]  # fmt: skip
    assert make_reward(api.url)(**_passed(*answers)) == [0.0] * 6 + [1.0]


def test_a_client_and_a_column_of_ones_own(api: LiveApi) -> None:
    with Client(api.url) as client:
        reward = make_reward(client, "goal")
        assert reward(**_passed(*ANSWERS, column="goal")) == [1.0, 0.0, 1.0]


def test_a_statement_with_an_open_end(api: LiveApi) -> None:
    passed = _passed("accept") | {"statement": ["theorem t : True := by"]}
    assert make_reward(api.url)(**passed) == [1.0]
    with Client(api.url) as client:
        [job] = client._http.get("/v1/jobs", params={"limit": 1}).json()["jobs"]
        [item] = client.items(job["id"])
        assert item.verdict is not None
        asked = client.result(item.verdict.hash).request
    assert asked.statement is not None
    assert asked.statement.strip() == "theorem t : True"


def test_awaited(api: LiveApi) -> None:
    async def use() -> list[float | None]:
        async with AsyncClient(api.url) as client:
            first = await make_async_reward(client)(**_passed(*ANSWERS))
        return first + await make_async_reward(api.url)(**_passed("undecided"))

    assert asyncio.run(use()) == [1.0, 0.0, 1.0, None]


def test_a_fault_of_the_machine_is_no_reward(api: LiveApi) -> None:
    with pytest.raises(BackendUnavailable):
        make_reward(api.url)(**_passed("accept", "crash"))


def test_what_hurts_is_worth_nothing(api: LiveApi) -> None:
    assert make_reward(api.url)(**_passed(*HURTFUL.values())) == [0.0] * 40


def test_an_unknown_import_of_its_own_is_worth_nothing(api: LiveApi) -> None:
    assert make_reward(api.url)(**_passed("foreign", "accept")) == [0.0, 1.0]
    with Client(api.url) as client:
        verdict = client.check("theorem t : True := foreign")
        recorded = client.result(verdict.hash).verdict
    assert recorded.message == verdict.message  # it is recorded, as any other


def _known(*, completions: Any, **_: Any) -> list[float | None]:
    return [{"accept": 1.0, "undecided": None}.get(one, 0.0) for one in completions]


async def _known_later(**passed: Any) -> list[float | None]:
    return _known(**passed)


def test_length_counts_where_there_is_a_reward() -> None:
    lengths = (10, 5, 20, 30, 10, 10)
    answers = ("accept", "accept", "accept", "accept", "reject", "undecided")
    passed = _passed(*answers) | {"completion_ids": [[7] * length for length in lengths]}
    expected = [1.0, 0.75, 0.5, 0.5, 0.0, None]
    assert length_shaped(_known, 10)(**passed) == expected
    assert asyncio.run(length_shaped(_known_later, 10)(**passed)) == expected
    assert length_shaped(_known, 10, weight=0.0)(**passed)[:5] == [1.0, 1.0, 1.0, 1.0, 0.0]
    state = SimpleNamespace(global_step=300)
    shrinking = length_shaped(_known, lambda step: 20 * 0.5 ** (step // 150), weight=1.0)
    assert shrinking(**passed | {"trainer_state": state})[:3] == [0.0, 1.0, 0.0]


def test_a_shape_that_does_not_fit_is_refused() -> None:
    for budget, weight in ((0, 0.5), (10, 1.5)):
        with pytest.raises(InvalidRequest):
            length_shaped(_known, budget, weight=weight)
    with pytest.raises(InvalidRequest) as caught:
        length_shaped(_known, 10)(completions=["accept"])
    assert caught.value.field == "completion_ids"


def test_no_time_is_no_decision(api: LiveApi) -> None:
    assert make_reward(api.url, deadline=0)(**_passed("accept")) == [None]
