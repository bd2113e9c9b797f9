"""Cancelling, retrying, idempotent submission, the line, keys; on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from fake_checker import TOOLCHAIN

from aludel.errors import BackendCrashed, Conflict, NotFound, QuotaExceeded
from aludel.jobs import Failure, ItemState, JobKind, JobState, MutationRequest
from aludel.models import (
    Accepted,
    Budget,
    CheckRequest,
    Evidence,
    FStarContext,
    Prover,
    Undecided,
    UndecidedReason,
    content_hash,
)
from aludel.settings import Settings
from aludel.store import Claim, JobFilter, Scope, Store, Submission

LEASE_S = 10.0


class _Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def store(anywhere: Settings, clock: _Clock) -> Iterator[Store]:
    with Store.open(anywhere, clock) as opened:
        yield opened


def _requests(count: int, word: str = "accept") -> list[CheckRequest]:
    return [CheckRequest(code=f"{word} {i}") for i in range(count)]


def _finish(store: Store, claim: Claim) -> bool:
    request = CheckRequest.model_validate(claim.payload)
    key = content_hash(TOOLCHAIN.digest, request)
    verdict = Accepted(hash=key, evidence=Evidence())
    store.verdicts.put(request, TOOLCHAIN, verdict)
    return store.items.finish(claim, verdict)


def _undecided(store: Store, claim: Claim) -> bool:
    return store.items.finish(claim, Undecided(hash="h", reason=UndecidedReason.TIMEOUT))


def test_cancelling_ends_what_has_not_ended(store: Store) -> None:
    job = store.jobs.create_check(_requests(5))
    first, second = store.items.claim(job.id, "w", 2, LEASE_S)
    assert _finish(store, first)
    assert store.control.cancel(job.id) == 4
    ended = store.jobs.get(job.id)
    assert (ended.state, ended.progress.done, ended.progress.cancelled) == ("cancelled", 1, 4)
    assert ended.finished_at is not None
    assert not _finish(store, second)
    assert store.items.heartbeat([second], LEASE_S) == 0
    states = [item.state for item in store.jobs.items(job.id)]
    assert states == [ItemState.DONE] + [ItemState.CANCELLED] * 4
    assert store.control.cancel(job.id) == 0
    assert store.jobs.get(job.id) == ended
    assert store.items.next_job(JobKind.CHECK) is None
    assert len(store.jobs.events(job.id)) == 5


def test_a_mutation_can_be_cancelled(store: Store) -> None:
    job = store.jobs.create_mutation(MutationRequest(pattern="Nat.*"))
    [claim] = store.items.claim(job.id, "w", 1, LEASE_S)
    assert store.control.cancel(job.id) == 1
    assert not store.items.finish_whole(claim, {"accepted": 1})
    ended = store.jobs.get(job.id)
    assert (ended.state, ended.summary) == (JobState.CANCELLED, None)


def test_undecided_items_are_tried_again_with_a_larger_budget(store: Store) -> None:
    job = store.jobs.create_check(_requests(3))
    claims = store.items.claim(job.id, "w", 3, LEASE_S)
    assert _finish(store, claims[0])
    for claim in claims[1:]:
        assert _undecided(store, claim)
    last = store.jobs.events(job.id)[-1][0]
    assert store.control.retry(job.id, {"wall_s": 600}) == 2
    assert store.control.retry(job.id, {"wall_s": 600}) == 0
    reopened = store.jobs.get(job.id)
    assert (reopened.state, reopened.finished_at) == (JobState.RUNNING, None)
    assert (reopened.progress.queued, reopened.progress.undecided) == (2, 0)
    again = store.items.claim(job.id, "w", 3, LEASE_S)
    assert [c.attempt for c in again] == [1, 1]
    budgets = [CheckRequest.model_validate(c.payload).budget for c in again]
    assert budgets == [Budget(wall_s=600)] * 2
    for claim in again:
        assert _finish(store, claim)
    assert store.jobs.get(job.id).progress.accepted == 3
    assert [number > last for number, _ in store.jobs.events(job.id, last)] == [True, True]


def test_a_cancelled_job_is_not_retried(store: Store) -> None:
    job = store.jobs.create_check(_requests(2))
    store.control.cancel(job.id)
    with pytest.raises(Conflict):
        store.control.retry(job.id, {"wall_s": 1})
    for call in (store.control.cancel, lambda key: store.control.retry(key, {"wall_s": 1})):
        with pytest.raises(NotFound):
            call("nope")


def test_an_idempotency_key_means_one_job(store: Store) -> None:
    one = Submission(idempotency_key="k", digest="d")
    job = store.jobs.create_check(_requests(2), one)
    assert store.jobs.create_check(_requests(2), one) == job
    with pytest.raises(Conflict, match="another request"):
        store.jobs.create_check(_requests(3), Submission(idempotency_key="k", digest="e"))
    key, _ = store.keys.create("other")
    other = Submission(key.id, idempotency_key="k", digest="d")
    assert store.jobs.create_check(_requests(2), other).id != job.id


def test_equal_idempotency_keys_at_the_same_time(store: Store) -> None:
    one = Submission(idempotency_key="k", digest="d")
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: store.jobs.create_check(_requests(2), one).id, range(8)))
    assert len(set(made)) == 1
    assert len(store.jobs.page(JobFilter())) == 1


def test_jobs_are_listed_the_newest_first(store: Store) -> None:
    key, _ = store.keys.create("mine")
    made = [
        store.jobs.create_check(_requests(1), Submission(key.id if i % 2 else "anonymous")).id
        for i in range(5)
    ]
    assert [job.id for job in store.jobs.page(JobFilter())] == made[::-1]
    assert [job.id for job in store.jobs.page(JobFilter(key_id=key.id))] == [made[3], made[1]]
    first = store.jobs.page(JobFilter(), limit=2)
    before = (first[-1].created_at, first[-1].id)
    assert [job.id for job in store.jobs.page(JobFilter(before=before))] == made[2::-1]
    store.control.cancel(made[0])
    assert [j.id for j in store.jobs.page(JobFilter(state=JobState.CANCELLED))] == [made[0]]
    assert store.jobs.page(JobFilter(kind=JobKind.MUTATE)) == []


def _served(store: Store, count: int, batch: int = 1) -> list[str]:
    """Take ``count`` times from the front of the line, and finish what is taken."""
    order = []
    for _ in range(count):
        job = store.items.next_job(JobKind.CHECK, Prover.LEAN)
        assert job is not None
        for claim in store.items.claim(job, "w", batch, LEASE_S, Prover.LEAN):
            assert _finish(store, claim)
            order.append(job)
    return order


def test_keys_take_turns_item_by_item(store: Store) -> None:
    greedy, _ = store.keys.create("greedy")
    modest, _ = store.keys.create("modest")
    large = store.jobs.create_check(_requests(50), Submission(greedy.id)).id
    flood = [store.jobs.create_check(_requests(1), Submission(greedy.id)).id for _ in range(20)]
    _served(store, 5)
    small = [store.jobs.create_check(_requests(1), Submission(modest.id)).id for _ in range(5)]
    order = _served(store, 20)
    assert [order.index(job) for job in small] < [18] * 5
    assert large in order
    assert set(order) & set(flood)


def test_a_higher_priority_goes_first_and_a_small_job_does_not_wait(store: Store) -> None:
    large = store.jobs.create_check(_requests(50)).id
    _served(store, 1, batch=10)
    small = store.jobs.create_check(_requests(1)).id
    urgent = store.jobs.create_check(_requests(2), Submission(priority=5)).id
    idle = store.jobs.create_check(_requests(1), Submission(priority=-5)).id
    assert _served(store, 4) == [urgent, urgent, small, large]
    assert idle not in _served(store, 30)


def test_the_line_is_a_provers_own(store: Store) -> None:
    fstar = CheckRequest(code="let f = 1", context=FStarContext())
    job = store.jobs.create_check([fstar]).id
    assert store.items.next_job(JobKind.CHECK, Prover.LEAN) is None
    assert store.items.next_job(JobKind.CHECK, Prover.FSTAR) == job
    assert store.items.next_job(JobKind.MUTATE) is None


def test_a_check_that_names_a_toolchain_waits_for_a_worker_that_has_it(store: Store) -> None:
    named = CheckRequest(code="accept named", toolchain="lean-native")
    job = store.jobs.create_check([named, CheckRequest(code="accept any")]).id
    lean = (JobKind.CHECK, Prover.LEAN)
    [claim] = store.items.claim(job, "w", 5, LEASE_S, Prover.LEAN, "lean-embedded")
    assert claim.position == 1
    assert store.items.next_job(*lean, "lean-embedded") is None
    assert store.items.next_job(*lean, "lean-native") == store.items.next_job(*lean) == job
    [claim] = store.items.claim(job, "w", 5, LEASE_S, Prover.LEAN, "lean-native")
    assert claim.position == 0


def test_two_finish_the_last_two_items_at_once(store: Store) -> None:
    for _ in range(10):
        job = store.jobs.create_check(_requests(8))
        claims = store.items.claim(job.id, "w", 8, LEASE_S)
        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(lambda claim: _finish(store, claim), claims))
        assert store.jobs.get(job.id).state is JobState.DONE
        numbers = [number for number, _ in store.jobs.events(job.id)]
        assert numbers == list(range(1, 9))


def test_a_failed_item_says_why_the_job_failed(store: Store) -> None:
    job = store.jobs.create_check(_requests(1))
    [claim] = store.items.claim(job.id, "w", 1, LEASE_S)
    failure = Failure.of(BackendCrashed("it died"))
    store.items.fail(claim, failure)
    assert store.jobs.get(job.id).error == failure
    assert store.jobs.get(job.id).progress.failed == 1


def test_a_key_opens_until_it_is_revoked(store: Store) -> None:
    key, shown = store.keys.create("lab", [Scope.READ], max_waiting=3, per_minute=10)
    assert store.keys.find(shown) == key
    secret = shown.split("_", 2)[2]  # which may hold further underscores
    for wrong in ("", "aludel", shown[:-1] + "!", shown[:-1], f"aludel_{'0' * 12}_{secret}"):
        assert store.keys.find(wrong) is None
    assert {k.name for k in store.keys.list()} == {"anonymous", "lab"}
    with store._database.read() as connection:
        dump = str(connection.exec_driver_sql("SELECT * FROM api_keys").all())
    assert secret not in dump
    store.keys.revoke(key.id)
    store.keys.revoke(key.id)
    assert store.keys.find(shown) is None
    for unknown in ("nope", "anonymous"):
        with pytest.raises(NotFound):
            store.keys.revoke(unknown)


def test_a_quota_by_the_minute(store: Store, clock: _Clock) -> None:
    key, _ = store.keys.create("lab", per_minute=5)
    mine = Submission(key.id)
    store.jobs.create_check(_requests(3), mine)
    with pytest.raises(QuotaExceeded) as caught:
        store.jobs.create_check(_requests(3), mine)
    assert 59 < caught.value.retry_after_s < 60
    assert store.jobs.unfinished() == {key.id: 3}
    store.jobs.create_check(_requests(2), mine)
    clock.now += timedelta(seconds=61)
    store.jobs.create_check(_requests(5), mine)
    assert store.jobs.unfinished() == {key.id: 10}
