"""Lean and F* behind one API: one batch, one schema, each prover in its own queue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_attempter import FakeAttempter
from fake_checker import FakeChecker
from fastapi.testclient import TestClient
from fstar_support import ask, fake_checker, real_checker

from aludel.api.app import create_app
from aludel.api.examples import ATTEMPT_EXAMPLES
from aludel.attempts import AttemptOptions
from aludel.cli.remote import attempt_through, check_through
from aludel.cli.worker import run
from aludel.errors import Conflict, InvalidRequest
from aludel.fstar_checker.checker import FStarChecker
from aludel.fstar_checker.dataset import read_definitions
from aludel.fstar_checker.problems import read_candidates
from aludel.fstar_checker.verify import build_work, outcome_of, report
from aludel.fstar_checker.verify import run as run_work
from aludel.generators import Portfolio
from aludel.http_models import AttemptSubmission
from aludel.jobs import Item, Job, JobState
from aludel.models import VERDICT, CheckRequest, Prover
from aludel.problems import TheoremProblem
from aludel.progress import Silent
from aludel.proving.build import attempt_with, open_generators
from aludel.proving.fstar import pose
from aludel.settings import Settings
from aludel.store import Store
from aludel.task_names import (
    CHECK_QUEUE,
    FSTAR_PROVE_QUEUE,
    FSTAR_QUEUE,
    FSTAR_QUEUES,
    MUTATE_QUEUE,
    PROVE_QUEUE,
)
from aludel.workers.attempts import permitted_attempter
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import Parts, Runtime

VAL = "val f : x:int -> Tot int"
SAMPLES = Path(__file__).parents[2] / "datasets" / "samples"


class RecordingQueue(LocalQueue):
    """The in-process queue, which also remembers where messages went."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: list[str] = []

    def send(self, task: str, args: object, queue: str) -> None:
        self.queues.append(queue)
        super().send(task, args, queue)  # type: ignore[arg-type]


@contextlib.contextmanager
def service(
    settings: Settings, fstar: FStarChecker, queue: LocalQueue
) -> Iterator[tuple[TestClient, FakeChecker]]:
    """The API with a fake Lean worker and an F* worker, as ``aludel serve`` arranges them."""
    lean = FakeChecker()
    parts = (
        Parts(checker=lambda _: lean, attempter=FakeAttempter),
        Parts(checker=lambda _: fstar, attempter=permitted_attempter),
    )
    runtimes = [Runtime.open(settings, part, queue) for part in parts]
    workers = [
        LocalWorker(runtimes[0], queue),
        LocalWorker(runtimes[1], queue, FSTAR_QUEUES),
    ]
    with Store.open(settings) as store:
        for worker in workers:
            worker.start()
        try:
            yield TestClient(create_app(settings, store, queue), base_url="http://127.0.0.1"), lean
        finally:
            for worker in workers:
                worker.stop()


def test_one_batch_of_both_provers_under_one_schema(tmp_path: Path) -> None:
    settings, queue = Settings(data_dir=tmp_path, pool_size=1), RecordingQueue()
    requests = [
        CheckRequest(code="accept one"),
        ask(VAL, "let f x = x"),
        CheckRequest(code="reject one"),
        ask(VAL, "let f x = admit ()"),
        ask(VAL, "let f x = wrong_type"),
        CheckRequest(code="undecided one"),
    ]
    body = {"requests": [r.model_dump(mode="json") for r in requests]}
    with service(settings, fake_checker(tmp_path), queue) as (client, lean):
        answer = client.post("/v1/checks", json=body, params={"wait": 30})
    assert answer.status_code == 200
    items = [Item.model_validate(item) for item in answer.json()["items"]]
    verdicts = [VERDICT.validate_python(i["verdict"]) for i in answer.json()["items"]]
    assert [i.position for i in items] == list(range(6))
    assert [(v.kind, v.reason and v.reason.value) for v in verdicts] == [
        ("accepted", None),
        ("accepted", None),
        ("rejected", "elaboration"),
        ("rejected", "admit"),
        ("rejected", "elaboration"),
        ("undecided", "timeout"),
    ]
    assert len({frozenset(v.model_dump()) - {"evidence"} for v in verdicts}) == 1
    assert len(lean.calls) == 3
    assert {CHECK_QUEUE, FSTAR_QUEUE} <= set(queue.queues)


def test_the_sample_through_the_api_gives_the_same_numbers(tmp_path: Path) -> None:
    """Over the stand-in, whose verdicts mean nothing but are the same both ways."""
    check_both_ways(tmp_path, fake_checker(tmp_path), fake_checker(tmp_path))


@pytest.mark.fstar
def test_the_sample_through_the_api_on_a_real_fstar(tmp_path: Path) -> None:
    summary = check_both_ways(tmp_path, real_checker(), real_checker())
    assert summary["verify_at"]["1"] == {"problems": 10, "estimate": pytest.approx(0.5)}
    assert summary["verify_at"]["3"] == {"problems": 10, "estimate": pytest.approx(0.9)}
    assert summary["error_classes"] == {
        "syntax": 1, "unresolved_name": 1, "type": 2, "smt": 4, "timeout": 2, "policy": 5,
    }  # fmt: skip


def check_both_ways(folder: Path, here: FStarChecker, there: FStarChecker) -> dict[str, Any]:
    problems = read_definitions(SAMPLES / "fstar_problems.json")
    work = build_work(problems, read_candidates(SAMPLES / "fstar_candidates.jsonl"))
    local = report(run_work(work, here.check, 2), (1, 3))
    here.close()
    settings = Settings(data_dir=folder, pool_size=1)
    requests = [item.request for item in work if item.request is not None]
    with service(settings, there, LocalQueue()) as (client, _):
        items = check_through("http://testserver", requests, client)
    outcomes = [outcome_of(w, verdict=i.verdict) for w, i in zip(work, items, strict=True)]
    assert report(outcomes, (1, 3)) == local
    return local


def ended(client: TestClient, job: str) -> Job:
    with client.stream("GET", f"/v1/jobs/{job}/events") as events:
        assert "end" in "".join(events.iter_text())
    return Job.model_validate(client.get(f"/v1/jobs/{job}").json())


def test_definitions_are_attempted_over_http(tmp_path: Path) -> None:
    """As here: the stand-in accepts and refuses the same candidates both ways."""
    known = [d for d in read_definitions(SAMPLES / "fstar_problems.json") if d.statement]
    rows = [d.model_dump(mode="json", exclude_unset=True) for d in known]
    mutual = {**rows[0], "name": "Sample.mutual", "mutual_with": ["Sample.other"]}
    wrong = {"name": "Sample.wrong", "file_name": "Sample.fst", "is_proof": "perhaps"}
    posed = {"definitions": [*rows, mutual, wrong], "examples": rows, "similar": 2}
    asked = AttemptSubmission.model_validate(
        {"name": "f", "fstar": posed, "options": AttemptOptions(samples=2)}
    )
    settings, queue = Settings(data_dir=tmp_path, pool_size=1), RecordingQueue()
    with service(settings, fake_checker(tmp_path), queue) as (client, _):
        shown = attempt_through("http://127.0.0.1", asked, Silent(), client)
        assert (shown.problems, shown.done, shown.invalid) == (len(rows) + 2, len(rows) + 2, 2)
        assert shown.generator == "portfolio/fstar-1" and shown.proved > 0
        again = attempt_through("http://127.0.0.1", asked, Silent(), client)
        assert again == shown
        fewer = asked.model_copy(update={"fstar": asked.fstar.model_copy(update={"similar": 0})})  # type: ignore[union-attr]
        with pytest.raises(Conflict, match="problems_digest"):
            attempt_through("http://127.0.0.1", fewer, Silent(), client)
        records = client.get("/v1/attempts/f/attempts").json()["attempts"]
        outcomes = {r["problem"]: r["verdict"]["kind"] for r in records}
    assert {r["candidate"]["context"]["prover"] for r in records} == {"fstar"}
    assert queue.queues and set(queue.queues) == {FSTAR_PROVE_QUEUE}
    here = fake_checker(tmp_path)
    found = pose(known, known, similar=2, known_options=here.known_options).problems
    with open_generators(Portfolio(), prover=Prover.FSTAR) as generators:
        attempt = attempt_with(generators, AttemptOptions(samples=2), here, None)
        local = {p.name: attempt(p)[1][-1].verdict.kind for p in found if attempt(p)[1]}
    here.close()
    assert outcomes == local


def test_each_prover_takes_its_own_problems(tmp_path: Path) -> None:
    settings, queue = Settings(data_dir=tmp_path, pool_size=1), RecordingQueue()
    theorem = TheoremProblem(name="t", statement="accept 1").model_dump(mode="json")
    with service(settings, fake_checker(tmp_path), queue) as (client, _):
        bodies = [ATTEMPT_EXAMPLES["fstar"]["value"], {"problems": [theorem]}]
        jobs = [client.post("/v1/attempts", json=body).json()["id"] for body in bodies]
        states = [ended(client, job) for job in jobs]
        refused = client.post(
            "/v1/attempts", json={**bodies[0], "options": {"search": "best_first"}}
        )
    assert [(job.state, job.progress.failed) for job in states] == [(JobState.DONE, 0)] * 2
    assert set(queue.queues) == {FSTAR_PROVE_QUEUE, PROVE_QUEUE}
    assert refused.status_code == 422 and "no goals to search" in refused.json()["detail"]


def test_fstar_checks_are_refused_without_a_worker(tmp_path: Path) -> None:
    settings, queue = Settings(data_dir=tmp_path, pool_size=1), LocalQueue()
    with Store.open(settings) as store:
        runtime = Runtime.open(settings, Parts(checker=lambda _: FakeChecker()), queue)
        client = TestClient(create_app(settings, store, queue), base_url="http://127.0.0.1")
        answer = client.post("/v1/checks", json=ask(VAL, "let f x = x").model_dump(mode="json"))
        runtime.close()
    assert answer.status_code == 503
    assert "fstar" in answer.json()["detail"]


def test_the_fstar_queue_has_workers_of_its_own(tmp_path: Path) -> None:
    parts = Parts(checker=lambda _: fake_checker(tmp_path))
    with pytest.raises(InvalidRequest, match="workers of its own"):
        run(Settings(broker_url="redis://x"), parts, f"{FSTAR_QUEUE},{MUTATE_QUEUE}")
