"""Stepwise proofs over HTTP, with the real Lean behind the API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from live_api import LiveApi, live_api

from aludel import AsyncClient, Client
from aludel.api.examples import GOAL_EXAMPLES, STEP_EXAMPLES
from aludel.errors import InvalidRequest, NotFound, SessionEnded, ToolchainMissing
from aludel.goals import GoalRequest, Stepper
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.prover import LeanProver
from aludel.lean_checker.toolchains import LeanToolchain
from aludel.models import CheckRequest, LeanContext
from aludel.settings import Settings
from aludel.store import Scope
from aludel.workers.app import lean_goals

pytestmark = [pytest.mark.lean, pytest.mark.timeout(300)]
SWAP = GoalRequest(
    context=LeanContext(imports=("Init",)), statement="theorem t (p q : Prop) : p ∧ q → q ∧ p"
)


@pytest.fixture(scope="module")
def api(
    lean_toolchain: LeanToolchain, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveApi]:
    folder: Path = tmp_path_factory.mktemp("goals")
    settings = Settings(data_dir=folder, pool_size=1)

    def prover(chosen: Settings) -> LeanProver:
        return LeanProver(LeanChecker(LeanPool(lean_toolchain, chosen), chosen), chosen)

    with live_api(settings, prover, lean_goals) as opened:
        yield opened


@pytest.fixture
def client(api: LiveApi) -> Iterator[Client]:
    with Client(api.url, retries=0) as opened:
        yield opened


def test_a_proof_is_found_step_by_step_and_judged(client: Client, api: LiveApi) -> None:
    stepper = Stepper(client.goals, SWAP)
    failed, worked = stepper.try_each(["rfl", "intro ⟨a, b⟩"])
    assert failed.error and failed.error.code == "tactic" and worked.state
    stepper.go(worked.state.state)
    assert stepper.run("exact ⟨a, b⟩").error and stepper.run("exact ⟨b, a⟩").state
    state = stepper.current
    assert state.finished and client.goals.get(state.session, state.state) == state
    script = client.goals.script(state.session, state.state)
    assert script == stepper.candidate()
    assert client.check(script).kind == "accepted"
    answer = httpx.post(
        f"{api.url}/v1/goals/{state.session}/states/{state.state}/check?wait=60", timeout=90
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["items"][0]["verdict"]["kind"] == "accepted"
    assert answer.headers["Location"].startswith("/v1/jobs/")


def test_errors_are_the_same_as_in_process(client: Client) -> None:
    goals = client.goals
    with pytest.raises(InvalidRequest) as wrong:
        goals.open(SWAP.model_copy(update={"statement": "theorem t : nothing"}))
    assert wrong.value.field == "statement"
    state = goals.open(SWAP)
    with pytest.raises(NotFound):
        goals.step(state.session, 5, ["rfl"])
    [made] = goals.step(state.session, 0, ["intro h"])
    goals.close(state.session)
    goals.close(state.session)
    assert made.state
    with pytest.raises(SessionEnded) as ended:
        goals.get(state.session, made.state.state)
    assert ended.value.fix == 'open it again with tactics=["intro h"]'
    again = goals.open(SWAP.model_copy(update={"tactics": ("intro h",)}))
    assert again.goals == made.state.goals


def test_the_documented_examples_work(api: LiveApi) -> None:
    for example in GOAL_EXAMPLES.values():
        opened = httpx.post(f"{api.url}/v1/goals", json=example["value"], timeout=60)
        assert opened.status_code == 201, opened.text
        state = opened.json()
        step = STEP_EXAMPLES["tries"]["value"]
        done = httpx.post(f"{api.url}/v1/goals/{state['session']}/steps", json=step, timeout=60)
        assert done.status_code == 200, done.text
        assert done.json()["steps"][0]["state"]["parent"] == 0
        assert httpx.delete(f"{api.url}/v1/goals/{state['session']}").status_code == 204


def test_the_awaiting_client_steps_too(api: LiveApi) -> None:
    async def prove() -> str:
        async with AsyncClient(api.url) as client:
            state = await client.goals.open(SWAP)
            [step] = await client.goals.step(state.session, 0, ["exact fun h => ⟨h.2, h.1⟩"])
            assert step.state and step.state.finished
            assert await client.goals.get(state.session, step.state.state) == step.state
            script = await client.goals.script(state.session, step.state.state)
            await client.goals.close(state.session)
            return (await client.check(script)).kind

    assert asyncio.run(prove()) == "accepted"


def test_a_service_without_a_prover_says_so(tmp_path: Path) -> None:
    with (
        live_api(Settings(data_dir=tmp_path, pool_size=1)) as api,
        Client(api.url) as client,
        pytest.raises(ToolchainMissing, match="no prover of its own"),
    ):
        client.goals.open(SWAP)


@pytest.mark.long
def test_a_long_step_of_one_key_is_nobody_elses_wait(
    lean_toolchain: LeanToolchain, tmp_path: Path
) -> None:
    """One prover process for checks; eve has her answers while ann's step goes on."""
    settings = Settings(data_dir=tmp_path, pool_size=1, require_key=True)
    honest = CheckRequest(context=SWAP.context, code="theorem t : 1 + 1 = 2 := rfl")

    def prover(chosen: Settings) -> LeanProver:
        return LeanProver(LeanChecker(LeanPool(lean_toolchain, chosen), chosen), chosen)

    def user(api: LiveApi, name: str) -> Client:
        _, key = api.store.keys.create(name, (Scope.READ, Scope.SUBMIT))
        return Client(api.url, retries=0, key=key)

    # The end of the service ends ann's step, and with it the thread.
    with ThreadPoolExecutor(1) as threads, live_api(settings, prover, lean_goals) as api:
        ann, eve = user(api, "ann"), user(api, "eve")
        assert eve.check(honest).kind == "accepted"  # which starts what checks need
        slow, mine = ann.goals.open(SWAP), eve.goals.open(SWAP)
        step = threads.submit(ann.goals.step, slow.session, slow.state, ["sleep 55000"])
        assert eve.goals.step(mine.session, 0, ["intro h"])[0].state
        assert eve.check(f"{honest.code}\n").kind == "accepted"
        assert eve.goals.step(mine.session, 0, ["intro h"])[0].state
        assert not step.done()
