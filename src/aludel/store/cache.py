"""The caching checker: equal candidates are checked once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from aludel.models import Budget, CheckRequest, Toolchain, Undecided, Verdict, content_hash
from aludel.protocols import Checker
from aludel.store.reconsidering import Selection
from aludel.store.store import Store
from aludel.tenants import current_tenant

_Flight = tuple[str, Budget, str]
_Undecided = dict[_Flight, Undecided]


class CachedChecker:
    """A :class:`~aludel.protocols.Checker` that looks into the store first and records after.

    Equal requests that arrive at the same time wait for one check. Undecided verdicts are shared
    by those that wait for it with the same budget, and not kept.

    What rests on the word of a process that was caught at a false claim is taken back.

    Args:
        checker: the prover.
        store: where verdicts are looked up and recorded.
        caught: names the processes that were caught so far, by their labels.
    """

    def __init__(
        self, checker: Checker, store: Store, caught: Callable[[], frozenset[str]] = frozenset
    ) -> None:
        self._checker = checker
        self._store = store
        self._caught = caught
        self._taken_back: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        self._flights: dict[_Flight, Future[Verdict]] = {}

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that decides."""
        return self._checker.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        """Return the recorded verdict, or judge the candidate and record the verdict.

        A decided verdict is committed when this returns.

        Raises:
            InvalidRequest: the request itself is wrong.
            BackendUnavailable: the prover or the store failed.
        """
        return self._check(request, {})

    def batch(self) -> Checker:
        """Return a checker for one batch, which asks for undecided candidates only once too."""
        return _Batch(self)

    def close(self) -> None:
        """Close the checker; the store stays open."""
        self._checker.close()

    def _check(self, request: CheckRequest, undecided: _Undecided) -> Verdict:
        key = content_hash(self.toolchain.digest, request)
        flight = (key, request.budget, current_tenant())
        with self._lock:
            if flight in undecided:
                return undecided[flight]
            waiting = self._flights.get(flight)
            if waiting is None:
                mine = self._flights[flight] = Future()
        if waiting is not None:
            return waiting.result()
        return self._lead(flight, mine, request, undecided)

    def _lead(
        self,
        flight: _Flight,
        mine: Future[Verdict],
        request: CheckRequest,
        undecided: _Undecided,
    ) -> Verdict:
        verdict = None
        try:
            verdict = self._decide(flight[0], request)
        except BaseException as error:
            mine.set_exception(error)
            raise
        else:
            mine.set_result(verdict)
            return verdict
        finally:
            with self._lock:
                del self._flights[flight]
                if isinstance(verdict, Undecided):
                    undecided[flight] = verdict

    def _decide(self, key: str, request: CheckRequest) -> Verdict:
        known = self._store.verdicts.get(key)
        if known is not None:
            return known
        verdict = self._checker.check(request)
        if not isinstance(verdict, Undecided):
            self._store.verdicts.put(request, self.toolchain, verdict)
        self._take_back(verdict)
        return verdict

    def _take_back(self, latest: Verdict) -> None:
        """Take back what processes said that were caught, what was recorded just now included."""
        caught = self._caught()
        due = set(caught - self._taken_back)
        if latest.usage.process in caught:
            due.add(latest.usage.process)
        for label in sorted(due):
            found = self._store.reconsidering.find(Selection(process=label))
            self._store.reconsidering.take_back(found, f"process {label} made a false claim")
        self._taken_back |= caught


class _Batch:
    """A caching checker that lives as long as one batch, and remembers what stayed undecided."""

    def __init__(self, cached: CachedChecker) -> None:
        self._cached = cached
        self._undecided: _Undecided = {}

    @property
    def toolchain(self) -> Toolchain:
        return self._cached.toolchain

    def check(self, request: CheckRequest) -> Verdict:
        return self._cached._check(request, self._undecided)

    def close(self) -> None:
        self._cached.close()
