"""Jobs, items and leases; the state machine is driven by Hypothesis."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_checker import TOOLCHAIN
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from postgres_server import NEEDS_POSTGRES, Postgres

from aludel.errors import BackendCrashed, NotFound
from aludel.jobs import Failure, ItemState, JobKind, JobState, MutationRequest
from aludel.models import (
    Accepted,
    CheckRequest,
    Evidence,
    Undecided,
    UndecidedReason,
    content_hash,
)
from aludel.settings import Settings
from aludel.store import Claim, Stalled, Store
from aludel.store.leases import MAX_ATTEMPTS

LEASE_S = 10.0
FAILURE = Failure.of(BackendCrashed("it died"))


class FakeClock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def timed(anywhere: Settings, clock: FakeClock) -> Iterator[Store]:
    with Store.open(anywhere, clock) as opened:
        yield opened


def _requests(count: int) -> list[CheckRequest]:
    return [CheckRequest(code=f"accept {i}", metadata={"i": str(i)}) for i in range(count)]


def _accept(store: Store, claim: Claim) -> Accepted:
    request = CheckRequest.model_validate(claim.payload)
    key = content_hash(TOOLCHAIN.digest, request)
    verdict = Accepted(hash=key, evidence=Evidence())
    store.verdicts.put(request, TOOLCHAIN, verdict)
    return verdict


def test_a_check_job_from_its_creation_to_its_end(timed: Store, clock: FakeClock) -> None:
    job = timed.jobs.create_check(_requests(3))
    assert (job.kind, job.state, job.total) == (JobKind.CHECK, JobState.QUEUED, 3)
    assert timed.jobs.get(job.id) == job
    clock.advance(2)
    first, second = timed.items.claim(job.id, "w", 2, LEASE_S)
    assert timed.jobs.state(job.id) is JobState.RUNNING
    assert timed.items.finish(first, _accept(timed, first))
    undecided = Undecided(hash="h", reason=UndecidedReason.TIMEOUT)
    assert timed.items.finish(second, undecided)
    [third] = timed.items.claim(job.id, "w", 2, LEASE_S)
    assert timed.items.fail(third, FAILURE)
    ended = timed.jobs.get(job.id)
    assert (ended.state, ended.started_at, ended.finished_at) == (
        JobState.DONE,
        clock.now,
        clock.now,
    )
    progress = ended.progress
    assert (progress.done, progress.failed, progress.accepted, progress.undecided) == (2, 1, 1, 1)
    items = timed.jobs.items(job.id)
    assert [item.state for item in items] == [ItemState.DONE, ItemState.DONE, ItemState.FAILED]
    assert items[0].verdict is not None
    assert items[0].verdict.kind == "accepted"
    assert items[0].verdict.usage.queue_s == 2.0
    assert items[1].verdict is not None
    assert items[1].verdict.kind == "undecided"
    assert timed.verdicts.get("h") is None
    assert items[2].error == FAILURE
    assert [item.metadata["i"] for item in items] == ["0", "1", "2"]


def test_a_job_fails_when_none_of_its_items_could_be_carried_out(timed: Store) -> None:
    job = timed.jobs.create_check(_requests(2))
    for claim in timed.items.claim(job.id, "w", 2, LEASE_S):
        timed.items.fail(claim, FAILURE)
    ended = timed.jobs.get(job.id)
    assert (ended.state, ended.error) == (JobState.FAILED, FAILURE)


def test_a_mutation_job_keeps_its_request_and_summary(timed: Store) -> None:
    request = MutationRequest(pattern="Nat.*", lemmas=("Nat.add_comm",), seed=7)
    job = timed.jobs.create_mutation(request)
    [claim] = timed.items.claim(job.id, "w", 5, LEASE_S)
    assert MutationRequest.model_validate(claim.payload) == request
    assert timed.items.finish_whole(claim, {"accepted": 3})
    ended = timed.jobs.get(job.id)
    assert (ended.state, ended.request, ended.summary) == (JobState.DONE, request, {"accepted": 3})


def test_items_are_listed_in_pages(timed: Store) -> None:
    job = timed.jobs.create_check(_requests(5))
    assert [i.position for i in timed.jobs.items(job.id, limit=2)] == [0, 1]
    assert [i.position for i in timed.jobs.items(job.id, after=1, limit=9)] == [2, 3, 4]


def test_unknown_jobs(timed: Store) -> None:
    for call in (timed.jobs.get, timed.jobs.state):
        with pytest.raises(NotFound):
            call("nope")


def test_a_worker_that_lost_its_lease_changes_nothing(timed: Store, clock: FakeClock) -> None:
    job = timed.jobs.create_check(_requests(1))
    [slow] = timed.items.claim(job.id, "slow", 1, LEASE_S)
    clock.advance(LEASE_S + 1)
    timed.items.sweep(1_000)
    [quick] = timed.items.claim(job.id, "quick", 1, LEASE_S)
    assert timed.items.heartbeat([slow], LEASE_S) == 0
    assert not timed.items.finish(slow, _accept(timed, slow))
    assert not timed.items.fail(slow, FAILURE)
    assert timed.items.release([slow], tried=True) == 0
    assert timed.jobs.get(job.id).progress.running == 1
    assert timed.items.finish(quick, _accept(timed, quick))


def test_a_heartbeat_keeps_the_lease(timed: Store, clock: FakeClock) -> None:
    job = timed.jobs.create_check(_requests(1))
    claims = timed.items.claim(job.id, "w", 1, LEASE_S)
    for _ in range(5):
        clock.advance(LEASE_S - 1)
        assert timed.items.heartbeat(claims, LEASE_S) == 1
        assert timed.items.sweep(1_000) == [] or timed.items.waiting(job.id) == 0
    assert timed.jobs.get(job.id).progress.running == 1


def test_an_item_that_takes_workers_with_it_fails_in_the_end(
    timed: Store, clock: FakeClock
) -> None:
    job = timed.jobs.create_check(_requests(1))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        [claim] = timed.items.claim(job.id, "w", 1, LEASE_S)
        assert claim.attempt == attempt
        clock.advance(LEASE_S + 1)
        timed.items.sweep(1_000)
    ended = timed.jobs.get(job.id)
    assert ended.state is JobState.FAILED
    assert ended.error is not None
    assert ended.error.code == "backend_crashed"


def test_stopping_a_worker_costs_no_attempt(timed: Store) -> None:
    job = timed.jobs.create_check(_requests(1))
    for _ in range(MAX_ATTEMPTS + 1):
        claims = timed.items.claim(job.id, "w", 1, LEASE_S)
        assert timed.items.release(claims, tried=False) == 1
    [claim] = timed.items.claim(job.id, "w", 1, LEASE_S)
    assert claim.attempt == 1


def test_the_sweep_finds_jobs_that_need_a_message(timed: Store, clock: FakeClock) -> None:
    unsent, sent, busy, over = (timed.jobs.create_check(_requests(2)) for _ in range(4))
    for job in (sent, busy):
        timed.jobs.mark_enqueued(job.id)
    timed.items.claim(busy.id, "w", 1, lease_s=1_000)
    for claim in timed.items.claim(over.id, "w", 2, LEASE_S):
        timed.items.finish(claim, _accept(timed, claim))
    assert timed.items.sweep(resend_after_s=60) == [Stalled(unsent.id, JobKind.CHECK, 2)]
    assert timed.items.sweep(resend_after_s=60) == []
    clock.advance(61)
    found = {stalled.job_id for stalled in timed.items.sweep(resend_after_s=60)}
    assert found == {unsent.id, sent.id}
    assert timed.items.sweep(resend_after_s=60) == []


def test_the_sweep_sends_a_job_whose_worker_died_at_once(timed: Store, clock: FakeClock) -> None:
    job = timed.jobs.create_check(_requests(3))
    timed.items.claim(job.id, "dead", 2, LEASE_S)
    timed.jobs.mark_enqueued(job.id)
    clock.advance(LEASE_S + 1)
    assert timed.items.sweep(resend_after_s=1_000) == [Stalled(job.id, JobKind.CHECK, 3)]


@dataclass
class _Expected:
    """What the model knows of an item."""

    state: ItemState = ItemState.QUEUED
    holder: Claim | None = None
    expires: datetime | None = None
    attempts: int = 0


class LeaseMachine(RuleBasedStateMachine):
    """Workers claim, beat, finish, release and die; time passes; sweeps run."""

    SIZE = 4
    URL = ""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        place = Settings(data_dir=self.folder, database_url=self.URL)
        self.store = Store.open(place, self.clock)
        self.job = self.store.jobs.create_check(_requests(self.SIZE)).id
        self.items = [_Expected() for _ in range(self.SIZE)]
        self.claims: list[Claim] = []

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def _holds(self, claim: Claim) -> bool:
        return self.items[claim.position].holder == claim

    @rule(worker=st.sampled_from(["a", "b"]), limit=st.integers(1, 3))
    def claim(self, worker: str, limit: int) -> None:
        queued = [i for i, item in enumerate(self.items) if item.state is ItemState.QUEUED]
        claims = self.store.items.claim(self.job, worker, limit, LEASE_S)
        assert [claim.position for claim in claims] == queued[:limit]
        for claim in claims:
            item = self.items[claim.position]
            item.attempts += 1
            assert claim.attempt == item.attempts
            item.state, item.holder = ItemState.RUNNING, claim
            item.expires = self.clock.now + timedelta(seconds=LEASE_S)
        self.claims += claims

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), failed=st.booleans())
    def end(self, data: st.DataObject, failed: bool) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        held = self._holds(claim)
        if failed:
            assert self.store.items.fail(claim, FAILURE) == held
        else:
            assert self.store.items.finish(claim, _accept(self.store, claim)) == held
        if held:
            item = self.items[claim.position]
            item.state, item.holder = (ItemState.FAILED if failed else ItemState.DONE), None

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        chosen = data.draw(st.lists(st.sampled_from(self.claims), max_size=3))
        held = list({c.item_id: c for c in chosen if self._holds(c)}.values())
        assert self.store.items.heartbeat(chosen, LEASE_S) == len(held)
        for claim in held:
            self.items[claim.position].expires = self.clock.now + timedelta(seconds=LEASE_S)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), tried=st.booleans())
    def release(self, data: st.DataObject, tried: bool) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        held = self._holds(claim)
        assert self.store.items.release([claim], tried=tried) == int(held)
        if held:
            item = self.items[claim.position]
            item.state, item.holder = ItemState.QUEUED, None
            item.attempts -= 0 if tried else 1
        # A worker does not use a lease that it gave back.
        self.claims.remove(claim)

    @rule(seconds=st.sampled_from([1.0, LEASE_S / 2, LEASE_S + 1]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def sweep(self) -> None:
        self.store.items.sweep(resend_after_s=30)
        for item in self.items:
            if item.state is ItemState.RUNNING and item.expires < self.clock.now:  # type: ignore[operator]
                gave_up = item.attempts >= MAX_ATTEMPTS
                item.state = ItemState.FAILED if gave_up else ItemState.QUEUED
                item.holder = None

    @invariant()
    def the_store_agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        found = self.store.jobs.items(self.job)
        assert [item.state for item in found] == [item.state for item in self.items]
        job = self.store.jobs.get(self.job)
        progress = job.progress
        assert progress.queued + progress.running + progress.done + progress.failed == self.SIZE
        ended = progress.done + progress.failed == self.SIZE
        assert (job.state in (JobState.DONE, JobState.FAILED)) == ended
        assert (job.finished_at is not None) == ended


TestLeases = LeaseMachine.TestCase
TestLeases.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)


class PostgresLeaseMachine(LeaseMachine):
    """The same on one PostgreSQL database, in which the jobs of all examples stay."""


@pytest.fixture(scope="module")
def lease_database(postgres: Postgres, postgres_template: str) -> None:
    PostgresLeaseMachine.URL = postgres.create(postgres_template)


@pytest.mark.usefixtures("lease_database")
class TestLeasesOnPostgresql(PostgresLeaseMachine.TestCase):  # type: ignore[name-defined,misc]
    pytestmark = NEEDS_POSTGRES
    settings = settings(max_examples=15, stateful_step_count=30, deadline=None)
