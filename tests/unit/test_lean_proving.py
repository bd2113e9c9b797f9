"""The worker's attempts with Lean on scripted servers and a scripted endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_checker import FakeChecker
from openai_server import OpenAIServer, openai_server

from aludel.api.results import results_of
from aludel.attempts import AttemptOptions
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.generators import Endpoint, GeneratorSpec, Portfolio
from aludel.job_requests import AttemptRequest
from aludel.jobs import JobState
from aludel.lean_checker.checker import LeanChecker
from aludel.lean_checker.prover import LeanProver
from aludel.problems import TheoremProblem, problems_digest
from aludel.settings import Settings
from aludel.workers.attempts import permitted_attempter, run_attempts
from aludel.workers.local import LocalQueue
from aludel.workers.runtime import Parts, Runtime

PROBLEMS = [
    TheoremProblem(name=name, statement=f"theorem {name} : True -- fake: slow 0") for name in "ab"
]
SECRET = "sk-very-secret"


@pytest.fixture
def endpoint() -> Iterator[OpenAIServer]:
    def answers(body: dict[str, Any]) -> list[str]:
        return ["```lean\nby trivial\n```"] * body.get("n", 1)

    with openai_server(answers) as server:
        yield server


@pytest.fixture
def runtime(
    tmp_path: Path,
    fake_checkers: Callable[..., LeanChecker],
    endpoint: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Runtime]:
    monkeypatch.setenv("MODEL_KEY", SECRET)
    settings = Settings(
        data_dir=tmp_path, pool_size=1, endpoints=f"{endpoint.url}=MODEL_KEY http://open/v1"
    )
    parts = Parts(lambda chosen: LeanProver(fake_checkers(), chosen), attempter=permitted_attempter)
    opened = Runtime.open(settings, parts, LocalQueue())
    yield opened
    opened.close()


def attempt(runtime: Runtime, generator: GeneratorSpec, **options: Any) -> str:
    request = AttemptRequest(
        run=f"run-{len(runtime.store.attempts.runs())}",
        generator=generator,
        options=AttemptOptions(samples=2, **options),
        problems_digest=problems_digest(PROBLEMS),
    )
    job = runtime.store.jobs.create_attempts(request, PROBLEMS)
    run_attempts(runtime, job.id)
    return job.id


def test_the_key_goes_to_its_endpoint_and_nowhere_else(
    runtime: Runtime, endpoint: OpenAIServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    job = attempt(runtime, Endpoint(url=endpoint.url, model="m"))
    ended = runtime.store.jobs.get(job)
    assert (ended.state, ended.progress.failed) == (JobState.DONE, 0), results_of(
        runtime.store, ended, -1, 10
    )
    assert {headers["Authorization"] for headers in endpoint.headers} == {f"Bearer {SECRET}"}
    [run] = runtime.store.attempts.runs()
    assert run.plan.generator == "openai/m" and run.done == 2
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert SECRET.encode() not in written and SECRET not in caplog.text


def test_an_equal_generator_stays_open_for_the_next_job(
    runtime: Runtime, endpoint: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aludel.proving.run as module

    opened: list[GeneratorSpec] = []
    really = module.open_generators

    def counted(spec: GeneratorSpec, **more: Any) -> Any:
        opened.append(spec)
        return really(spec, **more)

    monkeypatch.setattr(module, "open_generators", counted)
    model = Endpoint(url=endpoint.url, model="m")
    for spec in (model, model.model_copy(), Portfolio(), model):
        attempt(runtime, spec)
    assert opened == [model, Portfolio(), model]


def test_the_worker_has_its_own_list_of_endpoints(runtime: Runtime, tmp_path: Path) -> None:
    job = attempt(runtime, Endpoint(url="http://169.254.169.254/v1", model="m"))
    errors = [item.error for item in runtime.store.jobs.items(job)]
    assert [error and error.field for error in errors] == ["generator.url"] * 2
    assert runtime.store.attempts.runs() == []


def test_an_endpoint_that_is_away_is_no_verdict(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.workers.leasing._FIRST_PAUSE_S", 0.001)
    settings = runtime.settings.model_copy(update={"endpoints": "http://127.0.0.1:9/v1"})
    runtime.attempter = permitted_attempter(runtime.checker, settings)
    job = attempt(runtime, Endpoint(url="http://127.0.0.1:9/v1", model="m", retries=0))
    for _ in range(4):
        run_attempts(runtime, job)
    items = runtime.store.jobs.items(job)
    assert [item.error and item.error.code for item in items] == ["backend_unavailable"] * 2
    assert list(runtime.store.attempts.iterate("run-0")) == []


def test_another_prover_attempts_nothing() -> None:
    with pytest.raises(BackendUnavailable, match="no Lean"):
        permitted_attempter(FakeChecker(), Settings())


def test_a_key_that_the_worker_lacks_is_told(
    runtime: Runtime, endpoint: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MODEL_KEY")
    assert runtime.attempter is not None
    with pytest.raises(InvalidRequest, match="has no key"):
        runtime.attempter.prepare(
            Endpoint(url=endpoint.url, model="m"), AttemptOptions(), "0" * 64, runtime.cached
        )
