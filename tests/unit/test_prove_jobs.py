"""Prove jobs on a fake prover: recorded once, resumed, stopped, told when they cannot be."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_attempter import FakeAttempter
from fake_checker import TOOLCHAIN, FakeChecker
from pydantic import ValidationError
from service_process import until
from some_variants import record_variants

import aludel.workers.attempts
from aludel.api.results import events_of, results_of
from aludel.attempts import AttemptOptions
from aludel.errors import BackendUnavailable, Conflict, StoreError
from aludel.generators import GeneratorSpec, LocalModel, Portfolio
from aludel.goals import GoalRequest
from aludel.job_requests import AttemptRequest, ExportRequest
from aludel.jobs import Item, ItemState, Job, JobKind, JobState
from aludel.models import CheckRequest, Position
from aludel.problems import TheoremProblem, problems_digest
from aludel.proof_states import ProofStep, ProofTrace
from aludel.proving.stopping import GuardedGoals, guard_of
from aludel.queue import dispatch
from aludel.records import Result
from aludel.settings import Settings
from aludel.task_names import EXPORT_QUEUE, PROVE_QUEUE, RUN_ATTEMPTS, RUN_EXPORT
from aludel.workers.attempts import run_attempts
from aludel.workers.exports import run_export, write_dataset
from aludel.workers.housekeeping import sweep
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.runtime import ExportContext, Parts, Runtime

SAMPLES = AttemptOptions(samples=2)


class Messages:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []

    def send(self, task: str, _args: Any, queue: str) -> None:
        self.sent.append((task, queue))

    def ping(self) -> None:
        pass


@pytest.fixture
def checker() -> FakeChecker:
    return FakeChecker()


@pytest.fixture
def messages() -> Messages:
    return Messages()


@pytest.fixture
def open_runtime(
    tmp_path: Path, checker: FakeChecker, messages: Messages
) -> Iterator[Callable[..., Runtime]]:
    opened: list[Runtime] = []

    def make(to: Any = messages, **parts: Any) -> Runtime:
        chosen = Parts(lambda _: checker, attempter=FakeAttempter, **parts)
        opened.append(Runtime.open(Settings(data_dir=tmp_path, pool_size=2), chosen, to))
        return opened[-1]

    yield make
    for runtime in opened:
        runtime.close()


@pytest.fixture
def runtime(open_runtime: Callable[..., Runtime]) -> Runtime:
    return open_runtime()


def problems(*statements: str) -> list[TheoremProblem]:
    return [TheoremProblem(name=f"p{n}", statement=text) for n, text in enumerate(statements)]


def submit(
    runtime: Runtime,
    *statements: str,
    run: str = "r",
    generator: GeneratorSpec | None = None,
    options: AttemptOptions = SAMPLES,
) -> Job:
    asked = problems(*statements)
    request = AttemptRequest(
        run=run,
        generator=generator or Portfolio(),
        options=options,
        problems_digest=problems_digest(asked),
    )
    return runtime.store.jobs.create_attempts(request, asked)


def items(runtime: Runtime, job: Job) -> list[Item]:
    return results_of(runtime.store, runtime.store.jobs.get(job.id), -1, 1_000)


def test_problems_are_attempted_and_recorded_with_their_run(
    runtime: Runtime, checker: FakeChecker
) -> None:
    job = submit(runtime, "accept 0", "reject 1", "accept 2")
    run_attempts(runtime, job.id)
    ended = runtime.store.jobs.get(job.id)
    assert (ended.kind, ended.state, ended.progress.done) == (JobKind.PROVE, JobState.DONE, 3)
    assert (ended.progress.accepted, ended.progress.rejected) == (2, 0)
    found = items(runtime, job)
    assert [item.problem for item in found] == ["p0", "p1", "p2"]
    assert [item.outcome and item.outcome.accepted for item in found] == [2, 0, 2]
    assert all(item.verdict is None for item in found)
    told = events_of(runtime.store, ended, 0, 10)
    assert sorted(number for number, _ in told) == [1, 2, 3]
    assert all(item.outcome is not None for _, item in told)
    run = runtime.store.attempts.run("r")
    assert (run.problems, run.done, run.plan.generator) == (3, 3, "fake")
    recorded = list(runtime.store.attempts.iterate("r"))
    assert [(r.problem, r.position) for r in recorded] == [
        (f"p{n}", position) for n in range(3) for position in range(2)
    ]
    assert len(checker.calls) == 6


def test_running_twice_attempts_nothing_again(runtime: Runtime, checker: FakeChecker) -> None:
    for _ in range(2):
        job = submit(runtime, "accept 0", "reject 1")
        for _ in range(2):
            run_attempts(runtime, job.id)
        assert runtime.store.jobs.get(job.id).progress.accepted == 1
        assert [item.outcome is not None for item in items(runtime, job)] == [True, True]
    assert len(checker.calls) == len(list(runtime.store.attempts.iterate("r"))) == 4


def test_a_worker_that_dies_after_recording_loses_and_doubles_nothing(
    runtime: Runtime, checker: FakeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(runtime, *(f"accept {n}" for n in range(6)))
    finish = runtime.store.items.finish_problem

    def full(*_: Any, **__: Any) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(runtime.store.items, "finish_problem", full)
    with pytest.raises(StoreError):
        run_attempts(runtime, job.id)
    recorded = runtime.store.attempts.run("r").done
    assert recorded > 0 and runtime.store.jobs.get(job.id).progress.done == 0
    monkeypatch.setattr(runtime.store.items, "finish_problem", finish)
    runtime.store.items._clock = lambda: datetime.now(UTC) + timedelta(hours=1)
    assert sweep(runtime) == 1
    run_attempts(runtime, job.id)
    assert runtime.store.jobs.get(job.id).progress.accepted == 6
    assert len(checker.calls) == len(set(checker.calls)) == 12


def test_a_turn_ends_and_another_message_is_sent(
    runtime: Runtime, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aludel.workers.attempts, "TURN_S", 1.0)
    job = submit(runtime, *(f"sleep 0.3 accept {n}" for n in range(12)))
    run_attempts(runtime, job.id)
    assert 0 < runtime.store.jobs.get(job.id).progress.done < 12
    assert messages.sent == [(RUN_ATTEMPTS, PROVE_QUEUE)]


def test_another_plan_under_the_same_name_is_told(runtime: Runtime) -> None:
    run_attempts(runtime, submit(runtime, "accept 0").id)
    job = submit(runtime, "accept 1")
    run_attempts(runtime, job.id)
    ended = runtime.store.jobs.get(job.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None and (ended.error.code, ended.error.field) == ("conflict", "name")


def test_a_model_that_is_not_there_is_told_once_for_each_problem(runtime: Runtime) -> None:
    job = submit(runtime, "accept 0", "accept 1", generator=LocalModel(model="nope"))
    run_attempts(runtime, job.id)
    errors = [item.error for item in items(runtime, job)]
    assert [error and error.field for error in errors] == ["model", "model"]
    assert [item.attempts for item in items(runtime, job)] == [1, 1]


def test_a_failing_machine_is_tried_again(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.workers.leasing._FIRST_PAUSE_S", 0.001)
    job = submit(runtime, "crash", "accept 1")
    for _ in range(5):
        run_attempts(runtime, job.id)
    [crashed, fine] = items(runtime, job)
    assert crashed.error is not None and crashed.error.code == "backend_crashed"
    assert fine.outcome is not None and fine.outcome.accepted == 2
    assert runtime.store.attempts.run("r").done == 1


def test_a_problem_has_its_time(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aludel.workers.attempts, "PROBLEM_S", 0.2)
    job = submit(runtime, "sleep 0.15 accept", options=AttemptOptions(samples=50))
    begun = time.monotonic()
    run_attempts(runtime, job.id)
    assert time.monotonic() - begun < 3
    [item] = items(runtime, job)
    assert item.error is not None and item.error.field == "options"
    assert list(runtime.store.attempts.iterate("r")) == []


def test_a_cancelled_problem_ends_between_two_samples(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.workers.leasing._LONGEST_BEAT_S", 0.05)
    job = submit(runtime, "sleep 0.1 accept", options=AttemptOptions(samples=200))
    thread = threading.Thread(target=run_attempts, args=(runtime, job.id))
    thread.start()
    until(lambda: runtime.store.jobs.get(job.id).progress.running, "work")
    assert runtime.store.control.cancel(job.id) == 1
    thread.join(10)
    assert not thread.is_alive()
    assert runtime.store.jobs.get(job.id).state is JobState.CANCELLED
    assert list(runtime.store.attempts.iterate("r")) == []


def test_stopping_gives_problems_back(open_runtime: Callable[..., Runtime]) -> None:
    local = LocalQueue()
    runtime = open_runtime(to=local)
    worker = LocalWorker(runtime, local)
    job = submit(runtime, "sleep 30 accept 0", "sleep 30 accept 1")
    worker.start()
    until(lambda: runtime.store.jobs.get(job.id).progress.running == 2, "work")
    worker.stop()
    with open_runtime().store as store:
        assert store.jobs.get(job.id).progress.queued == 2
        assert [item.attempts for item in store.jobs.items(job.id)] == [0, 0]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (JobKind.PROVE, [(RUN_ATTEMPTS, PROVE_QUEUE)] * 3),
        (JobKind.EXPORT, [(RUN_EXPORT, EXPORT_QUEUE)] * 9),
    ],
)
def test_messages_go_to_queues_of_their_own(
    runtime: Runtime, messages: Messages, kind: JobKind, expected: list[Any]
) -> None:
    job = submit(runtime, "accept")
    assert dispatch(messages, runtime.store, job.id, kind, 9)
    assert messages.sent == expected


def test_an_export_reports_how_far_it_is(open_runtime: Callable[..., Runtime]) -> None:
    seen: list[Any] = []

    def write(context: ExportContext) -> dict[str, Any]:
        assert context.report({"records": 1}) and not context.stopping()
        seen.append(context.store.jobs.get(job.id).summary)
        return {"folder": context.folder.name}

    runtime = open_runtime(export=write)
    job = runtime.store.jobs.create_export(ExportRequest(name="d1"))
    run_export(runtime, job.id)
    ended = runtime.store.jobs.get(job.id)
    assert (ended.state, ended.summary, seen) == (
        JobState.DONE, {"folder": "d1"}, [{"records": 1}],
    )  # fmt: skip
    assert ended.request == ExportRequest(name="d1")
    assert [item.state for item in items(runtime, job)] == [ItemState.DONE]


def _export(runtime: Runtime, **request: Any) -> Job:
    job = runtime.store.jobs.create_export(ExportRequest(name="d", **request))
    run_export(runtime, job.id)
    return runtime.store.jobs.get(job.id)


def test_a_dataset_whose_worker_died_before_it_said_so_is_left_as_it_is(
    open_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    runtime = open_runtime(export=write_dataset)
    record_variants(runtime.store, 3)
    first = _export(runtime, recipes=("cpt",))
    [file] = (tmp_path / "datasets" / "d" / "data" / "cpt").iterdir()
    written = file.stat().st_mtime_ns
    again = _export(runtime, recipes=("cpt",))
    assert first.summary == again.summary
    assert first.summary is not None and first.summary["rows"] == {"cpt": {"train": 3}}
    assert file.stat().st_mtime_ns == written
    other = _export(runtime, recipes=("cpt",), seed=1)
    assert other.error is not None and other.error.field == "name"


def test_an_unknown_recipe_cannot_be_asked_for() -> None:
    with pytest.raises(ValidationError, match=r"recipes\.0"):
        ExportRequest.model_validate({"name": "d", "recipes": ["nope"]})


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"runs": ("nope",)}, "not_found"),
        ({}, "not_found"),
    ],
)
def test_exports_that_cannot_be(
    open_runtime: Callable[..., Runtime], tmp_path: Path, request_: Any, code: str
) -> None:
    ended = _export(open_runtime(export=write_dataset), **request_)
    assert ended.error is not None and ended.error.code == code
    assert not list((tmp_path / "datasets").glob("[!.]*"))


class Traces(FakeChecker):
    """A prover that has tactic states: one step for each candidate."""

    toolchain = TOOLCHAIN

    @property
    def states(self) -> Any:
        return self

    def trace(self, result: Result) -> ProofTrace:
        start, end = Position(line=1, column=0), Position(line=1, column=3)
        step = ProofStep(
            declaration="t", tactic="rfl", before=("⊢ p",), after=(), start=start, end=end, depth=0
        )
        return ProofTrace(steps=(step,))


def test_an_export_of_sft_extracts_tactic_states(
    open_runtime: Callable[..., Runtime], tmp_path: Path
) -> None:
    runtime = open_runtime(export=write_dataset)
    record_variants(runtime.store, 3)
    without = _export(runtime, recipes=("sft",))
    assert without.progress.queued == 1  # a prover without states: another worker may have Lean
    runtime.checker = Traces()
    runtime.store.control.cancel(without.id)
    job = runtime.store.jobs.create_export(ExportRequest(name="s", recipes=("sft",)))
    run_export(runtime, job.id)
    summary = runtime.store.jobs.get(job.id).summary or {}
    assert summary["rows"] == {"sft": {"train": 3}}
    assert summary["states"] == {"known": 0, "traced": 3, "foreign": 0, "failed": 0}


def test_a_cancelled_export_leaves_nothing(
    open_runtime: Callable[..., Runtime], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = open_runtime(export=write_dataset)
    record_variants(runtime.store, 3)
    job = runtime.store.jobs.create_export(ExportRequest(name="d", recipes=("cpt",)))
    report = runtime.store.items.report

    def cancelled(*arguments: Any) -> bool:
        runtime.store.control.cancel(job.id)
        return report(*arguments)

    monkeypatch.setattr(runtime.store.items, "report", cancelled)
    monkeypatch.setattr("aludel.workers.leasing._FIRST_PAUSE_S", 0.001)
    run_export(runtime, job.id)
    assert runtime.store.jobs.get(job.id).state is JobState.CANCELLED
    assert not list((tmp_path / "datasets").iterdir())


def test_a_lost_lease_reports_nothing(runtime: Runtime) -> None:
    job = runtime.store.jobs.create_export(ExportRequest(name="d1"))
    [claim] = runtime.store.items.claim(job.id, "w", 1, 60)
    runtime.store.control.cancel(job.id)
    assert not runtime.store.items.report(claim, {"records": 1})
    assert runtime.store.jobs.get(job.id).summary is None


def test_a_guard_stands_before_every_step() -> None:
    from fake_goals import FakeGoals

    told = threading.Event()
    goals = GuardedGoals(FakeGoals(), guard_of(told.is_set, 60))
    state = goals.open(GoalRequest(statement="theorem t : 4"))
    [step] = goals.step(state.session, state.state, ["dec"])
    assert step.state is not None and goals.get(state.session, 1) == step.state
    assert "dec" in goals.script(state.session, 1).code
    told.set()
    for call in (
        lambda: goals.step(state.session, 0, ["dec"]),
        lambda: goals.open(GoalRequest(statement="theorem t : 4")),
    ):
        with pytest.raises(BackendUnavailable, match="told to stop"):
            call()
    goals.close(state.session)


def test_runs_have_owners(runtime: Runtime) -> None:
    attempts = runtime.store.attempts
    job = submit(runtime, "accept 0")
    run_attempts(runtime, job.id)
    plan = attempts.run("r").plan
    key, _ = runtime.store.keys.create("lab")
    with pytest.raises(Conflict, match="is taken"):
        attempts.start("r", plan, 1, key.id)
    with pytest.raises(Conflict, match="is taken"):
        attempts.ensure_free("r", key.id)
    assert attempts.start("r", plan, 1).done == 1  # the operator may
    assert attempts.ensure_free("other", key.id) is None


def test_proofs_found_keep_their_verdicts(runtime: Runtime) -> None:
    job = submit(runtime, "accept 0", "reject 1")
    run_attempts(runtime, job.id)
    later = datetime.now(UTC) + timedelta(days=1)
    assert runtime.store.prune(later, verdicts=True) == (1, 2)
    kinds = {r.verdict.hash: r.verdict.kind for r in runtime.store.attempts.iterate("r")}
    kept = {key for key in kinds if runtime.store.verdicts.get(key) is not None}
    assert kept == {key for key, kind in kinds.items() if kind == "accepted"}
    assert runtime.cached.check(CheckRequest(code="accept 0")).kind == "accepted"
