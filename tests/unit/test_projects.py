"""Projects that requests choose by name: settings, routes, queues, refusals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fake_checker import TOOLCHAIN, FakeChecker
from fake_goals import FakeGoals
from fastapi.testclient import TestClient

from aludel.api.app import create_app
from aludel.cli import doctor
from aludel.cli.project import with_project
from aludel.client import Client
from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest
from aludel.jobs import JobKind
from aludel.models import CheckRequest, LeanContext, Prover, Toolchain, content_hash
from aludel.projects import ProjectGoals, named_projects, route, settings_of
from aludel.queue import dispatch
from aludel.receipts import differences, issue, rerun_request
from aludel.settings import Settings, load_settings
from aludel.store import Store
from aludel.task_names import CHECK_QUEUE, RUN_CHECKS, project_of_queue, project_queue
from aludel.workers.app import create_app as create_celery
from aludel.workers.app import projects_of_queues
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import Parts, Runtime

NAMES = "algebra=/srv/algebra,old=lean-4.24.0@/srv/old,new=lean-4.34.1"


class Named(FakeChecker):
    """A prover of one project, with a toolchain of its own."""

    def __init__(self, name: str) -> None:
        super().__init__()
        digest = (name or "f").encode().hex().ljust(64, "0")[:64]
        named = {"name": f"lean-fake+{name}", "digest": digest} if name else {}
        self._toolchain = TOOLCHAIN.model_copy(update=named)

    @property
    def toolchain(self) -> Toolchain:
        return self._toolchain


def _request(code: str = "accept", project: str | None = None, **more: Any) -> CheckRequest:
    return CheckRequest(context=LeanContext(project=project), code=code, **more)


def test_each_name_stands_for_a_toolchain_a_folder_or_both() -> None:
    settings = Settings(projects=NAMES, toolchain="lean-native", pool_size=3)
    found = named_projects(settings)
    assert {name: (each.toolchain, each.project) for name, each in found.items()} == {
        "algebra": ("lean-native", "/srv/algebra"),
        "old": ("lean-4.24.0", "/srv/old"),
        "new": ("lean-4.34.1", ""),
    }
    assert {(each.pool_size, each.project_name) for each in found.values()} == {
        (3, "algebra"), (3, "old"), (3, "new"),
    }  # fmt: skip
    assert (settings.project_name, named_projects(Settings())) == ("", {})


@pytest.mark.parametrize("text", ["algebra", "=/srv", "a.b=/srv", "a=", "a=/x,a=/y", "a b=/x"])
def test_what_names_no_project_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        named_projects(load_settings({"ALUDEL_PROJECTS": text}))
    assert caught.value.field == "ALUDEL_PROJECTS"
    assert "NAME=FOLDER" in str(caught.value.fix)


def test_an_unknown_name_is_refused_with_the_list() -> None:
    with pytest.raises(InvalidRequest) as caught:
        settings_of(Settings(projects=NAMES), "algebre")
    assert caught.value.field == "context.project"
    assert "algebra, new, old" in str(caught.value.fix)
    assert "ALUDEL_PROJECTS" in str(caught.value.fix)


def test_the_name_is_no_part_of_the_content_hash() -> None:
    assert content_hash("d", _request()) == content_hash("d", _request(project="algebra"))


def test_the_option_takes_a_name_or_a_folder(tmp_path: Path) -> None:
    settings = Settings(projects=NAMES)
    assert with_project(settings, "old").toolchain == "lean-4.24.0"
    assert with_project(settings, str(tmp_path)).project == str(tmp_path)
    assert with_project(settings, None) is settings
    for nothing in ("nowhere", "~nobody-of-this-name/x", "a" * 5_000):
        with pytest.raises(InvalidRequest) as caught:
            with_project(settings, nothing)
        assert "algebra, old, new" in str(caught.value.fix)


def test_a_project_has_a_queue_of_its_own() -> None:
    assert project_of_queue(project_queue("old")) == "old"
    assert project_of_queue(CHECK_QUEUE) is None
    assert project_of_queue("lean.mutate") is None
    assert projects_of_queues([CHECK_QUEUE, "export", project_queue("old")]) == ["", "old"]
    assert projects_of_queues([project_queue("old")]) == ["old"]


class Sent:
    def __init__(self) -> None:
        self.messages: list[tuple[str, tuple[str, ...], str]] = []

    def send(self, task: str, args: Any, queue: str) -> None:
        self.messages.append((task, tuple(args), queue))

    def ping(self) -> None:
        return


def test_messages_go_to_the_queue_of_each_project(store: Store) -> None:
    requests = [_request(), _request(project="a"), _request(project="b"), _request(project="a")]
    job, queue = store.jobs.create_check(requests), Sent()
    dispatch(queue, store, job.id, JobKind.CHECK, 4)
    assert sorted(queue.messages) == [
        (RUN_CHECKS, (job.id,), CHECK_QUEUE),
        (RUN_CHECKS, (job.id, "a"), project_queue("a")),
        (RUN_CHECKS, (job.id, "b"), project_queue("b")),
    ]


def test_a_worker_takes_only_what_is_its_own(store: Store) -> None:
    requests = [_request(), _request(project="a"), _request(toolchain="lean-fake")]
    job = store.jobs.create_check(requests).id

    def taken(toolchain: str) -> list[int]:
        claims = store.items.claim(job, "w", 9, 60, Prover.LEAN, toolchain)
        return [claim.position for claim in claims]

    assert store.items.next_job(JobKind.CHECK, Prover.LEAN, route("b")) is None
    assert taken(route("b")) == []
    assert taken("lean-fake") == [0, 2]
    assert store.items.next_job(JobKind.CHECK, Prover.LEAN, "lean-fake") is None
    assert taken(route("a")) == [1]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., TestClient]]:
    """The API with workers for some projects in this process."""
    workers: list[LocalWorker] = []
    stores: list[Store] = []

    def start(*names: str) -> TestClient:
        settings = Settings(data_dir=tmp_path, pool_size=1, projects="a=/srv/a,b=/srv/b")
        of = named_projects(settings)
        messages = LocalQueue(of)
        goals: dict[str, Any] = {}
        for name in names:
            chosen = of[name] if name else settings
            parts = Parts(lambda each: Named(each.project_name))
            runtime = Runtime.open(chosen, parts, messages)
            queues = (project_queue(name),) if name else (CHECK_QUEUE,)
            workers.append(LocalWorker(runtime, messages, queues))
            goals[name] = FakeGoals()
        for worker in workers:
            worker.start()
        stores.append(Store.open(settings))
        sessions = ProjectGoals(goals) if "" in names else None
        app = create_app(settings, stores[-1], messages, sessions)
        return TestClient(app, base_url="http://127.0.0.1")

    yield start
    for worker in workers:
        worker.stop()
    for store in stores:
        store.close()


def _post(client: TestClient, *requests: CheckRequest) -> Any:
    bodies = [request.model_dump(mode="json") for request in requests]
    body = bodies[0] if len(bodies) == 1 else {"requests": bodies}
    return client.post("/v1/checks", params={"wait": 20}, json=body)


def test_each_request_is_judged_by_the_prover_of_its_project(served: Any) -> None:
    client = served("", "a", "b")
    answer = _post(client, _request(), _request(project="a"), _request(project="b"))
    hashes = [item["verdict"]["hash"] for item in answer.json()["items"]]
    digests = [Named(name).toolchain.digest for name in ("", "a", "b")]
    assert hashes == [content_hash(digest, _request()) for digest in digests]
    result = client.get(f"/v1/results/{hashes[1]}").json()
    assert result["toolchain_digest"] == digests[1]
    assert result["request"]["context"]["project"] == "a"


def test_a_client_names_a_project_in_its_request(served: Any) -> None:
    client = Client("http://127.0.0.1", http=served("", "a"))
    verdict = client.check(_request(project="a"))
    assert verdict.hash == content_hash(Named("a").toolchain.digest, _request())
    with pytest.raises(InvalidRequest) as caught:
        client.check(_request(project="none"))
    assert caught.value.field == "context.project"
    assert "use one of: a" in str(caught.value.fix)


def test_a_toolchain_that_a_project_brings_leads_to_it(served: Any) -> None:
    client = served("", "a")
    answer = _post(client, _request(toolchain="lean-fake+a")).json()
    assert answer["items"][0]["verdict"]["kind"] == "accepted"
    answer = _post(client, _request(project="a", toolchain="lean-fake")).json()
    assert answer["items"][0]["error"]["field"] == "toolchain"


def test_an_unknown_name_fails_its_item_and_no_other(served: Any) -> None:
    client = served("", "a")
    one = _post(client, _request(project="none"))
    assert (one.status_code, one.json()["field"]) == (422, "context.project")
    assert "use one of: a" in one.json()["fix"]
    several = _post(client, _request(), _request(project="none"), _request(project="a")).json()
    first, wrong, last = several["items"]
    assert (first["verdict"]["kind"], last["verdict"]["kind"]) == ("accepted", "accepted")
    assert wrong["error"]["field"] == "context.project"
    assert "use one of: a" in wrong["error"]["fix"]
    kimina = client.post(
        "/api/check?project=none", json={"snippets": [{"id": "1", "code": "accept"}]}
    )
    assert kimina.status_code == 422


def test_kiminas_route_takes_a_project_in_its_address(served: Any) -> None:
    client = served("", "a")
    body = {"snippets": [{"id": "1", "code": "accept"}, {"id": "2", "code": "accept"}]}
    answer = client.post("/api/check", params={"project": "a"}, json=body).json()
    expected = content_hash(Named("a").toolchain.digest, _request())
    assert {result["verdict"]["hash"] for result in answer["results"]} == {expected}


def test_without_a_default_a_request_has_to_name_a_project(served: Any) -> None:
    client = served("a")
    answer = _post(client, _request())
    assert (answer.status_code, answer.json()["field"]) == (422, "context.project")
    assert _post(client, _request(project="a")).status_code == 200


def test_projects_are_listed_and_make_the_service_ready(served: Any) -> None:
    client = served("", "b", "a")
    listed = client.get("/v1/projects").json()
    assert [(each["name"], each["toolchain"]["name"]) for each in listed] == [
        ("a", "lean-fake+a"), ("b", "lean-fake+b"),
    ]  # fmt: skip
    deadline = time.monotonic() + 10
    while (ready := client.get("/readyz")).status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ready.json()["projects"] == ["a", "b"]


def test_a_session_lives_in_the_prover_of_its_project() -> None:
    default, other = FakeGoals(), FakeGoals()
    goals = ProjectGoals({"": default, "a": other})
    request = GoalRequest(context=LeanContext(project="a"), statement="theorem t : 1 ≤ 1")
    state = goals.open(request)
    assert goals.get(state.session, 0) == other.get(state.session, 0)
    with pytest.raises(InvalidRequest) as caught:
        goals.open(request.model_copy(update={"context": LeanContext(project="b")}))
    assert "use one of: a" in str(caught.value.fix)
    goals.close(state.session)


def test_celerys_processes_hold_a_runtime_for_each_project(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, projects="a=/srv/a", broker_url="memory://")
    _, holder = create_celery(settings, Parts(lambda each: Named(each.project_name)))
    try:
        assert holder.get().project == ""
        assert holder.get("a").checker.toolchain.name == "lean-fake+a"
        assert holder.get("a") is holder.get("a")
        with pytest.raises(InvalidRequest):
            holder.get("b")
    finally:
        holder.close()


def test_a_worker_is_told_which_queues_there_are() -> None:
    from aludel.cli.worker import command

    environment = {"ALUDEL_PROJECTS": "a=/srv/a", "ALUDEL_BROKER_URL": "redis://nowhere"}
    done = CliRunner().invoke(command, ["--queues", "lean.check.b"], env=environment)
    assert isinstance(done.exception, InvalidRequest)
    assert "lean.check.a" in str(done.exception.fix)


def test_a_receipt_is_run_again_without_the_services_name_for_the_project() -> None:
    request = _request(project="a")
    verdict = FakeChecker().check(request)
    receipt = issue(TOOLCHAIN, request, verdict)
    assert differences(receipt) == []
    assert rerun_request(receipt) == _request()


def test_the_doctor_looks_at_each_project(tmp_path: Path) -> None:
    settings = Settings(cache_dir=tmp_path, projects=f"a={tmp_path},b=lean-1.0.0")
    *_, first, second = doctor._probes(settings)
    assert (first.name, first.check(settings).status) == ("project a", "failed")
    assert "lakefile" in first.check(settings).detail
    assert second.check(settings).status == "failed"
    *_, wrong = doctor._probes(Settings(projects="a"))
    assert wrong.check(settings).fix == "write " + "NAME=FOLDER, NAME=TOOLCHAIN or " + (
        "NAME=TOOLCHAIN@FOLDER, separated by commas"
    )
