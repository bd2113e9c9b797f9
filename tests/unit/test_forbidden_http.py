"""Forbidden constants over HTTP, with the in-process worker and a checker on fake Lean servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from aludel.api.app import create_app
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.prover import LeanProver
from aludel.settings import Settings
from aludel.store import Store
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import Parts, Runtime

STATEMENT = "theorem t : True"


@pytest.fixture
def client(tmp_path: Path, store: Store, fake_checker: LeanChecker) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path)
    messages = LocalQueue()
    parts = Parts(lambda chosen: LeanProver(fake_checker, chosen))
    runtime = Runtime.open(settings, parts, messages)
    worker = LocalWorker(runtime, messages)
    worker.start()
    with TestClient(create_app(settings, store, messages), base_url="http://127.0.0.1") as opened:
        yield opened
    worker.stop()


def checked(client: TestClient, *forbidden: str, code: str = "-- fake: accept\n") -> dict[str, Any]:
    """Return the item of one check."""
    body = {"statement": STATEMENT, "code": code, "policy": {"forbidden": forbidden}}
    answer = client.post("/v1/checks?wait=20", json=body)
    assert answer.status_code == 200, answer.text
    [item] = answer.json()["items"]
    assert isinstance(item, dict)
    return item


def test_a_proof_without_what_is_forbidden_is_accepted(client: TestClient) -> None:
    verdict = checked(client, "self")["verdict"]
    assert verdict["kind"] == "accepted"
    assert verdict["evidence"]["checks"][-1] == "forbidden_constants"
    kept = client.get(f"/v1/results/{verdict['hash']}").json()
    assert kept["request"]["policy"]["forbidden"] == ["self"]


def test_a_use_is_rejected_with_the_way_to_it(client: TestClient) -> None:
    verdict = checked(client, "True")["verdict"]
    assert (verdict["kind"], verdict["reason"]) == ("rejected", "forbidden_constant")
    assert "(t -> True)" in verdict["message"]


@pytest.mark.parametrize("code", ["-- fake: accept\n", "-- fake: reject\n", "import X\n"])
def test_a_name_that_is_none_is_bad_input_whatever_the_candidate(
    client: TestClient, code: str
) -> None:
    item = checked(client, "Truth", code=code)
    assert item["verdict"] is None
    assert item["error"]["code"] == "invalid_request"
    assert item["error"]["field"] == "policy.forbidden"
    assert "`True`" in item["error"]["fix"]


@pytest.mark.parametrize("forbidden", [[""], ["n" * 301], [f"n{i}" for i in range(257)], "self"])
def test_bounds_are_told_before_anything_is_queued(client: TestClient, forbidden: Any) -> None:
    body = {"statement": STATEMENT, "code": "x", "policy": {"forbidden": forbidden}}
    answer = client.post("/v1/checks", json=body)
    assert answer.status_code == 422
    assert answer.json()["field"].startswith("policy.forbidden")
