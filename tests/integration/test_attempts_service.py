"""Attempts through the service with the real Lean: watched, judged, and written as a dataset."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis_server import NEEDS_REDIS, Redis
from service_process import Service, descendants, gone, until

from aludel import Client
from aludel.attempts import AttemptOptions, SearchBudget
from aludel.client.events import ItemEvent
from aludel.errors import Conflict
from aludel.http_models import AttemptSubmission
from aludel.job_requests import ExportRequest
from aludel.jobs import JobState
from aludel.lean_checker.toolchains import LeanToolchain
from aludel.problems import TheoremProblem

pytestmark = [pytest.mark.lean, pytest.mark.timeout(600), *NEEDS_REDIS]

STATEMENTS = {
    "swap": "theorem swap (a b : Nat) : a + b = b + a",
    "wrong": "theorem wrong (a b : Nat) : a + b = a",
    "nil": "theorem nil (l : List Nat) : l ++ [] = l",
    "unknown": "theorem unknown : nonsense",
    "both": "theorem both (p q : Prop) (h : p ∧ q) : q ∧ p",
}
PROBLEMS = tuple(TheoremProblem(name=name, statement=text) for name, text in STATEMENTS.items())
PROVED = {"swap", "nil", "both"}


@pytest.fixture
def service(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, lean_toolchain: LeanToolchain
) -> Iterator[Service]:
    broker = Redis(tmp_path_factory.mktemp("redis"))
    broker.start()
    started = Service(
        tmp_path, real=True, ALUDEL_POOL_SIZE="1", ALUDEL_BROKER_URL=broker.url, ALUDEL_LEASE_S="2"
    )
    yield started
    started.close()
    broker.stop()


@pytest.mark.long
def test_the_portfolio_proves_theorems_though_its_worker_is_killed(service: Service) -> None:
    service.start("serve")
    worker = service.start("worker")
    service.ready(120)
    with Client(str(service.http.base_url)) as client:
        options = AttemptOptions(samples=4)
        wanted = AttemptSubmission(name="whole", problems=PROBLEMS, options=options)
        job = client.attempts.submit(wanted)
        until(lambda: client.job(job.id).progress.done >= 1, "an outcome", 240)
        family = descendants(worker.pid)
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        assert gone(family), "the worker left processes behind"
        service.start("worker")
        ended = [e.item for e in client.events(job.id) if isinstance(e, ItemEvent)]
        assert sorted(item.problem or "" for item in ended) == sorted(STATEMENTS)
        proved = {item.problem for item in ended if item.outcome and item.outcome.accepted}
        assert proved == PROVED
        figures = client.attempts.run("whole").figures
        assert (figures.done, figures.invalid, figures.proved) == (5, 1, 3)
        assert figures.pass_at_k["4"].value == pytest.approx(3 / 4)
        records = list(client.attempts.records("whole"))
        places = [(r.problem, r.position, r.round) for r in records]
        assert len(places) == len(set(places)) == service.count("attempts")
        found = next(r for r in records if r.verdict.kind == "accepted")
        with pytest.raises(Conflict, match="no process that saw this candidate alone"):
            client.receipt(found.verdict.hash)
        request = found.candidate.model_copy(update={"tier": "replay"})
        assert client.receipt(client.check(request).hash).verdict.kind == "accepted"
        _search(client)
        _export(client, service.folder / "copy")


def _search(client: Client) -> None:
    # The tactics bound it; a machine with other work to do may take its time.
    budget = SearchBudget(tactics=60, seconds=200)
    options = AttemptOptions(search="best_first", budget=budget)
    wanted = AttemptSubmission(name="searched", problems=PROBLEMS[:1], options=options)
    job = client.wait(client.attempts.submit(wanted).id, 240)
    assert (job.state, job.progress.accepted) == (JobState.DONE, 1)
    assert client.attempts.compare("whole", "searched").only_first == ()


def _export(client: Client, folder: Path) -> None:
    request = ExportRequest(name="tried", recipes=("attempts",), runs=("whole",))
    job = client.wait(client.datasets.submit(request).id, 120)
    assert job.state is JobState.DONE, job.error
    dataset = client.datasets.download("tried", folder)
    [file] = dataset.manifest["files"]
    tried = len(list(client.attempts.records("whole")))
    assert file["rows"] == tried == len((folder / file["path"]).read_text("utf-8").splitlines())
