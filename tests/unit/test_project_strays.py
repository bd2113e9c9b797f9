"""Projects that clients name where none is taken, names that say too little, and what is gone."""

from __future__ import annotations

from typing import Any

import pytest
from fake_checker import TOOLCHAIN
from fake_goals import FakeGoals
from fastapi.testclient import TestClient
from sqlalchemy.event import listen

from aludel.api.app import create_app
from aludel.api.routing import Routes
from aludel.errors import InvalidRequest
from aludel.goals import GoalRequest
from aludel.lean_checker.goals import LeanGoals
from aludel.models import CheckRequest, LeanContext
from aludel.projects import ProjectGoals, named_projects, project_of, route, settings_of
from aludel.rewards import asked
from aludel.settings import Settings
from aludel.store import Store
from aludel.workers.local import LocalQueue

SNIPPET = {"id": "1", "code": "accept"}
ROLLOUTS = {"query": ["accept"], "prompts": [""], "labels": ["theorem t : True"]}
ANSWER = {"type": "message", "content": [{"type": "output_text", "text": "accept"}]}
GYM: dict[str, Any] = {
    "responses_create_params": {},
    "statement": "theorem t : True",
    "response": {"output": [ANSWER]},
}


@pytest.fixture
def client(store: Store) -> TestClient:
    """A service that knows the default and the project ``a``; nobody works for it."""
    _register(store, "", "a")
    goals = ProjectGoals({"": FakeGoals(), "a": FakeGoals()})
    app = create_app(Settings(), store, LocalQueue("a"), goals)
    return TestClient(app, base_url="http://127.0.0.1")


def _register(store: Store, *names: str) -> None:
    for name in names:
        named = {"name": f"lean+{name}", "digest": name * 64} if name else {}
        store.toolchains.register(TOOLCHAIN.model_copy(update=named), name)


def _request(**context: Any) -> CheckRequest:
    return CheckRequest(context=LeanContext(**context), code="accept")


@pytest.mark.parametrize(
    ("what", "toolchain", "folder"),
    [
        ("/srv/al@gebra", "t", "/srv/al@gebra"),
        ("./al@gebra", "t", "./al@gebra"),
        ("/opt/lean@/srv/al@gebra", "/opt/lean", "/srv/al@gebra"),
        ("/opt/lean@~/algebra", "/opt/lean", "~/algebra"),
        ("lean-4.28.0@algebra", "lean-4.28.0", "algebra"),
        ("lean-4.28.0 @ /srv/algebra", "lean-4.28.0", "/srv/algebra"),
        ("@/srv/algebra", "t", "/srv/algebra"),
        ("lean-4.28.0@", "lean-4.28.0", ""),
    ],
)
def test_an_at_in_the_name_of_a_folder_belongs_to_it(
    what: str, toolchain: str, folder: str
) -> None:
    found = named_projects(Settings(projects=f"a={what}", toolchain="t"))["a"]
    assert (found.toolchain, found.project) == (toolchain, folder)


@pytest.mark.parametrize("text", ["a=@", "+=/x", "lean+a=/x", "a/b=/x", "A" * 61 + "=/x", "é=/x"])
def test_names_that_are_none(text: str) -> None:
    with pytest.raises(InvalidRequest, match="names no project"):
        named_projects(Settings(projects=text))


def test_ten_thousand_names_are_not_all_told() -> None:
    names = ",".join(f"p{number}=/srv/{number}" for number in range(10_000))
    with pytest.raises(InvalidRequest) as caught:
        settings_of(Settings(projects=names), "none")
    assert "and 9950 more" in str(caught.value.fix)
    assert len(str(caught.value.fix)) < 1_000


def test_a_toolchains_name_that_several_have_is_refused(store: Store) -> None:
    store.toolchains.register(TOOLCHAIN)
    named = [TOOLCHAIN.model_copy(update={"name": "lean+same", "digest": d * 64}) for d in "ab"]
    for name, toolchain in zip("ab", named, strict=True):
        store.toolchains.register(toolchain, name)
    request = CheckRequest(code="accept", toolchain="lean+same")
    with pytest.raises(InvalidRequest) as caught:
        Routes(store).of(request, "", alone=True)
    assert (caught.value.field, "a, b" in str(caught.value.fix)) == ("toolchain", True)
    store.toolchains.register(named[0], "b")  # two names for one folder are one toolchain
    assert Routes(store).of(request, "", alone=True) == route("a")


def test_a_submission_asks_once_what_there_is(store: Store) -> None:
    _register(store, "", "a")
    queries: list[str] = []

    def note(*event: Any) -> None:
        queries.append(event[2])

    listen(store.toolchains._database.engine, "before_cursor_execute", note)
    assert Routes(store).of(_request(project="a"), "", alone=True) == route("a")
    assert len([text for text in queries if text.startswith("SELECT")]) == 1


def test_whoever_serves_all_projects_forgets_the_others(store: Store) -> None:
    _register(store, "", "a", "b")
    store.toolchains.keep_projects(["b"])
    assert set(store.toolchains.projects()) == {"", "b"}
    with pytest.raises(InvalidRequest, match="no project 'a'"):
        Routes(store).of(_request(project="a"), "", alone=True)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/checks", {"code": "accept"}),
        ("/v1/goals", {"statement": "theorem t : True"}),
        ("/v1/mutations", {"pattern": "Nat.*"}),
        ("/v1/attempts", {"problems": [{"name": "p", "statement": "theorem p : True"}]}),
        ("/v1/datasets", {"name": "d"}),
    ],
)
def test_what_takes_no_project_refuses_one(client: TestClient, path: str, body: Any) -> None:
    answer = client.post(path, params={"project": "a"}, json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "project")
    for stray in ("context", "project"):
        answer = client.post(path, json={**body, stray: {"project": "none"}})
        assert answer.status_code == 422, answer.text
        assert answer.json()["field"].startswith(stray)


@pytest.mark.parametrize("stray", ["context", "project"])
def test_bodies_of_other_services_name_no_project(client: TestClient, stray: str) -> None:
    bodies = [
        ("/api/check", {"snippets": [SNIPPET], stray: "a"}),
        ("/api/check", {"snippets": [{**SNIPPET, stray: "a"}]}),
        ("/verify", {"codes": [{"custom_id": "1", "code": "accept"}], stray: "a"}),
        ("/compat/openrlhf", {**ROLLOUTS, stray: "a"}),
    ]
    for path, body in bodies:
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["field"]) == (422, stray)
        assert "?project=NAME" in answer.json()["fix"]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/check", {"snippets": [SNIPPET, {**SNIPPET, "id": "2"}]}),
        ("/compat/openrlhf", ROLLOUTS),
        ("/compat/nemo-gym/verify", GYM),
    ],
)
def test_a_project_in_the_address_is_that_of_all(client: TestClient, path: str, body: Any) -> None:
    wrong = client.post(path, params={"project": "none"}, json=body)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "context.project")
    assert client.post(path, params={"project": "a b"}, json=body).json()["field"] == "project"


def test_reward_functions_name_a_project() -> None:
    assert project_of(asked("theorem t : True", "accept", project="a")) == "a"
    assert project_of(asked("theorem t : True", "accept")) == ""


def test_sessions_without_named_projects_refuse_a_name() -> None:
    goals = LeanGoals(object(), Settings())  # type: ignore[arg-type] # no process is asked for
    request = GoalRequest(context=LeanContext(project="a"), statement="theorem t : 1 ≤ 1")
    with pytest.raises(InvalidRequest) as caught:
        goals.open(request)
    assert caught.value.field == "context.project"
