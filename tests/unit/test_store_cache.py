"""The caching checker: equal candidates are checked once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_checker import TOOLCHAIN, FakeChecker

from aludel.errors import BackendCrashed, InvalidRequest
from aludel.models import Budget, CheckRequest, Policy, Verdict, content_hash
from aludel.settings import Settings
from aludel.store import CachedChecker, Store
from aludel.tenants import working_for


@pytest.fixture
def store(anywhere: Settings) -> Iterator[Store]:
    with Store.open(anywhere) as opened:
        yield opened


@pytest.fixture
def checker() -> FakeChecker:
    return FakeChecker()


@pytest.fixture
def cached(checker: FakeChecker, store: Store) -> CachedChecker:
    return CachedChecker(checker, store)


@pytest.mark.parametrize("code", ["accept", "reject"])
def test_a_decided_candidate_is_checked_once(
    cached: CachedChecker, checker: FakeChecker, store: Store, code: str
) -> None:
    first = cached.check(CheckRequest(code=code))
    again = cached.check(CheckRequest(code=code, budget=Budget(wall_s=1), metadata={"a": "b"}))
    assert first == again == store.verdicts.get(first.hash)
    assert checker.calls == [code]
    assert cached.toolchain == TOOLCHAIN


def test_whatever_decides_is_part_of_the_key(cached: CachedChecker, checker: FakeChecker) -> None:
    cached.check(CheckRequest(code="accept"))
    cached.check(CheckRequest(code="accept", statement="theorem t : True"))
    cached.check(CheckRequest(code="accept", policy=Policy(allow_helpers=False)))
    assert len(checker.calls) == 3


def test_undecided_is_asked_again(
    cached: CachedChecker, checker: FakeChecker, store: Store
) -> None:
    request = CheckRequest(code="undecided")
    verdict = cached.check(request)
    assert store.verdicts.get(verdict.hash) is None
    cached.check(request)
    assert len(checker.calls) == 2


@pytest.mark.parametrize(("code", "kind"), [("invalid", InvalidRequest), ("crash", BackendCrashed)])
def test_errors_pass_through_and_leave_nothing(
    cached: CachedChecker, checker: FakeChecker, code: str, kind: type[Exception]
) -> None:
    for _ in range(2):
        with pytest.raises(kind):
            cached.check(CheckRequest(code=code))
    assert len(checker.calls) == 2


@pytest.mark.parametrize("code", ["sleep 0.3 accept", "sleep 0.3 undecided", "sleep 0.3 reject"])
def test_equal_candidates_at_the_same_time_wait_for_one_check(
    cached: CachedChecker, checker: FakeChecker, code: str
) -> None:
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(cached.check, [CheckRequest(code=code)] * 8))
    assert checker.calls == [code]
    assert all(verdict == verdicts[0] for verdict in verdicts)


def test_waiting_ones_share_the_error_of_the_one_that_checks(
    cached: CachedChecker, checker: FakeChecker
) -> None:
    def check(_: int) -> str:
        try:
            return cached.check(CheckRequest(code="sleep 0.3 crash")).kind
        except BackendCrashed as error:
            return error.code

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(check, range(4))) == {"backend_crashed"}
    assert len(checker.calls) == 1


def test_another_process_may_have_recorded_meanwhile(store: Store) -> None:
    slow, quick = FakeChecker(), FakeChecker()
    request = CheckRequest(code="sleep 0.2 accept")
    verdicts = []
    threads = [
        threading.Thread(target=lambda c=c: verdicts.append(CachedChecker(c, store).check(request)))
        for c in (slow, quick)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {verdict.hash for verdict in verdicts} == {verdicts[0].hash}
    assert store.verdicts.get(verdicts[0].hash) in verdicts


def test_closing_closes_the_checker_and_not_the_store(
    cached: CachedChecker, checker: FakeChecker, store: Store
) -> None:
    verdict = cached.check(CheckRequest(code="accept"))
    cached.close()
    assert checker._closed.is_set()
    assert store.verdicts.get(verdict.hash) == verdict


class Labelled(FakeChecker):
    """Its claims are made by the process that the candidate's last word names."""

    def check(self, request: CheckRequest) -> Verdict:
        verdict = super().check(request)
        usage = verdict.usage.model_copy(update={"process": request.code.split()[-1]})
        return verdict.model_copy(update={"usage": usage})


def test_what_a_process_said_that_is_caught_is_taken_back(store: Store) -> None:
    caught: set[str] = set()
    cached = CachedChecker(Labelled(), store, lambda: frozenset(caught))
    codes = ["accept 1 liar", "reject 2 liar", "accept 3 honest"]
    before = [cached.check(CheckRequest(code=code)).hash for code in codes]
    caught.add("liar")
    # One that was under way meanwhile is recorded after its process was caught.
    late = [cached.check(CheckRequest(code=c)).hash for c in ("accept 4 liar", "accept 5 honest")]
    kept = [store.verdicts.get(key) is not None for key in (*before, *late)]
    assert kept == [False, False, True, False, True]
    [(_, why, kind)] = store.reconsidering.history(before[1])
    assert (why, kind) == ("process liar made a false claim", "rejected")
    assert cached.check(CheckRequest(code="accept 3 honest")).kind == "accepted"


class Spoilt(FakeChecker):
    """Its warm processes take every candidate for ``spoilt``, if that is set; fresh ones do not."""

    spoilt = ""

    def check(self, request: CheckRequest) -> Verdict:
        if not self.spoilt or request.tier == "replay":
            return super().check(request)
        verdict = super().check(request.model_copy(update={"code": self.spoilt}))
        return verdict.model_copy(update={"hash": content_hash(TOOLCHAIN.digest, request)})


class Keys:
    """Two keys whose processes may decide differently; ``asked`` is what each asked for before."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: set[tuple[str, str]] = set()
        monkeypatch.setattr(
            store.verdicts, "asked_by", lambda key, tenant: (key, tenant) in self.asked
        )
        self.checkers = {"anna": Spoilt(), "bert": Spoilt()}
        self._caching = {
            name: CachedChecker(checker, store, per_key=True)
            for name, checker in self.checkers.items()
        }

    def check(self, name: str, code: str, *, says: str = "") -> Verdict:
        """Have a key check ``code``; its warm processes take it for ``says``."""
        with working_for(name):
            self.checkers[name].spoilt = says
            verdict = self._caching[name].check(CheckRequest(code=code))
        self.asked.add((verdict.hash, name))
        return verdict


def test_kept_apart_a_key_relies_on_its_own_verdicts(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys(store, monkeypatch)
    for name in ("anna", "anna", "bert", "bert"):
        assert keys.check(name, "accept 1").kind == "accepted"
    assert [keys.checkers[name].calls for name in ("anna", "bert")] == [["accept 1"]] * 2


@pytest.mark.parametrize(("truth", "forged"), [("accept 1", "reject"), ("reject 1", "accept")])
def test_what_one_key_forges_is_nobody_elses(
    store: Store, monkeypatch: pytest.MonkeyPatch, truth: str, forged: str
) -> None:
    keys = Keys(store, monkeypatch)
    first = keys.check("anna", truth, says=forged)
    second = keys.check("bert", truth)
    assert first.kind.startswith(forged) and second.kind.startswith(truth[:6])
    assert store.verdicts.get(first.hash) == second
    [(_, why, kind)] = store.reconsidering.history(first.hash)
    assert (why, kind) == ("a process that read nothing else decides otherwise", first.kind)
    assert keys.check("anna", truth) == second


@pytest.mark.parametrize(("truth", "forged"), [("accept 1", "reject"), ("reject 1", "accept")])
def test_a_key_that_forges_takes_nothing_from_others(
    store: Store, monkeypatch: pytest.MonkeyPatch, truth: str, forged: str
) -> None:
    keys = Keys(store, monkeypatch)
    first = keys.check("anna", truth)
    assert keys.check("bert", truth, says=forged) == first
    assert keys.check("anna", truth) == first and store.reconsidering.history(first.hash) == []


def test_undecided_alone_both_stay_as_they_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Keys(store, monkeypatch)
    first = keys.check("anna", "undecided", says="accept")
    second = keys.check("bert", "undecided", says="reject")
    assert (first.kind, second.kind, second.reason) == ("accepted", "undecided", "elaborator")
    assert second.hash == first.hash and store.verdicts.get(first.hash) == first
