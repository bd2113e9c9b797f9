"""The caching checker: equal candidates are checked once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future

from aludel.models import (
    Accepted,
    Budget,
    CheckRequest,
    Prover,
    Rejected,
    Toolchain,
    Undecided,
    UndecidedReason,
    Verdict,
    content_hash,
)
from aludel.protocols import Checker
from aludel.store.reconsidering import Selection
from aludel.store.store import Store
from aludel.tenants import current_tenant

_LOG = logging.getLogger(__name__)
_BELIED = "a process that read nothing else decides otherwise"
_Flight = tuple[str, Budget, str]
_Undecided = dict[_Flight, Undecided]


class CachedChecker:
    """A :class:`~aludel.protocols.Checker` that looks into the store first and records after.

    Equal requests that arrive at the same time wait for one check. Undecided verdicts are shared
    by those that wait for it with the same budget, and not kept.

    What rests on the word of a process that was caught at a false claim is taken back.

    Where keys are kept apart, a key is answered with verdicts that it had asked for itself: what
    another's processes said is checked again, in those of this key.

    Args:
        checker: the prover.
        store: where verdicts are looked up and recorded.
        caught: names the processes that were caught so far, by their labels.
        per_key: whether keys are kept apart.
    """

    def __init__(
        self,
        checker: Checker,
        store: Store,
        caught: Callable[[], frozenset[str]] = frozenset,
        *,
        per_key: bool = False,
    ) -> None:
        self._checker = checker
        self._store = store
        self._caught = caught
        self._per_key = per_key
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
        if known is not None and self._is_own(key):
            return known
        verdict = self._checker.check(request)
        if known is not None:
            verdict = self._settled(request, known, verdict)
        if not isinstance(verdict, Undecided):
            self._store.verdicts.put(request, self.toolchain, verdict)
        self._take_back(verdict)
        return verdict

    def _is_own(self, key: str) -> bool:
        tenant = current_tenant()
        return not (self._per_key and tenant) or self._store.verdicts.asked_by(key, tenant)

    def _settled(
        self, request: CheckRequest, known: Accepted | Rejected, latest: Verdict
    ) -> Verdict:
        """Return what holds of a verdict of another key's processes and one of this key's.

        Where they differ one of the keys may have spoilt its own, so neither is believed: a process
        that reads nothing but this request decides. The verdict that it belies is taken back.
        """
        if isinstance(latest, Undecided) or latest.kind == known.kind:
            return latest
        _LOG.error("verdict %s was %s for another key, now %s", known.hash, known.kind, latest.kind)
        alone = self._alone(request)
        if alone == known.kind:
            return known
        if alone == latest.kind:
            self._store.reconsidering.take_back_one(known.hash, _BELIED)
            return latest
        return Undecided(
            reason=UndecidedReason.ELABORATOR,
            message=f"this key's processes say {latest.kind}, those of another say {known.kind}",
            hash=known.hash,
            usage=latest.usage,
        )

    def _alone(self, request: CheckRequest) -> str:
        """Return the kind of the second tier's verdict; F* has none, so it is undecided."""
        if self.toolchain.prover is not Prover.LEAN:
            return "undecided"
        return self._checker.check(request.model_copy(update={"tier": "replay"})).kind

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
