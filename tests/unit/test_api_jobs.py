"""Cancel, retry, list, events, idempotency, keys and quotas over HTTP."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fake_checker import TOOLCHAIN, FakeChecker
from fastapi.testclient import TestClient
from live_api import LiveApi, live_api
from service_process import until

from aludel import CheckRequest, Client
from aludel.api.admission import free_bytes
from aludel.api.app import create_app
from aludel.client.events import EndEvent, ItemEvent, ProgressEvent
from aludel.errors import BackendUnavailable, Forbidden, NotFound, Unauthorized
from aludel.jobs import JobState
from aludel.models import Accepted, Evidence, Verdict
from aludel.settings import Settings
from aludel.store import Scope, Store


class _Patient(FakeChecker):
    """Decides what was undecided when it has more than a minute for it."""

    def check(self, request: CheckRequest) -> Verdict:
        verdict = super().check(request)
        if verdict.kind == "undecided" and request.budget.wall_s > 60:
            return Accepted(hash=verdict.hash, evidence=Evidence())
        return verdict


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveApi]:
    folder: Path = tmp_path_factory.mktemp("jobs")
    with live_api(Settings(data_dir=folder, pool_size=2), lambda _: FakeChecker()) as opened:
        yield opened


@pytest.fixture
def client(api: LiveApi) -> Iterator[Client]:
    with Client(api.url, retries=0) as opened:
        yield opened


class _Nowhere:
    """A queue that takes messages to nowhere."""

    def send(self, *_: Any) -> None:
        pass

    def ping(self) -> None:
        pass


def _lonely(store: Store, tmp_path: Path, **settings: Any) -> TestClient:
    """The API without a worker that would do something."""
    store.toolchains.register(TOOLCHAIN)
    return TestClient(
        create_app(Settings(data_dir=tmp_path, **settings), store, _Nowhere()),
        base_url="http://127.0.0.1",
    )


def _requests(count: int, word: str) -> list[CheckRequest]:
    return [CheckRequest(code=f"{word} {n}", metadata={"n": str(n)}) for n in range(count)]


def test_a_running_job_is_cancelled(client: Client) -> None:
    job = client.submit(_requests(50, "sleep 0.5 accept")).job
    until(lambda: client.job(job.id).progress.running, "work")
    ended = client.cancel(job.id)
    assert ended.state is JobState.CANCELLED
    assert ended.progress.cancelled == 50 - ended.progress.done
    assert client.cancel(job.id) == ended
    assert client.check("accept after that").kind == "accepted"


def test_events_tell_every_item_once_and_the_end(client: Client) -> None:
    job = client.submit(_requests(30, "sleep 0.02 accept")).job
    events = list(client.events(job.id))
    items = [event for event in events if isinstance(event, ItemEvent)]
    assert sorted(event.item.position for event in items) == list(range(30))
    assert [int(event.id) for event in items] == list(range(1, 31))
    assert any(isinstance(event, ProgressEvent) for event in events)
    assert isinstance(events[-1], EndEvent)
    assert events[-1].job.progress.accepted == 30
    resumed = [e for e in client.events(job.id, after="28") if isinstance(e, ItemEvent)]
    assert [event.id for event in resumed] == ["29", "30"]


def test_events_of_a_cancelled_job_end(client: Client) -> None:
    job = client.submit(_requests(5, "sleep 3 accept")).job
    client.cancel(job.id)
    events = list(client.events(job.id))
    assert [e.item.state for e in events if isinstance(e, ItemEvent)] == ["cancelled"] * 5


@pytest.mark.parametrize(("last", "field"), [("x", "Last-Event-ID"), ("9" * 15, "Last-Event-ID")])
def test_wrong_event_ids(store: Store, tmp_path: Path, last: str, field: str) -> None:
    app = _lonely(store, tmp_path)
    job = app.post("/v1/checks", json={"code": "x"}).json()["job"]["id"]
    answer = app.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert app.get("/v1/jobs/nope/events").status_code == 404


def test_undecided_items_are_tried_again(tmp_path: Path) -> None:
    with (
        live_api(Settings(data_dir=tmp_path), lambda _: _Patient()) as api,
        Client(api.url) as client,
    ):
        job = client.submit([*_requests(3, "undecided"), *_requests(2, "accept")], wait_s=20).job
        assert job.progress.undecided == 3
        client.retry(job.id, wall_s=600)
        ended = client.wait(job.id, 20)
        assert (ended.progress.undecided, ended.state) == (0, "done")
        assert ended.progress.accepted == 5


@pytest.mark.parametrize("body", [{}, {"budget": {}}, {"budget": {"wall_s": -1}}, {"wall_s": 5}])
def test_wrong_retries(store: Store, tmp_path: Path, body: Any) -> None:
    app = _lonely(store, tmp_path)
    job = app.post("/v1/checks", json={"code": "x"}).json()["job"]["id"]
    answer = app.post(f"/v1/jobs/{job}/retry", json=body)
    assert answer.status_code == 422
    app.post(f"/v1/jobs/{job}/cancel")
    answer = app.post(f"/v1/jobs/{job}/retry", json={"budget": {"wall_s": 5}})
    assert answer.status_code == 409


def test_jobs_in_pages(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path)
    made = [app.post("/v1/checks", json={"code": "x"}).json()["job"]["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        params: Mapping[str, Any] = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = app.get("/v1/jobs", params=params).json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[::-1]
    for wrong in ("x", "AAAA", "é", "MjAyNi0wMS0wMSAx"):
        answer = app.get("/v1/jobs", params={"cursor": wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, "cursor")
    assert app.get("/v1/jobs", params={"state": "cancelled"}).json()["jobs"] == []


def test_a_submission_sent_twice_is_one_job(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path)
    headers = {"Idempotency-Key": "abc"}
    for url, body, other in (
        ("/v1/checks", {"code": "x"}, {"code": "y"}),
        ("/v1/mutations", {"pattern": "x"}, {"pattern": "y"}),
    ):
        headers = {"Idempotency-Key": url}
        first, second = (app.post(url, json=body, headers=headers) for _ in range(2))
        assert first.json() == second.json()
        assert app.post(url, json=other, headers=headers).status_code == 409
    assert len(app.get("/v1/jobs").json()["jobs"]) == 2


def test_ids_that_are_none(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path)
    for url in ("/v1/jobs/%00", "/v1/results/%00", "/v1/jobs/%F0%9F%98%80/items"):
        assert app.get(url).status_code == 422


def test_a_key_is_needed_where_the_operator_wants_one(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path, require_key=True)
    answer = app.post("/v1/checks", json={"code": "x"})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["field"] == "Authorization"
    for open_route in ("/healthz", "/readyz", "/openapi.json"):
        assert app.get(open_route).status_code == 200
    _, reader = store.keys.create("reader", [Scope.READ])
    key, writer = store.keys.create("writer")
    headers = {"Authorization": f"Bearer {writer}"}
    job = app.post("/v1/checks", json={"code": "x"}, headers=headers).json()["job"]["id"]
    assert app.get(f"/v1/jobs/{job}", headers=headers).status_code == 200
    answer = app.post("/v1/checks?priority=5", json={"code": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "urn:aludel:problem:forbidden")
    others = {"Authorization": f"Bearer {reader}"}
    assert app.post("/v1/checks", json={"code": "x"}, headers=others).status_code == 403
    for url in (f"/v1/jobs/{job}", f"/v1/jobs/{job}/items", f"/v1/jobs/{job}/events"):
        assert app.get(url, headers=others).status_code == 404
    assert app.get("/v1/jobs", headers=others).json()["jobs"] == []
    _, admin = store.keys.create("admin", list(Scope))
    boss = {"Authorization": f"Bearer {admin}"}
    assert [j["id"] for j in app.get("/v1/jobs", headers=boss).json()["jobs"]] == [job]
    assert app.post("/v1/checks?priority=5", json={"code": "x"}, headers=boss).status_code == 202
    store.keys.revoke(key.id)
    assert app.get(f"/v1/jobs/{job}", headers=headers).status_code == 401


def test_the_client_raises_what_the_key_may_not(tmp_path: Path) -> None:
    with live_api(Settings(data_dir=tmp_path, require_key=True)) as api:
        _, reader = api.store.keys.create("reader", [Scope.READ])
        with Client(api.url, retries=0) as client, pytest.raises(Unauthorized):
            client.check("accept")
        with Client(api.url, key=reader, retries=0) as client:
            with pytest.raises(Forbidden):
                client.check("accept")
            with pytest.raises(NotFound):
                client.job("nope")


def test_keys_have_shares(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path, max_waiting=8)
    _, shown = store.keys.create("small", max_waiting=3, per_minute=4)
    headers = {"Authorization": f"Bearer {shown}"}

    def submit(count: int, **more: Any) -> Any:
        body = {"requests": [{"code": "x"}] * count}
        return app.post("/v1/checks", json=body, **more)

    assert submit(3, headers=headers).status_code == 202
    answer = submit(1, headers=headers)
    assert answer.status_code == 429
    assert answer.json()["type"] == "urn:aludel:problem:quota_exceeded"
    assert int(answer.headers["retry-after"]) >= 1
    assert submit(5).status_code == 202
    answer = submit(1)
    assert (answer.status_code, answer.json()["type"]) == (429, "urn:aludel:problem:queue_full")


def test_no_work_is_accepted_without_memory(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path, min_free_mb=2**31)
    answer = app.post("/v1/checks", json={"code": "x"})
    assert answer.status_code == 429
    assert "memory" in answer.json()["detail"]


@pytest.mark.parametrize(("limit", "within"), [("1000000", True), ("max", False)])
def test_a_container_has_what_its_limit_leaves(tmp_path: Path, limit: str, within: bool) -> None:
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("700000\n")
    (tmp_path / "memory.stat").write_text("anon 600000\ninactive_file 100000\n")
    assert (free_bytes(tmp_path) == 400_000) is within
    assert free_bytes(tmp_path / "none") > 1_000_000


def test_the_log_names_job_and_key(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = _lonely(store, tmp_path)
    key, shown = store.keys.create("lab")
    with caplog.at_level(logging.INFO):
        headers = {"Authorization": f"Bearer {shown}"}
        job = app.post("/v1/checks", json={"code": "x"}, headers=headers).json()["job"]["id"]
    [record] = [r for r in caplog.records if r.name == "aludel.requests"]
    assert (record.job, record.key) == (job, key.id)  # type: ignore[attr-defined]
    assert all(shown not in str(vars(r)) for r in caplog.records)


def test_a_stream_that_the_database_ends_is_resumed(client: Client) -> None:
    with pytest.raises((NotFound, BackendUnavailable)):
        list(client.events("nope"))


def test_metrics_tell_of_queue_verdicts_and_requests(api: LiveApi, client: Client) -> None:
    client.check("accept metrics")
    job = client.submit(_requests(40, "sleep 0.5 accept metrics")).job
    until(lambda: client.job(job.id).progress.running, "work")
    text = httpx.get(f"{api.url}/metrics").text
    client.cancel(job.id)
    figures = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if not line.startswith("#")
    }
    assert figures['aludel_items{kind="check",prover="lean",state="queued"}'] > 20
    assert figures['aludel_items{kind="check",prover="lean",state="running"}'] > 0
    assert figures['aludel_verdicts_total{kind="accepted",prover="lean",reason=""}'] >= 1
    assert figures['aludel_prover_seconds_count{prover="lean"}'] >= 1
    assert figures['aludel_http_requests_total{method="POST",status="200"}'] >= 1
    assert "sleep" not in text


def test_goals_need_a_key_too(store: Store, tmp_path: Path) -> None:
    app = _lonely(store, tmp_path, require_key=True)
    paths = app.get("/openapi.json").json()["paths"]
    open_routes = {"/healthz", "/readyz", "/health", "/metrics"}
    for path, operations in paths.items():
        for method in operations:
            url = path.replace("{id}", "x").replace("{hash}", "x").replace("{state}", "0")
            status = app.request(method, url).status_code
            assert (status == 401) == (path not in open_routes), (method, path, status)
