"""Exports over HTTP: the service's kernel against whatever is sent, by both clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from click.testing import CliRunner
from fastapi.testclient import TestClient
from kernel_world import World
from live_api import LiveApi, live_api
from service_process import until

from aludel import AsyncClient, Client
from aludel.api import kernel_runs
from aludel.api.app import create_app
from aludel.api.examples import COMPARE_EXAMPLES, EXPORT_EXAMPLE
from aludel.api.kernel_runs import KernelRuns
from aludel.cli.compare import command as compare_command
from aludel.cli.kernel import command as kernel_command
from aludel.errors import InvalidRequest
from aludel.http_models import ComparisonOutcome, KernelOutcome
from aludel.lean_kernel.environment import Constructor, Recursor, Theorem
from aludel.lean_kernel.names import name
from aludel.lean_kernel.writer import write_export
from aludel.settings import Settings
from aludel.store import Scope, Store
from aludel.workers.local import LocalQueue

META = '{"meta":{"format":{"version":"3.1.0"}}}\n'
WORKER = "aludel.lean_kernel.export_worker"
WRONG = EXPORT_EXAMPLE.replace('"type":1,"body":1', '"type":1,"body":2')


def _slow() -> str:
    """An export that takes more steps than anybody has: a loop of 10^9 rounds."""
    w = World().logic()
    boolean, nat = w.c("Bool"), w.c("Nat")
    loop = w.arrow(boolean, boolean)
    motive, stop = w.lam(nat, lambda _: loop), w.lam(boolean, lambda x: x)
    step = w.lam([nat, loop, boolean], lambda _, again, x: w.app(again, x))
    end = w.app(w.c("Nat.rec", 1), motive, stop, step, w.nat(10**9), w.c("Bool.true"))
    goal, proof = w.eq(boolean, end, w.c("Bool.false")), w.refl(boolean, w.c("Bool.true"))
    made = [n for n, c in w.env.own.items() if not isinstance(c, Constructor | Recursor)]
    w.env.own[name("slow")] = Theorem(name("slow"), (), goal, value=proof)
    return "\n".join(write_export(w.env, [*made, name("slow")]))


SLOW = _slow()
PROOF = EXPORT_EXAMPLE
AXIOM = json.dumps({"axiom": {"name": 1, "levelParams": [], "type": 4, "isUnsafe": False}})
STATED = PROOF.rsplit("\n", 2)[0] + f"\n{AXIOM}\n"
"""The theorem as an axiom: a challenge, and no solution."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    with live_api(Settings(data_dir=tmp_path_factory.mktemp("kernel"), pool_size=2)) as opened:
        yield opened


@pytest.fixture
def client(api: LiveApi) -> Iterator[Client]:
    with Client(api.url, retries=0) as opened:
        yield opened


def workers() -> list[psutil.Process]:
    """Processes of kernels that check exports, below this one."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if WORKER in " ".join(_command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def no_worker_left() -> bool:
    until(lambda: not workers(), "the end of the kernels")
    return True


# What is said of exports


def test_an_export_is_accepted(client: Client) -> None:
    found = client.kernel(PROOF)
    assert (found.verdict, found.declarations, found.axioms) == ("accepted", 1, ())
    assert client.kernel(STATED).axioms == ("same",)
    assert no_worker_left()


def test_a_theorem_is_proved_or_not(client: Client) -> None:
    found = client.compare(STATED, PROOF, ["same"])
    assert (found.verdict, [t.name for t in found.theorems]) == ("accepted", ["same"])
    back = client.compare(PROOF, STATED.encode(), ["same"], axioms=[])
    assert (back.verdict, back.rule) == ("rejected", "solution")
    assert back.fix and back.theorems[0].fix == back.fix


def test_the_awaiting_client_says_the_same(api: LiveApi) -> None:
    async def both() -> tuple[KernelOutcome, ComparisonOutcome]:
        async with AsyncClient(api.url) as client:
            return await client.kernel(PROOF), await client.compare(STATED, PROOF, ["same"])

    with Client(api.url) as client:
        expected = client.kernel(PROOF), client.compare(STATED, PROOF, ["same"])
    assert asyncio.run(both()) == expected


@pytest.mark.parametrize("server", [False, True], ids=["here", "there"])
def test_the_commands_say_the_same_here_and_there(
    api: LiveApi, tmp_path: Path, server: bool
) -> None:
    stated, proof = tmp_path / "stated.ndjson", tmp_path / "proof.ndjson"
    stated.write_text(STATED)
    proof.write_text(PROOF)
    options = ["--json", *(["--server", api.url] if server else [])]
    run = CliRunner().invoke
    checked = run(kernel_command, [str(proof), *options], standalone_mode=False)
    assert (checked.return_value, json.loads(checked.output)["verdict"]) == (0, "accepted")
    files = [str(stated), str(proof), "--theorems", "same,«no such»"]
    compared = run(compare_command, [*files, *options], standalone_mode=False)
    with Client(api.url) as client:
        expected = client.compare(STATED, PROOF, ["same", "«no such»"], steps=500_000_000)
    assert compared.return_value == 1
    assert json.loads(compared.output) == expected.model_dump(mode="json")


# What harms


HOSTILE: dict[str, tuple[bytes, str, str]] = {
    "nothing": (b"", "rejected", "export"),
    "no text": (b"\xff\xfe" * 1000, "rejected", "json"),
    "a name that is not UTF-8": (
        META.encode() + b'{"in":1,"str":{"pre":0,"str":"\xff"}}', "rejected", "text"),
    "NUL": (b"\0" * 100_000, "rejected", "json"),
    "truncated": (PROOF.encode()[:-40], "rejected", "json"),
    "the last line missing": (PROOF.rsplit("\n", 2)[0].encode(), "accepted", ""),
    "another version": (PROOF.replace("3.1.0", "2.0.0").encode(), "declined", ""),
    "nested JSON": (META.encode() + b"[" * 1_000_000, "rejected", "json"),
    "a line of megabytes": (META.encode() + b"1" * 8_000_000, "rejected", "json"),
    "a deep term": (
        (META + '{"ie":0,"sort":0}\n' + "\n".join(
            json.dumps({"ie": i, "app": {"fn": i - 1, "arg": i - 1}}) for i in range(1, 30_000)
        )).encode(), "out_of_budget", ""),
}  # fmt: skip


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_exports_are_values(client: Client, title: str) -> None:
    export, verdict, rule = HOSTILE[title]
    found = client.kernel(export)
    assert (found.verdict, found.rule) == (verdict, rule), found
    assert len(found.message) < 3_000
    assert no_worker_left()


def test_steps_are_an_answer(client: Client) -> None:
    found = client.kernel(SLOW, steps=30_000)
    assert (found.verdict, found.message) == ("out_of_budget", "slow: steps")
    compared = client.compare(SLOW, SLOW, ["slow"], steps=30_000)
    assert (compared.verdict, compared.failed) == ("out_of_budget", "challenge")
    assert "more steps" in compared.fix


def test_names_that_are_none_are_named(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.compare(PROOF, PROOF, ["same", "a..b"])
    assert caught.value.field == "theorems.1"
    with pytest.raises(InvalidRequest) as caught:
        client.compare(PROOF, b"\xff", ["same"])
    assert caught.value.field == "solution"
    assert client.compare(PROOF, PROOF, []).rule == "names"


def test_a_body_of_two_halves_of_a_pair(api: LiveApi) -> None:
    body = json.dumps({"challenge": PROOF, "solution": "\ud800", "theorems": ["same"]})
    headers = {"content-type": "application/json"}
    answer = httpx.post(f"{api.url}/v1/compare", content=body, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "solution")
    with Client(api.url) as client:
        assert client.kernel("\ud800").verdict == "rejected"


def test_a_body_that_is_too_large_starts_nothing(api: LiveApi) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(33):
            yield b" " * 2**20

    answer = httpx.post(f"{api.url}/v1/kernel", content=parts(), timeout=60)
    assert answer.status_code == 413
    assert not workers()


# Processes


def later(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_who_leaves_takes_the_process_along(api: LiveApi) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{api.url}/v1/kernel", content=SLOW, timeout=httpx.Timeout(30, read=3))
    assert no_worker_left()


def test_a_process_that_is_killed_decides_nothing(api: LiveApi) -> None:
    found: list[KernelOutcome] = []

    def ask() -> None:
        with Client(api.url, retries=0) as client:
            found.append(client.kernel(SLOW))

    asking = later(ask)
    until(lambda: any(one.cpu_times().user > 0.5 for one in workers()), "a kernel at work")
    for one in workers():
        one.kill()
    asking.join()
    assert (found[0].verdict, found[0].message) == ("out_of_budget", "its process ended")


@pytest.fixture
def limited(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., TestClient]:
    """The API with limits of its own."""

    def opened(memory_mb: int = 2_000, wall_s: float = 60.0, start_s: float = 60.0) -> TestClient:
        monkeypatch.setattr(kernel_runs, "MEMORY_MB", memory_mb)
        monkeypatch.setattr(kernel_runs, "_START_S", start_s)
        settings = Settings(data_dir=tmp_path, pool_size=2)
        app = create_app(settings, store, LocalQueue())
        kernel = KernelRuns(settings, wall_s)
        app.state.service = replace(app.state.service, kernel=kernel)
        return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    return opened


def test_time_and_memory_are_answers(limited: Callable[..., TestClient]) -> None:
    late = limited(wall_s=2.0).post("/v1/kernel", content=SLOW).json()
    assert (late["verdict"], late["message"]) == ("out_of_budget", "2 s of time")
    large = "\n".join(
        json.dumps({"in": i, "str": {"pre": 0, "str": f"{i}" * 200}}) for i in range(1, 20_000)
    )
    full = limited(memory_mb=60).post("/v1/kernel", content=META + large).json()
    assert (full["verdict"], full["message"]) == ("out_of_budget", "memory")


def test_a_machine_that_starts_nothing_is_no_answer(
    limited: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    late = limited(start_s=0.0).post("/v1/kernel", content=PROOF)
    assert (late.status_code, late.json()["title"]) == (503, "Backend unavailable")
    monkeypatch.setattr("sys.executable", "/no/such/python")
    gone = limited().post("/v1/kernel", content=PROOF)
    assert (gone.status_code, gone.json()["title"]) == (503, "Backend unavailable")
    monkeypatch.setattr("sys.executable", "/bin/false")
    silent = limited().post("/v1/kernel", content=PROOF)
    assert (silent.status_code, silent.json()["title"]) == (503, "Backend crashed")


# Keys


def test_keys_have_their_share(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, pool_size=2, require_key=True)
    with live_api(settings) as api:
        keys = api.store.keys
        scopes = (Scope.READ, Scope.SUBMIT)
        eve, ann = (keys.create(n, scopes)[1] for n in ("eve", "ann"))
        poor = keys.create("poor", scopes, per_minute=1)[1]
        reader = keys.create("reader", (Scope.READ,))[1]

        def ask(key: str, export: str = PROOF) -> httpx.Response:
            headers = {"Authorization": f"Bearer {key}"}
            return httpx.post(f"{api.url}/v1/kernel", content=export, headers=headers, timeout=60)

        assert httpx.post(f"{api.url}/v1/kernel", content=PROOF).status_code == 401
        assert httpx.post(f"{api.url}/v1/compare", content=PROOF).status_code == 401
        assert ask(reader).status_code == 403
        assert not workers()
        leaving = later(lambda: ask_and_leave(api.url, eve))
        until(lambda: len(workers()) == 1, "a kernel of eve's")
        refused = ask(eve)
        assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
        assert refused.json()["type"].endswith("quota_exceeded")
        assert ask(ann).json()["verdict"] == "accepted"
        leaving.join()
        assert [ask(poor).status_code for _ in range(2)] == [200, 429]


def ask_and_leave(url: str, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    with contextlib.suppress(httpx.ReadTimeout):
        timeout = httpx.Timeout(30, read=8)
        httpx.post(f"{url}/v1/kernel", content=SLOW, headers=headers, timeout=timeout)


def test_the_documented_example_works(api: LiveApi) -> None:
    [example] = COMPARE_EXAMPLES.values()
    answer = httpx.post(f"{api.url}/v1/compare", json=example["value"])
    assert answer.json()["verdict"] == "accepted"
    document: dict[str, Any] = httpx.get(f"{api.url}/openapi.json").json()
    assert document["paths"]["/v1/kernel"]["post"]["requestBody"]["required"]
