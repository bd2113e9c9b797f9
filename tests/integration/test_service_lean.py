"""The service with the real Lean: over HTTP in one process, and with workers that are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis_server import NEEDS_REDIS, Redis
from service_process import Service, descendants, gone, until

from aludel.lean_checker.toolchains import LeanToolchain

pytestmark = pytest.mark.lean
# Verdicts per kind of candidate; {n} makes each another one.
KINDS = {
    "accepted": "theorem t{n} (a b : Nat) : a + b + {n} = b + a + {n} := by omega",
    "rejected": "theorem t{n} (a b : Nat) : a + b = {n} := by omega",
}


@pytest.fixture
def one_process(tmp_path: Path, lean_toolchain: LeanToolchain) -> Iterator[Service]:
    started = Service(tmp_path, real=True, ALUDEL_POOL_SIZE="1", ALUDEL_BROKER_URL="memory://")
    yield started
    started.close()


def test_checks_and_mutations_over_http(one_process: Service) -> None:
    process = one_process.start("serve")
    one_process.ready()
    answer = one_process.http.post("/v1/checks", params={"wait": 60}, json=_batch(4))
    assert [item["verdict"]["kind"] for item in answer.json()["items"]] == _expected(4)
    bad = {"code": "theorem t : True := trivial", "context": {"imports": ["No.Such.Module"]}}
    [item] = one_process.http.post(
        "/v1/checks", params={"wait": 60}, json={"requests": [bad]}
    ).json()["items"]
    assert (item["state"], item["error"]["field"]) == ("failed", "imports")
    job = one_process.http.post(
        "/v1/mutations", json={"pattern": "Nat.add_*", "limit": 3, "lemmas": ["Nat.add_comm"]}
    ).json()
    ended = one_process.ended(job["id"], 120)
    assert ended["state"] == "done", ended
    variants = [item["variant"] for item in one_process.items(job["id"])]
    assert len(variants) == 3
    for variant in variants:
        result = one_process.http.get(f"/v1/results/{variant['verdict_hash']}").json()
        assert result["verdict"]["kind"] == "accepted"
        assert result["request"]["statement"] == variant["statement"]
    own = "theorem mine (a b c : Nat) (h : a + b = c) : (a + b) + 5 = c + 5 := by rw [h]"
    asked = {"statement": own, "lemmas": ["Nat.add_comm"], "filters": ["duplicate"], "limit": 2}
    of_own = one_process.http.post("/v1/mutations", json=asked).json()
    assert one_process.ended(of_own["id"], 120)["state"] == "done"
    made = [item["variant"] for item in one_process.items(of_own["id"])]
    assert made and all(variant["parents"][0] == "mine" for variant in made)
    wrong = one_process.http.post(
        "/v1/mutations", json={"statement": "theorem t : False := by simp"}
    )
    assert one_process.ended(wrong.json()["id"])["error"]["field"] == "statement"
    modules = one_process.http.post("/v1/mutations", json={"modules": ["Demo.*"]}).json()
    assert one_process.ended(modules["id"])["error"]["field"] == "modules"
    unknown = one_process.http.post("/v1/mutations", json={"pattern": "No.such.*"}).json()
    assert one_process.ended(unknown["id"])["error"]["field"] == "pattern"
    family = descendants(process.pid)
    assert len(family) > 1
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert gone(family)


@pytest.mark.usefixtures("lean_toolchain")
class TestKilledWorkers:
    """With a real Redis between the API and the worker."""

    pytestmark = NEEDS_REDIS

    @pytest.fixture
    def service(
        self, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[Service]:
        broker = Redis(tmp_path_factory.mktemp("redis"))
        broker.start()
        started = Service(
            tmp_path,
            real=True,
            ALUDEL_POOL_SIZE="1",
            ALUDEL_BROKER_URL=broker.url,
            ALUDEL_LEASE_S="2",
        )
        yield started
        started.close()
        broker.stop()

    def test_a_batch_survives_kill_9_of_its_worker(self, service: Service) -> None:
        count = 150
        service.start("serve")
        worker = service.start("worker")
        service.ready()
        answer = service.http.post("/v1/checks", json=_batch(count))
        job = answer.json()["job"]["id"]
        until(lambda: service.job(job)["progress"]["done"] >= 20, "finished items", 120)
        family = descendants(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert gone(family), "the worker left processes behind"
        kept = service.finished()
        assert 20 <= len(kept) < count
        service.start("worker")
        ended = service.ended(job, 180)
        assert ended["state"] == "done"
        items = service.items(job)
        assert [item["verdict"]["kind"] for item in items] == _expected(count)
        after = service.finished()
        assert all(after[position] == kept[position] for position in kept)
        assert service.count("items") == service.count("verdicts") == count


def _batch(count: int) -> dict[str, Any]:
    texts = list(KINDS.values())
    return {"requests": [{"code": texts[n % len(texts)].format(n=n)} for n in range(count)]}


def _expected(count: int) -> list[str]:
    return [list(KINDS)[n % len(KINDS)] for n in range(count)]
