"""Clients that mean harm, against the real service with two keys (and without any)."""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from fake_goals import FakeGoals
from live_api import LiveApi, live_api

from aludel.settings import Settings
from aludel.store import Scope

SCOPES = (Scope.READ, Scope.SUBMIT)
MEGABYTE = 2**20


class User:
    """Somebody with a key of the service."""

    def __init__(
        self, api: LiveApi, name: str, scopes: tuple[Scope, ...] = SCOPES, **quota: Any
    ) -> None:
        _, self.key = api.store.keys.create(name, scopes, **quota)
        headers = {"Authorization": f"Bearer {self.key}"}
        self.http = httpx.Client(base_url=api.url, headers=headers, timeout=30)

    def check(self, code: str, **fields: Any) -> dict[str, Any]:
        answer = self.http.post("/v1/checks?wait=20", json={"code": code, **fields})
        assert answer.status_code == 200, answer.text
        item: dict[str, Any] = answer.json()["items"][0]
        return item


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    """A service that demands keys; each test makes its own."""
    folder = tmp_path_factory.mktemp("locked")
    settings = Settings(data_dir=folder, require_key=True, goal_sessions=6)
    with live_api(settings, goals=lambda _checker, _settings: FakeGoals()) as api:
        yield api


@pytest.fixture(scope="module")
def open_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    """A service of one machine, without keys."""
    folder = tmp_path_factory.mktemp("open")
    with live_api(Settings(data_dir=folder, allowed_hosts="lab.example")) as api:
        yield api


@pytest.fixture
def ann(locked: LiveApi) -> User:
    return User(locked, "ann")


@pytest.fixture
def eve(locked: LiveApi) -> User:
    return User(locked, "eve")


# Sessions of tactics


def opened(user: User, number: int = 4, **fields: Any) -> httpx.Response:
    return user.http.post("/v1/goals", json={"statement": f"theorem t : {number}", **fields})


def test_a_session_of_another_key_does_not_exist(ann: User, eve: User) -> None:
    session = opened(ann).json()["session"]
    state = f"/v1/goals/{session}/states/0"
    step = {"state": 0, "tactics": ["dec"]}
    for call in (
        lambda: eve.http.get(state),
        lambda: eve.http.get(f"{state}/script"),
        lambda: eve.http.post(f"{state}/check"),
        lambda: eve.http.post(f"/v1/goals/{session}/steps", json=step),
    ):
        assert call().status_code == 404
    assert eve.http.delete(f"/v1/goals/{session}").status_code == 204
    assert ann.http.get(state).status_code == 200  # it was not eve's to close
    assert ann.http.post(f"/v1/goals/{session}/steps", json=step).status_code == 200


def test_no_key_has_all_sessions(ann: User, eve: User) -> None:
    assert [opened(eve).status_code for _ in range(4)] == [201, 201, 201, 429]
    assert opened(ann).status_code == 201


def test_sessions_count_against_quotas(locked: LiveApi) -> None:
    poor = User(locked, "poor", max_waiting=1, per_minute=3)
    session = opened(poor).json()["session"]
    assert opened(poor).status_code == 429
    steps = {"state": 0, "tactics": ["dec", "half"]}
    assert poor.http.post(f"/v1/goals/{session}/steps", json=steps).status_code == 200
    assert poor.http.post(f"/v1/goals/{session}/steps", json=steps).status_code == 429


def test_how_long_a_session_is_kept_is_the_operators_choice(ann: User) -> None:
    answer = opened(ann, ttl_s=80_000)
    assert answer.status_code == 422 and answer.json()["field"] == "ttl_s"


def test_ids_of_sessions_are_in_no_log(ann: User, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="aludel.requests"):
        session = "0123456789abcdef" * 2
        ann.http.get(f"/v1/goals/{session}/states/0")
        ann.http.post(f"/v1/goals/{session}/steps", json={"state": 0, "tactics": ["dec"]})
        ann.http.post(f"/v1/goals/{session}/nowhere")
    shown = [vars(record) for record in caplog.records]
    assert any("/v1/goals" in str(record) for record in shown)
    assert not any(session in str(record) for record in shown)


# Bodies


def chunks(megabytes: int) -> Iterator[bytes]:
    yield b'{"code": "'
    for _ in range(megabytes):
        yield b"x" * MEGABYTE
    yield b'"}'


@pytest.mark.parametrize("key", [None, "aludel_000000000000_" + "x" * 43, "nonsense"])
def test_bodies_without_a_key_cost_nothing(locked: LiveApi, key: str | None) -> None:
    headers = {"content-type": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    before = psutil.Process().memory_info().rss

    def send() -> None:
        with contextlib.suppress(httpx.TransportError):  # the service hangs up
            answer = httpx.post(f"{locked.url}/v1/checks", content=chunks(30), headers=headers)
            statuses.append(answer.status_code)

    statuses: list[int] = []
    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {401}
    # The senders are in this process too, and hold a megabyte each.
    assert psutil.Process().memory_info().rss - before < 30 * MEGABYTE


def exchange(api: LiveApi, request: bytes, seconds: float = 30) -> bytes:
    host, port = api.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(request)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65_536):
                answer += part
        return answer


def test_a_keyless_body_is_answered_before_it_comes(locked: LiveApi) -> None:
    head = b"POST /v1/checks HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
    answer = exchange(locked, head)
    assert answer.startswith(b"HTTP/1.1 401")


def test_a_slow_body_ends(locked: LiveApi, ann: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aludel.api.middleware._PATIENCE_S", 0.5)
    head = (
        f"POST /v1/checks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ann.key}\r\n"
        'Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"code"'
    )
    assert exchange(locked, head.encode()).startswith(b"HTTP/1.1 408")
    assert ann.check("accept")["verdict"]["kind"] == "accepted"


# Host and Origin, where no key is needed


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1", 200),
        ("localhost", 200),
        ("LOCALHOST:99", 200),
        ("[::1]:8321", 200),
        ("lab.example", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example", 421),
        ("192.168.1.7", 421),
        ("lab.example@evil.example", 421),
        ("[", 421),
        ("", 421),
    ],
)
def test_other_names_are_misdirected(open_api: LiveApi, host: str, status: int) -> None:
    request = f"GET /v1/jobs HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = exchange(open_api, request.encode(), 30)
    assert answer.startswith(f"HTTP/1.1 {status}".encode()), answer[:200]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8321", 202),
        ("https://lab.example", 202),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1.evil.example", 403),
    ],
)
def test_pages_of_others_may_not_ask(open_api: LiveApi, origin: str, status: int) -> None:
    headers = {"Origin": origin, "content-type": "application/json"}
    answer = httpx.post(f"{open_api.url}/v1/checks", json={"code": "accept"}, headers=headers)
    assert answer.status_code == status, answer.text


# Results by hash


def test_results_are_for_those_who_asked(locked: LiveApi, ann: User, eve: User) -> None:
    digest = ann.check("accept secret")["verdict"]["hash"]
    for path in (f"/v1/results/{digest}", f"/v1/results/{digest}/receipt"):
        assert ann.http.get(path).status_code == 200
        assert eve.http.get(path).status_code == 404
        assert User(locked, "root", (*SCOPES, Scope.ADMIN)).http.get(path).status_code == 200
    eve.check("accept secret")  # who knows the candidate may ask for its verdict
    assert eve.http.get(f"/v1/results/{digest}").status_code == 200


def test_the_operator_may_open_results_to_every_key(tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path, require_key=True, results="all")) as api:
        digest = User(api, "ann").check("accept")["verdict"]["hash"]
        assert User(api, "eve").http.get(f"/v1/results/{digest}").status_code == 200


# Texts


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("(" * 2_100, "too_deep"),
        ("x\n" * 10_001, "too_large"),
        ("x" * 1_200_000, "too_large"),
        ("", "parse"),
        ("accept \0", "parse"),
        ("accept \ud800", "parse"),
        ("accept \ufffd", "parse"),
    ],
)
def test_a_degenerate_text_is_a_verdict_of_its_item(ann: User, code: str, reason: str) -> None:
    batch = {"requests": [{"code": "accept"}, {"code": code}, {"code": "reject"}]}
    answer = ann.http.post(
        "/v1/checks?wait=20",
        content=json.dumps(batch),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    verdicts = [item["verdict"] for item in answer.json()["items"]]
    assert [verdict["kind"] for verdict in verdicts] == ["accepted", "rejected", "rejected"]
    assert verdicts[1]["reason"] == reason


NO_TACTICS = ["", " \n", "dec \0", "dec \ud800", "dec \ufffd", "(" * 2_100, "x\n" * 10_001]


def test_a_degenerate_tactic_is_one_failed_step(ann: User) -> None:
    session = opened(ann).json()["session"]
    answer = ann.http.post(
        f"/v1/goals/{session}/steps",
        content=json.dumps({"state": 0, "tactics": ["dec", *NO_TACTICS, "half"]}),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 200, answer.text
    first, *failed, last = answer.json()["steps"]
    assert first["state"] and last["state"]
    assert [step["error"]["code"] for step in failed] == ["parse"] * len(NO_TACTICS)


BAD = ["a\\u0000b", "\\ud800", "x\\udc00\\ud800"]


@pytest.mark.parametrize("text", BAD)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/checks", '{"code": "accept", "metadata": {"%": "x"}}'),
        ("/v1/checks", '{"code": "accept", "metadata": {"x": "%"}}'),
        ("/v1/checks", '{"code": "accept", "toolchain": "%"}'),
        ("/v1/checks", '{"code": "accept", "context": {"options": {"%": true}}}'),
        ("/v1/checks", '{"requests": [{"code": "accept", "policy": {"allowed_axioms": ["%"]}}]}'),
        ("/v1/goals", '{"statement": "theorem t : 1", "preamble": "%"}'),
        ("/v1/goals/x/steps", '{"state": 0, "tactics": ["dec"], "%": 1}'),
        ("/v1/mutations", '{"patterns": ["%"]}'),
        ("/v1/datasets", '{"name": "d", "runs": ["%"]}'),
        ("/v1/datasets", '{"name": "d", "avoid": ["%"]}'),
        ("/api/check", '{"snippets": [{"id": "%", "code": "accept"}]}'),
        ("/v1/attempts", '{"problems": [{"name": "%", "statement": "theorem t : True"}]}'),
    ],
)
def test_texts_that_no_database_takes(ann: User, path: str, body: str, text: str) -> None:
    headers = {"content-type": "application/json"}
    answer = ann.http.post(path, content=body.replace("%", text), headers=headers)
    assert answer.status_code == 422, answer.text
    assert ann.http.get("/v1/jobs").json()["jobs"] == []


# Messages


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "/v1/checks",
            {"requests": [{"code": "x"}, {"code": "x", "bogus": 1}]},
            "requests.1.bogus",
        ),
        ("/v1/checks", {"code": "x", "polcy": {}}, "polcy"),
        ("/v1/checks", {"cod": "x"}, "cod"),
        (
            "/v1/checks",
            {"requests": [{"code": "x", "context": {"prover": "fstar", "openz": []}}]},
            "requests.0.context.openz",
        ),
        ("/v1/checks", {"code": "x", "context": {"prover": "lean", "opens": []}}, "context.opens"),
        ("/v1/attempts", {"fstar": {"definitions": [], "exampels": []}}, "fstar.exampels"),
        ("/v1/mutations", {"patterns": ["Nat.*"]}, "patterns"),
        ("/v1/goals", {"statement": "theorem t : 4", "tactic": []}, "tactic"),
    ],
)
def test_a_misspelt_key_is_named(ann: User, path: str, body: dict[str, Any], field: str) -> None:
    answer = ann.http.post(path, json=body)
    assert answer.status_code == 422 and answer.json()["field"] == field, answer.text
    assert answer.json()["detail"] == "unknown key"


# Data sets


@pytest.mark.parametrize("recipe", ["nonsense", "sft-", "variants2"])
def test_an_unknown_recipe_is_refused_at_once(ann: User, recipe: str) -> None:
    answer = ann.http.post("/v1/datasets", json={"name": "d", "recipes": [recipe]})
    assert answer.status_code == 422
    assert answer.json()["field"] == "recipes.0" and "'variants'" in answer.json()["detail"]
