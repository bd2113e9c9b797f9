"""The HTTP API, with the in-process worker and a fake prover."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from fake_checker import TOOLCHAIN, FakeChecker
from fastapi.testclient import TestClient
from postgres_server import NEEDS_POSTGRES, Postgres
from service_process import until

from aludel.api.app import MAX_BODY_BYTES, create_app
from aludel.api.examples import CHECK_EXAMPLES, MUTATION_EXAMPLES
from aludel.errors import BackendUnavailable
from aludel.http_models import MAX_BATCH
from aludel.jobs import Item, Job
from aludel.models import CheckRequest, content_hash
from aludel.receipts import differences, parse_receipt
from aludel.settings import Settings
from aludel.store import Store
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import MutationContext, Parts, Runtime


def _mutate(context: MutationContext) -> Mapping[str, Any]:
    return {"pattern": context.request.pattern}


class _Fake(FakeChecker):
    """Accepts the documented examples too."""

    def _decide(self, word: str, key: str, usage: Any) -> Any:
        return super()._decide("accept" if word == "theorem" else word, key, usage)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, pool_size=2, max_code_bytes=2_000)


@pytest.fixture
def client(settings: Settings, store: Store) -> Iterator[TestClient]:
    messages = LocalQueue()
    worker = LocalWorker(
        Runtime.open(settings, Parts(lambda _: _Fake(), _mutate), messages), messages
    )
    worker.start()
    app = create_app(settings, store, messages)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as opened:
        yield opened
    worker.stop()


class _Deaf:
    """A queue that takes messages to nowhere, or refuses them."""

    def __init__(self, down: bool = False) -> None:
        self.down = down

    def send(self, *_: Any) -> None:
        self.ping()

    def ping(self) -> None:
        if self.down:
            raise BackendUnavailable("the broker does not answer", fix="start it")


@pytest.fixture
def lonely(settings: Settings, store: Store) -> TestClient:
    """The API without a worker that would do something."""
    return TestClient(
        create_app(settings, store, _Deaf()),
        base_url="http://127.0.0.1",
        raise_server_exceptions=False,
    )


def _problem(response: Any, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["type"] == f"urn:aludel:problem:{code}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in response.text
    return body


@pytest.mark.parametrize("example", CHECK_EXAMPLES.values(), ids=CHECK_EXAMPLES.keys())
def test_the_documented_checks_work(client: TestClient, example: Any) -> None:
    response = client.post("/v1/checks", params={"wait": 20}, json=example["value"])
    assert response.status_code == 200
    assert {item["verdict"]["kind"] for item in response.json()["items"]} == {"accepted"}


@pytest.mark.parametrize("example", MUTATION_EXAMPLES.values(), ids=MUTATION_EXAMPLES.keys())
def test_the_documented_mutations_work(client: TestClient, example: Any) -> None:
    response = client.post("/v1/mutations", json=example["value"])
    assert response.status_code == 202
    job = _wait(client, response.json()["id"])
    assert job.summary == {"pattern": example["value"].get("pattern")}
    assert job.request is not None
    assert client.get(f"/v1/jobs/{job.id}/items").json() == {"items": [], "next_cursor": None}


def test_one_check_from_submission_to_result(client: TestClient) -> None:
    response = client.post("/v1/checks", json={"code": "reject", "metadata": {"a": "b"}})
    assert response.status_code == 202
    body = response.json()
    assert body["items"] is None
    assert response.headers["location"] == f"/v1/jobs/{body['job']['id']}"
    _wait(client, body["job"]["id"])
    page = client.get(response.headers["location"] + "/items").json()
    [item] = [Item.model_validate(entry) for entry in page["items"]]
    assert item.metadata == {"a": "b"}
    assert item.verdict is not None
    assert item.verdict.kind == "rejected"
    key = content_hash(TOOLCHAIN.digest, CheckRequest(code="reject"))
    result = client.get(f"/v1/results/{key}").json()
    assert result["hash"] == item.verdict.hash == key
    assert result["request"]["code"] == "reject"
    assert result["toolchain_digest"] == TOOLCHAIN.digest
    receipt = parse_receipt(client.get(f"/v1/results/{key}/receipt").text, "answer")
    assert differences(receipt) == [] and receipt.verdict.hash == key
    assert receipt.toolchain == TOOLCHAIN
    assert client.get(f"/v1/results/{'0' * 64}/receipt").status_code == 404


def test_a_batch_answers_in_order(client: TestClient) -> None:
    codes = ["accept", "reject", "undecided", "invalid", "accept"]
    response = client.post(
        "/v1/checks",
        params={"wait": 20},
        json={"requests": [{"code": code, "metadata": {"code": code}} for code in codes]},
    )
    body = response.json()
    assert response.status_code == 200
    assert [item["metadata"]["code"] for item in body["items"]] == codes
    kinds = [item["verdict"] and item["verdict"]["kind"] for item in body["items"]]
    assert kinds == ["accepted", "rejected", "undecided", None, "accepted"]
    assert body["items"][3]["error"]["field"] == "imports"
    assert body["job"]["progress"]["accepted"] == 2


def test_a_wait_that_ends_first(client: TestClient) -> None:
    response = client.post("/v1/checks", params={"wait": 0.05}, json={"code": "sleep 2 accept"})
    assert response.status_code == 202
    assert response.json()["items"] is None
    _wait(client, response.json()["job"]["id"])


def test_items_in_pages(client: TestClient) -> None:
    requests = [{"code": f"accept {i}"} for i in range(7)]
    submitted = client.post("/v1/checks", params={"wait": 20}, json={"requests": requests})
    url = f"/v1/jobs/{submitted.json()['job']['id']}/items"
    seen, cursor, pages = [], None, 0
    while True:
        params = {"limit": 3} if cursor is None else {"limit": 3, "cursor": cursor}
        page = client.get(url, params=params).json()
        seen += [item["position"] for item in page["items"]]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert (seen, pages) == (list(range(7)), 3)


def test_toolchains_health_and_readiness(client: TestClient) -> None:
    [entry] = client.get("/v1/toolchains").json()
    assert entry["toolchain"]["digest"] == TOOLCHAIN.digest
    assert client.get("/healthz").json()["status"] == "ok"
    until(lambda: client.get("/readyz").status_code == 200, "a warm prover")
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json() == {"status": "ready", "toolchains": ["lean-fake"]}


def test_a_service_without_worker_says_so(lonely: TestClient, store: Store) -> None:
    assert lonely.get("/healthz").status_code == 200
    assert lonely.get("/v1/toolchains").json() == []
    body = _problem(lonely.get("/readyz"), 503, "backend_unavailable")
    assert "no worker has registered yet" in body["detail"]
    for url, request in (("/v1/checks", {"code": "x"}), ("/v1/mutations", {"pattern": "x"})):
        body = _problem(lonely.post(url, json=request), 503, "toolchain_missing")
        assert "aludel worker" in body["fix"]


def test_a_worker_that_went_away_is_missed(
    lonely: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    store.toolchains.register(TOOLCHAIN)
    assert lonely.get("/readyz").status_code == 200
    monkeypatch.setattr("aludel.api.system._PRESENT", timedelta(0))
    body = _problem(lonely.get("/readyz"), 503, "backend_unavailable")
    assert "no worker seen since" in body["detail"]


@pytest.mark.postgres
@NEEDS_POSTGRES[1]
@pytest.mark.parametrize("route", ["/readyz", "/metrics", "/v1/jobs"])
def test_a_database_out_of_reach_is_told(
    postgres: Postgres, postgres_template: str, route: str
) -> None:
    settings = Settings(database_url=postgres.create(postgres_template))
    with Store.open(settings) as store:
        store.toolchains.register(TOOLCHAIN)
        app = TestClient(
            create_app(settings, store, _Deaf()),
            base_url="http://127.0.0.1",
            raise_server_exceptions=False,
        )
        assert app.get(route).status_code == 200
        postgres.drop(settings.database_url)
        _problem(app.get(route), 503, "store_error")
        assert app.get("/healthz").status_code == 200


def test_a_broker_out_of_reach_loses_no_job(settings: Settings, store: Store) -> None:
    store.toolchains.register(TOOLCHAIN)
    app = TestClient(create_app(settings, store, _Deaf(down=True)), base_url="http://127.0.0.1")
    response = app.post("/v1/checks", json={"code": "accept"})
    assert response.status_code == 202
    assert [s.job_id for s in store.items.sweep(3_600)] == [response.json()["job"]["id"]]
    _problem(app.get("/readyz"), 503, "backend_unavailable")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "code"),
        ({"code": 5}, "code"),
        ({"code": "x", "budget": {"wall_s": -1}}, "budget.wall_s"),
        ({"code": "x", "budget": {"wall_s": 1e9}}, "budget.wall_s"),
        ({"code": "x", "unknown": 1}, "unknown"),
        ({"code": "x", "context": {"prover": "coq"}}, "context"),
        ({"code": "x", "context": {"prover": "lean", "imports": "Init"}}, "context.imports"),
        ({"code": "x", "toolchain": "lean-other"}, "toolchain"),
        ({"requests": []}, "requests"),
        ({"requests": [{"code": "x"}, {"code": None}]}, "requests.1.code"),
        ({"requests": [{"code": "x"}, {"code": "x", "toolchain": "t"}]}, "requests.1.toolchain"),
        ({"requests": [{"code": "x"}] * (MAX_BATCH + 1)}, "requests"),
        ([], "body"),
        ("text", "body"),
        (None, "body"),
    ],
)
def test_wrong_checks_name_the_field(client: TestClient, body: Any, field: str) -> None:
    assert _problem(client.post("/v1/checks", json=body), 422, "invalid_request")["field"] == field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "pattern"),
        ({"pattern": ""}, "pattern"),
        ({"pattern": "Nat.*", "limit": 0}, "limit"),
        ({"pattern": "Nat.*", "lemmas": "Nat.add_comm"}, "lemmas"),
        ({"pattern": "Nat.*", "rules": ["simp"]}, "rules.0"),
        ({"pattern": "Nat.*", "filters": ["nice"]}, "filters.0"),
        ({"pattern": "Nat.*", "rounds": 11}, "rounds"),
        ({"pattern": "Nat.*", "shard": [5, 4]}, "shard"),
        ({"statement": "theorem t : True := trivial", "max_attempts": 0}, "max_attempts"),
        ({"modules": ["Demo.*"], "screen_budget": 0}, "screen_budget"),
    ],
)
def test_wrong_mutations_name_the_field(client: TestClient, body: Any, field: str) -> None:
    response = client.post("/v1/mutations", json=body)
    assert _problem(response, 422, "invalid_request")["field"] == field


@pytest.mark.parametrize(
    ("query", "field"), [("wait=-1", "wait"), ("wait=nan", "wait"), ("wait=1e9", "wait")]
)
def test_wrong_waits(client: TestClient, query: str, field: str) -> None:
    response = client.post(f"/v1/checks?{query}", json={"code": "accept"})
    assert _problem(response, 422, "invalid_request")["field"] == field


@pytest.mark.parametrize("query", ["cursor=x", "cursor=-1", f"cursor={10**30}", "limit=0"])
def test_wrong_cursors(client: TestClient, query: str) -> None:
    job = client.post("/v1/checks", json={"code": "accept"}).json()["job"]["id"]
    response = client.get(f"/v1/jobs/{job}/items?{query}")
    assert _problem(response, 422, "invalid_request")["field"] == query.split("=")[0]


@pytest.mark.parametrize("body", [b'{"code', b"\xff\xfe", b'{"code": "\xff"}', b"\x00"])
def test_bodies_that_are_not_json(client: TestClient, body: bytes) -> None:
    response = client.post("/v1/checks", content=body, headers={"content-type": "application/json"})
    assert _problem(response, 400, "invalid_request")["field"] == "body"


@pytest.mark.parametrize("text", [b"\\ud800", b"\\u0000", b"a\\udfff"])
@pytest.mark.parametrize(
    "form", ['{"code": "accept", "%s": 1}', '{"code": "accept", "statement": "%s"}']
)
def test_text_that_no_database_takes(client: TestClient, form: str, text: bytes) -> None:
    content = form.encode().replace(b"%s", text)
    response = client.post(
        "/v1/checks", content=content, headers={"content-type": "application/json"}
    )
    assert _problem(response, 422, "invalid_request")["field"] in ("body", "statement")


def test_a_candidate_that_is_no_text_is_an_item_like_others(client: TestClient) -> None:
    content = b'{"code": "accept \\ud800 \\u0000"}'
    response = client.post(
        "/v1/checks", content=content, headers={"content-type": "application/json"}
    )
    assert response.status_code == 202, response.text


@pytest.mark.parametrize("url", ["/v1/jobs/nope", "/v1/jobs/nope/items", "/v1/results/nope"])
def test_what_is_not_there(client: TestClient, url: str) -> None:
    assert _problem(client.get(url), 404, "not_found")["field"] in ("id", "hash")


def test_unknown_paths_and_methods(client: TestClient) -> None:
    _problem(client.get("/nope"), 404, "not_found")
    response = client.delete("/v1/checks")
    _problem(response, 405, "method_not_allowed")
    assert response.headers["allow"] == "POST"


def test_a_candidate_that_is_too_long(client: TestClient) -> None:
    """Its verdict says so (tests/hostile); a statement is the client's own, and refused."""
    long = "accept " + "é" * 100_000
    batch = {"requests": [{"code": "accept"}, {"code": long}]}
    assert client.post("/v1/checks", json=batch).status_code == 202
    batch = {"requests": [{"code": "accept"}, {"code": "accept", "statement": long}]}
    body = _problem(client.post("/v1/checks", json=batch), 413, "request_too_large")
    assert body["field"] == "requests.1.statement"


def test_a_body_that_is_too_large_is_refused_unread(client: TestClient) -> None:
    read = 0

    def chunks() -> Iterator[bytes]:
        nonlocal read
        for _ in range(100):
            read += 2**20
            yield b" " * 2**20

    headers = {"content-type": "application/json"}
    declared = {**headers, "content-length": str(MAX_BODY_BYTES + 1)}
    for response in (
        client.post("/v1/checks", content=b"{}", headers=declared),
        client.post("/v1/checks", content=chunks(), headers=headers),
    ):
        body = _problem(response, 413, "request_too_large")
        assert (body["field"], body["fix"]) == ("body", "split the batch")


def test_an_unexpected_error_shows_nothing(
    client: TestClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(_: str) -> Job:
        raise RuntimeError("secret")

    monkeypatch.setattr(store.jobs, "get", bug)
    response = client.get("/v1/jobs/x")
    _problem(response, 500, "internal_error")
    assert "secret" not in response.text


def test_a_full_disk_is_told_and_nothing_is_half_written(settings: Settings, store: Store) -> None:
    store.toolchains.register(TOOLCHAIN)
    with Store.open(settings) as small:
        with small._database.read() as connection:  # the pragma holds for the pooled connection
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        app = TestClient(create_app(settings, small, _Deaf()), base_url="http://127.0.0.1")
        batch = {"requests": [{"code": "x" * 1_500}] * 200}
        body = _problem(app.post("/v1/checks", json=batch), 503, "store_error")
    assert "the disk is full" in body["detail"]
    assert body["fix"] == "free some space"
    assert store.items.sweep(0) == []


def test_requests_are_logged_without_their_content(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        response = client.post(
            "/v1/checks",
            params={"wait": 5},
            json={"code": "accept my-secret-lemma"},
            headers={"X-Request-ID": "abc-1"},
        )
    assert response.headers["x-request-id"] == "abc-1"
    [record] = [r for r in caplog.records if r.name == "aludel.requests"]
    assert (record.request, record.status, record.path) == ("abc-1", 200, "/v1/checks")  # type: ignore[attr-defined]
    assert all("my-secret-lemma" not in str(vars(r)) for r in caplog.records)


def test_request_ids_that_could_forge_a_log_are_replaced(client: TestClient) -> None:
    for given in ("a b", "x" * 200, '"}{'):
        answer = client.get("/healthz", headers={"X-Request-ID": given})
        assert answer.headers["x-request-id"] != given


def test_the_document_describes_every_route_and_its_problems(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/audits",
        "/v1/disproofs",
        "/v1/checks",
        "/v1/goals",
        "/v1/goals/{session}",
        "/v1/goals/{session}/steps",
        "/v1/goals/{session}/states/{state}",
        "/v1/goals/{session}/states/{state}/check",
        "/v1/goals/{session}/states/{state}/script",
        "/v1/mutations",
        "/v1/kernel",
        "/v1/compare",
        "/v1/lemmas/search",
        "/v1/attempts",
        "/v1/attempts/compare",
        "/v1/attempts/{run}",
        "/v1/attempts/{run}/attempts",
        "/v1/datasets",
        "/v1/datasets/{name}",
        "/v1/datasets/{name}/files/{path}",
        "/v1/variants",
        "/v1/lineage",
        "/v1/corpus",
        "/v1/jobs",
        "/v1/jobs/{id}",
        "/v1/jobs/{id}/cancel",
        "/v1/jobs/{id}/events",
        "/v1/jobs/{id}/retry",
        "/v1/jobs/{id}/items",
        "/v1/results/{hash}",
        "/v1/results/{hash}/receipt",
        "/v1/projects",
        "/v1/toolchains",
        "/api/check",
        "/compat/nemo-gym/verify",
        "/compat/openrlhf",
        "/verify",
        "/one_pass_verify_batch",
        "/health",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
            assert "422" not in operation["responses"]
            content = operation["responses"]["default"]["content"]
            assert "application/problem+json" in content
    body = document["paths"]["/v1/checks"]["post"]["requestBody"]["content"]["application/json"]
    assert body["examples"].keys() == CHECK_EXAMPLES.keys()
    _references_exist(document)


def _references_exist(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in document["components"]["schemas"], name


def _wait(client: TestClient, job_id: str) -> Job:
    import time

    for _ in range(1_000):
        job = Job.model_validate(client.get(f"/v1/jobs/{job_id}").json())
        if job.finished_at is not None:
            return job
        time.sleep(0.01)
    raise AssertionError(job)
