"""Tasks on a fake prover, with the in-process queue and without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fake_checker import TOOLCHAIN, FakeChecker

import aludel.workers.checks
from aludel.errors import BackendUnavailable, InvalidRequest, StoreError
from aludel.jobs import ItemState, Job, JobKind, JobState, MutationRequest
from aludel.models import CheckRequest, Verdict
from aludel.queue import dispatch
from aludel.records import VariantRecord
from aludel.settings import Settings
from aludel.store import Store, Submission
from aludel.store.leases import MAX_ATTEMPTS
from aludel.task_names import CHECK_QUEUE, MUTATE_QUEUE, RUN_CHECKS, RUN_MUTATION
from aludel.tenants import current_tenant, for_same_tenant
from aludel.workers.checks import run_checks
from aludel.workers.housekeeping import Housekeeper, sweep
from aludel.workers.local import LocalQueue, LocalWorker
from aludel.workers.mutations import run_mutation
from aludel.workers.runtime import MutationContext, Parts, Runtime


class FakeQueue:
    """Keeps messages, or is out of reach."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, tuple[str, ...], str]] = []
        self.down = False

    def send(self, task: str, args: Sequence[str], queue: str) -> None:
        if self.down:
            raise BackendUnavailable("no broker")
        self.sent.append((task, tuple(args), queue))

    def ping(self) -> None:
        if self.down:
            raise BackendUnavailable("no broker")


@pytest.fixture
def queue() -> FakeQueue:
    return FakeQueue()


@pytest.fixture
def checker() -> FakeChecker:
    return FakeChecker()


def _mutate(context: MutationContext) -> Mapping[str, Any]:
    """Record two variants, one of them twice, resting on checked candidates."""
    for number in (0, 1, 1):
        statement = f"theorem v{number} : accept"
        request = CheckRequest(code=f"accept {number}")
        verdict = context.cached.check(request)
        context.record(
            VariantRecord(
                name=f"v{number}",
                statement=statement,
                proof="p",
                rule="rw",
                lemma="l",
                direction="forward",
                position="goal",
                parents=("t", "l"),
                imports=context.request.imports,
                toolchain_digest=context.checker.toolchain.digest,
                verdict_hash=verdict.hash,
                term_hash=str(number),
            )
        )
    return {"accepted": context.store.variants.count()}


@pytest.fixture
def open_runtime(
    tmp_path: Any, queue: FakeQueue, checker: FakeChecker
) -> Iterator[Callable[..., Runtime]]:
    opened: list[Runtime] = []

    def make(mutate: Any = _mutate, to: Any = queue, **changes: Any) -> Runtime:
        settings = Settings(data_dir=tmp_path, pool_size=2, **changes)
        runtime = Runtime.open(settings, Parts(lambda _: checker, mutate), to)
        opened.append(runtime)
        return runtime

    yield make
    for runtime in opened:
        runtime.close()


@pytest.fixture
def runtime(open_runtime: Callable[..., Runtime]) -> Runtime:
    return open_runtime()


def _job(runtime: Runtime, *codes: str, **more: Any) -> Job:
    return runtime.store.jobs.create_check([CheckRequest(code=code, **more) for code in codes])


def _outcomes(runtime: Runtime, job: Job) -> list[str]:
    return [
        item.verdict.kind if item.verdict else item.error.code if item.error else item.state
        for item in runtime.store.jobs.items(job.id, limit=1_000)
    ]


def test_a_worker_registers_its_toolchain(runtime: Runtime) -> None:
    assert [entry.toolchain for entry in runtime.store.toolchains.list()] == [TOOLCHAIN]


def test_every_item_of_a_job_gets_its_verdict(runtime: Runtime, queue: FakeQueue) -> None:
    job = _job(runtime, "accept", "reject", "undecided", "invalid", "accept", "accept 2")
    run_checks(runtime, job.id)
    assert _outcomes(runtime, job) == [
        "accepted",
        "rejected",
        "undecided",
        "invalid_request",
        "accepted",
        "accepted",
    ]
    assert runtime.store.jobs.state(job.id) is JobState.DONE
    assert queue.sent == []


@pytest.mark.parametrize("code", ["accept", "undecided", "sleep 0.02 undecided"])
def test_equal_candidates_of_a_job_are_checked_once(
    runtime: Runtime, checker: FakeChecker, code: str
) -> None:
    job = _job(runtime, *[code] * 30)
    run_checks(runtime, job.id)
    assert len(set(_outcomes(runtime, job))) == 1
    assert checker.calls == [code]


def test_undecided_is_not_remembered_by_the_next_job(
    runtime: Runtime, checker: FakeChecker
) -> None:
    for _ in range(2):
        run_checks(runtime, _job(runtime, "undecided").id)
    assert checker.calls == ["undecided"] * 2


def test_running_a_task_twice_changes_nothing(runtime: Runtime, checker: FakeChecker) -> None:
    job = _job(runtime, "accept", "reject")
    run_checks(runtime, job.id)
    before = runtime.store.jobs.items(job.id)
    run_checks(runtime, job.id)
    assert runtime.store.jobs.items(job.id) == before
    assert len(checker.calls) == 2


def test_candidates_are_checked_for_the_key_that_sent_them(
    runtime: Runtime, checker: FakeChecker, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, seen = checker.check, []

    def noted(request: CheckRequest) -> Verdict:
        seen.append((request.code, current_tenant()))
        return check(request)

    monkeypatch.setattr(checker, "check", noted)
    ann, eve = (runtime.store.keys.create(name)[0].id for name in ("ann", "eve"))
    submitted = [Submission(key_id=ann), Submission(key_id=eve), Submission()]
    for number, submission in enumerate(submitted):
        request = CheckRequest(code=f"accept {number}")
        run_checks(runtime, runtime.store.jobs.create_check([request], submission).id)
    assert seen == [("accept 0", ann), ("accept 1", eve), ("accept 2", "")]
    assert current_tenant() == ""


def test_a_mutation_is_made_for_the_key_that_sent_it(open_runtime: Callable[..., Runtime]) -> None:
    seen: list[str] = []

    def mutate(_: MutationContext) -> Mapping[str, Any]:
        with ThreadPoolExecutor(1) as threads:
            seen.append(threads.submit(for_same_tenant(current_tenant)).result())
        return {}

    runtime = open_runtime(mutate=mutate)
    request = MutationRequest(pattern="Nat.*")
    ann = runtime.store.keys.create("ann")[0].id
    job = runtime.store.jobs.create_mutation(request, Submission(key_id=ann))
    run_mutation(runtime, job.id)
    assert seen == [ann]


def test_two_workers_share_a_job(open_runtime: Callable[..., Runtime]) -> None:
    first, second = open_runtime(), open_runtime()
    job = _job(first, *[f"sleep 0.005 accept {i}" for i in range(60)])
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda worker: run_checks(worker, job.id), (first, second)))
    assert _outcomes(first, job) == ["accepted"] * 60
    assert all(item.attempts == 1 for item in first.store.jobs.items(job.id))


def test_a_long_job_gives_way_after_its_turn(
    runtime: Runtime, queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aludel.workers.checks, "TURN_S", 1.0)
    job = _job(runtime, *[f"sleep 0.2 accept {i}" for i in range(30)])
    run_checks(runtime, job.id)
    progress = runtime.store.jobs.get(job.id).progress
    assert 0 < progress.done < 30
    assert progress.running == 0
    assert queue.sent == [(RUN_CHECKS, (job.id,), CHECK_QUEUE)]
    items = runtime.store.jobs.items(job.id)
    assert all(item.attempts == 0 for item in items if item.state is ItemState.QUEUED)


@pytest.mark.parametrize(
    ("code", "error"), [("crash", "backend_crashed"), ("unavailable", "backend_unavailable")]
)
def test_a_failing_machine_is_tried_again_and_then_told(
    runtime: Runtime,
    checker: FakeChecker,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    error: str,
) -> None:
    monkeypatch.setattr("aludel.workers.leasing._FIRST_PAUSE_S", 0.001)
    job = _job(runtime, code, "accept")
    for _ in range(MAX_ATTEMPTS):
        run_checks(runtime, job.id)
    assert _outcomes(runtime, job) == [error, "accepted"]
    assert checker.calls.count(code) == MAX_ATTEMPTS


def test_a_bug_in_the_prover_ends_the_item_and_says_nothing_of_it(runtime: Runtime) -> None:
    job = _job(runtime, "bug", "accept")
    run_checks(runtime, job.id)
    item = runtime.store.jobs.items(job.id)[0]
    assert item.error is not None
    assert item.error.message == "internal error"
    assert _outcomes(runtime, job)[1] == "accepted"


def test_a_check_for_another_toolchain_is_left_to_its_worker(runtime: Runtime) -> None:
    job = _job(runtime, "accept", toolchain="lean-other")
    run_checks(runtime, job.id)
    [item] = runtime.store.jobs.items(job.id)
    assert (item.state, item.attempts) == (ItemState.QUEUED, 0)


def test_a_broken_store_ends_the_turn_and_loses_nothing(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = _job(runtime, *[f"accept {i}" for i in range(20)])
    finish = runtime.store.items.finish

    def full(*_: Any) -> bool:
        raise StoreError("the disk is full")

    monkeypatch.setattr(runtime.store.items, "finish", full)
    with pytest.raises(StoreError):
        run_checks(runtime, job.id)
    progress = runtime.store.jobs.get(job.id).progress
    assert (progress.done, progress.failed) == (0, 0)
    assert progress.running <= runtime.threads
    monkeypatch.setattr(runtime.store.items, "finish", finish)
    runtime.store.items._clock = lambda: _later(3_600)
    assert sweep(runtime) == 1
    run_checks(runtime, job.id)
    assert _outcomes(runtime, job) == ["accepted"] * 20


def _later(seconds: float) -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_long_check_keeps_its_lease(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime(lease_s=0.3)
    job = _job(runtime, "sleep 1 accept")
    keeper = Housekeeper(runtime, broker_is_empty=False)
    keeper.start()
    run_checks(runtime, job.id)
    keeper.stop()
    [item] = runtime.store.jobs.items(job.id)
    assert (item.state, item.attempts) == (ItemState.DONE, 1)


def test_a_mutation_job(runtime: Runtime) -> None:
    job = runtime.store.jobs.create_mutation(MutationRequest(pattern="Nat.*"))
    run_mutation(runtime, job.id)
    ended = runtime.store.jobs.get(job.id)
    assert (ended.state, ended.summary) == (JobState.DONE, {"accepted": 2})
    found = runtime.store.variants.of_job(job.id, -1, 10)
    assert [(place, record.name) for place, record in found] == [(0, "v0"), (1, "v1")]
    run_mutation(runtime, job.id)
    assert runtime.store.variants.of_job(job.id, -1, 10) == found


def test_a_mutation_with_an_unknown_pattern(open_runtime: Callable[..., Runtime]) -> None:
    def unknown(_: MutationContext) -> Mapping[str, Any]:
        raise InvalidRequest("no theorem is called Nope.*", field="pattern")

    runtime = open_runtime(mutate=unknown)
    job = runtime.store.jobs.create_mutation(MutationRequest(pattern="Nope.*"))
    run_mutation(runtime, job.id)
    ended = runtime.store.jobs.get(job.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert ended.error.field == "pattern"


def test_a_mutation_that_the_machine_failed_is_sent_again(
    open_runtime: Callable[..., Runtime], queue: FakeQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aludel.workers.leasing._FIRST_PAUSE_S", 0.001)

    def broken(_: MutationContext) -> Mapping[str, Any]:
        raise BackendUnavailable("no prover")

    runtime = open_runtime(mutate=broken)
    job = runtime.store.jobs.create_mutation(MutationRequest(pattern="Nat.*"))
    run_mutation(runtime, job.id)
    assert queue.sent == [(RUN_MUTATION, (job.id,), MUTATE_QUEUE)]
    assert runtime.store.jobs.state(job.id) is JobState.RUNNING


@pytest.mark.parametrize(("items", "messages"), [(1, 1), (16, 1), (17, 2), (1_000, 63)])
def test_a_job_is_worth_as_many_messages_as_it_can_use(
    store: Store, queue: FakeQueue, items: int, messages: int
) -> None:
    job = store.jobs.create_check([CheckRequest(code="x")] * items)
    assert dispatch(queue, store, job.id, JobKind.CHECK, items)
    assert queue.sent == [(RUN_CHECKS, (job.id,), CHECK_QUEUE)] * messages


def test_a_job_that_the_broker_did_not_take_is_found_by_the_sweep(
    runtime: Runtime, queue: FakeQueue
) -> None:
    job = _job(runtime, "accept")
    queue.down = True
    assert not dispatch(queue, runtime.store, job.id, JobKind.CHECK, 1)
    queue.down = False
    assert sweep(runtime) == 1
    assert queue.sent == [(RUN_CHECKS, (job.id,), CHECK_QUEUE)]


@pytest.fixture
def local(open_runtime: Callable[..., Runtime]) -> Iterator[tuple[Runtime, LocalQueue]]:
    messages = LocalQueue()
    runtime = open_runtime(to=messages)
    worker = LocalWorker(runtime, messages)
    worker.start()
    yield runtime, messages
    worker.stop()


def _until_ended(runtime: Runtime, job: Job, seconds: float = 20) -> JobState:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        state = runtime.store.jobs.state(job.id)
        if state in (JobState.DONE, JobState.FAILED):
            return state
        time.sleep(0.01)
    raise AssertionError(runtime.store.jobs.get(job.id))


def test_the_local_worker_runs_what_is_sent(local: tuple[Runtime, LocalQueue]) -> None:
    runtime, messages = local
    job = _job(runtime, *[f"accept {i}" for i in range(50)])
    dispatch(messages, runtime.store, job.id, JobKind.CHECK, 50)
    assert _until_ended(runtime, job) is JobState.DONE
    mutation = runtime.store.jobs.create_mutation(MutationRequest(pattern="*"))
    dispatch(messages, runtime.store, mutation.id, JobKind.MUTATE, 1)
    assert _until_ended(runtime, mutation) is JobState.DONE


def test_a_small_job_does_not_wait_for_a_large_one(local: tuple[Runtime, LocalQueue]) -> None:
    runtime, messages = local
    large = _job(runtime, *[f"sleep 0.05 accept {i}" for i in range(400)])
    dispatch(messages, runtime.store, large.id, JobKind.CHECK, 1)
    time.sleep(0.2)
    small = _job(runtime, "accept")
    dispatch(messages, runtime.store, small.id, JobKind.CHECK, 1)
    _until_ended(runtime, small, seconds=2)
    assert runtime.store.jobs.get(large.id).progress.queued > 0


def test_the_local_worker_takes_up_jobs_of_an_earlier_process(
    open_runtime: Callable[..., Runtime],
) -> None:
    messages = LocalQueue()
    runtime = open_runtime(to=messages)
    job = _job(runtime, "accept")
    runtime.store.jobs.mark_enqueued(job.id)  # sent, to a broker that is gone
    worker = LocalWorker(runtime, messages)
    worker.start()
    assert _until_ended(runtime, job) is JobState.DONE
    worker.stop()


def test_stopping_gives_running_work_back(tmp_path: Any, store: Store) -> None:
    messages = LocalQueue()
    settings = Settings(data_dir=tmp_path, pool_size=2)
    runtime = Runtime.open(settings, Parts(lambda _: FakeChecker()), messages)
    job = _job(runtime, *[f"sleep 30 accept {i}" for i in range(10)])
    worker = LocalWorker(runtime, messages)
    worker.start()
    while store.jobs.get(job.id).progress.running == 0:
        time.sleep(0.01)
    begun = time.monotonic()
    worker.stop()
    assert time.monotonic() - begun < 5
    assert store.jobs.get(job.id).progress.queued == 10
    assert all(item.attempts == 0 for item in store.jobs.items(job.id))
