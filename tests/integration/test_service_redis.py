"""API and workers in processes of their own, with a real Redis between them."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_server import NEEDS_REDIS, Redis
from service_process import Service, descendants, gone, until

pytestmark = NEEDS_REDIS


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def service(tmp_path: Path, broker: Redis) -> Iterator[Service]:
    started = Service(tmp_path, ALUDEL_BROKER_URL=broker.url, ALUDEL_LEASE_S="1.5")
    yield started
    started.close()


def test_a_batch_through_a_separate_worker(service: Service) -> None:
    service.start("serve")
    service.start("worker")
    service.ready()
    answer = service.http.post("/v1/checks", params={"wait": 20}, json={"code": "accept"})
    assert answer.status_code == 200
    job = service.submit(["accept 1", "reject", "undecided", "invalid"] * 20)
    progress = service.ended(job)["progress"]
    assert (progress["accepted"], progress["rejected"]) == (20, 20)
    assert (progress["undecided"], progress["failed"]) == (20, 20)
    assert sorted(set(service.calls())) == ["accept", "accept 1", "invalid", "reject", "undecided"]
    assert service.calls().count("accept 1") == 1
    mutation = service.http.post("/v1/mutations", json={"pattern": "Nat.*"}).json()["id"]
    assert service.ended(mutation)["summary"] == {"pattern": "Nat.*", "constructed": 0}


def test_a_named_project_is_served_from_a_queue_of_its_own(tmp_path: Path, broker: Redis) -> None:
    started = Service(tmp_path, ALUDEL_BROKER_URL=broker.url, ALUDEL_PROJECTS="a=/srv/a,b=/srv/b")
    try:
        started.start("serve")
        started.start("worker")
        started.ready()
        until(lambda: len(started.http.get("/v1/projects").json()) == 2, "the projects")
        requests = [
            {"context": {"project": name}, "code": f"accept {name}"} for name in ("a", None, "b")
        ]
        requests.append({"context": {"project": "c"}, "code": "accept c"})
        answer = started.http.post("/v1/checks", params={"wait": 20}, json={"requests": requests})
        assert answer.status_code == 200
        *judged, unknown = answer.json()["items"]
        assert [item["verdict"]["kind"] for item in judged] == ["accepted"] * 3
        assert "use one of: a, b" in unknown["error"]["fix"]
        assert sorted(started.calls()) == ["accept None", "accept a", "accept b"]
    finally:
        started.close()


def test_the_service_is_not_ready_before_a_worker_is(service: Service) -> None:
    service.start("serve")
    until(lambda: service.http.get("/healthz").status_code == 200, "the API")
    assert service.http.get("/readyz").status_code == 503


@pytest.mark.parametrize("whole_group", [True, False], ids=["group", "parent"])
def test_killed_workers_lose_no_result_and_double_none(service: Service, whole_group: bool) -> None:
    service.start("serve")
    worker = service.start("worker")
    service.ready()
    count = 150
    job = service.submit([f"sleep 0.04 accept {i}" for i in range(count)])
    draw = random.Random(20261123)
    kept: dict[int, tuple[str, str]] = {}
    for _ in range(2):
        goal = service.job(job)["progress"]["done"] + draw.randint(8, 25)
        until(lambda goal=goal: service.job(job)["progress"]["done"] >= goal, "progress")  # type: ignore[misc]
        family = descendants(worker.pid)
        if whole_group:
            os.killpg(worker.pid, signal.SIGKILL)
        else:
            worker.kill()
        worker.wait()
        assert gone(family)
        finished = service.finished()
        assert all(finished[position] == kept[position] for position in kept)
        kept = finished
        assert len(kept) < count
        worker = service.start("worker")
    ended = service.ended(job)
    assert (ended["state"], ended["progress"]["accepted"]) == ("done", count)
    finished = service.finished()
    assert len(finished) == count
    assert all(finished[position] == kept[position] for position in kept)
    _nothing_is_doubled(service, count)


def test_a_killed_process_of_the_pool_is_replaced(service: Service) -> None:
    service.start("serve")
    worker = service.start("worker")
    service.ready()
    job = service.submit([f"sleep 0.04 accept {i}" for i in range(60)])
    until(lambda: service.job(job)["progress"]["done"] >= 5, "progress")
    child = until(lambda: descendants(worker.pid)[1:], "the worker's process")[0]
    child.kill()
    assert service.ended(job)["progress"]["accepted"] == 60
    assert worker.poll() is None


def test_a_broker_that_loses_everything_loses_no_job(service: Service, broker: Redis) -> None:
    service.start("serve")
    service.start("worker")
    service.ready()
    broker.stop()
    job = service.submit([f"accept {i}" for i in range(40)])
    assert service.job(job)["state"] == "queued"
    assert service.http.get("/readyz").status_code == 503
    broker.start()
    assert service.ended(job)["progress"]["accepted"] == 40


def test_a_worker_that_is_told_to_stop_finishes_its_turn(service: Service) -> None:
    service.start("serve")
    worker = service.start("worker")
    service.ready()
    job = service.submit([f"sleep 0.1 accept {i}" for i in range(100)])
    until(lambda: service.job(job)["progress"]["done"] >= 5, "progress")
    family = descendants(worker.pid)
    worker.terminate()
    assert worker.wait(20) == 0
    assert gone(family)
    progress = service.job(job)["progress"]
    assert progress["running"] == 0
    assert progress["queued"] > 0
    service.start("worker")
    assert service.ended(job)["progress"]["accepted"] == 100
    assert all(item["attempts"] == 1 for item in service.items(job))


def test_killed_workers_lose_no_problem_and_record_none_twice(service: Service) -> None:
    service.start("serve")
    worker = service.start("worker")
    service.ready()
    count = 40
    problems = [{"name": f"p{n}", "statement": f"sleep 0.05 accept {n}"} for n in range(count)]
    body = {"name": "r", "problems": problems, "options": {"samples": 2}}
    job = service.http.post("/v1/attempts", json=body).json()["id"]
    draw = random.Random(20261125)
    for _ in range(2):
        goal = service.job(job)["progress"]["done"] + draw.randint(3, 8)
        until(lambda goal=goal: service.job(job)["progress"]["done"] >= goal, "progress")  # type: ignore[misc]
        family = descendants(worker.pid)
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        assert gone(family)
        worker = service.start("worker")
    ended = service.ended(job)
    assert (ended["state"], ended["progress"]["accepted"]) == ("done", count)
    assert sorted(item["problem"] for item in service.items(job)) == sorted(
        problem["name"] for problem in problems
    )
    assert all(item["outcome"]["accepted"] == 2 for item in service.items(job))
    assert service.count("attempt_outcomes") == count
    assert service.count("attempts") == service.count("verdicts") == 2 * count
    report = service.http.get("/v1/attempts/r").json()
    assert (report["run"]["done"], report["figures"]["proved"]) == (count, count)
    # Only what was under way when a worker died was asked for again.
    assert len(service.calls()) <= 2 * count + 2 * 3 * 2


def _nothing_is_doubled(service: Service, count: int) -> None:
    assert service.count("items") == count
    assert service.count("verdicts") == count
    calls = service.calls()
    assert set(calls) == {f"sleep 0.04 accept {i}" for i in range(count)}
    # Only what was under way when a worker died was asked for again.
    assert len(calls) <= count + 2 * 3
