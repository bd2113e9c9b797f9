"""Sessions of tactics, each of which belongs to the key that opened it."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aludel.errors import InvalidRequest, NotFound, QuotaExceeded
from aludel.goals import GoalRequest, Goals, GoalState, Step
from aludel.models import CheckRequest
from aludel.settings import Settings
from aludel.store import ApiKey
from aludel.store.keys import tenant_of
from aludel.tenants import working_for

_REMEMBERED = 10_000
_RETRY_S = 10.0


@dataclass
class _Owned:
    """The owner of a session; ``used_at`` is monotonic time in seconds."""

    key_id: str
    ttl_s: float
    used_at: float = field(default_factory=time.monotonic)
    closed: bool = False

    @property
    def is_open(self) -> bool:
        return not self.closed and time.monotonic() - self.used_at <= self.ttl_s


class KeyedGoals:
    """Sessions of tactics on behalf of keys. Thread-safe.

    To every other key a session is one that does not exist. What a key does in sessions counts
    against its quotas, and no key may have more than its share of them.

    Args:
        goals: the sessions themselves.
        settings: how many a key may have, and for how long.
        charge: counts items against a key's quota of the minute; raises QuotaExceeded.
    """

    def __init__(
        self, goals: Goals, settings: Settings, charge: Callable[[str, int], None]
    ) -> None:
        self._goals = goals
        self._charge = charge
        self._share = settings.goal_key_sessions or max(1, settings.goal_sessions // 2)
        self._alone = not settings.require_key
        self._ttl_s = settings.goal_ttl_s
        self._lock = threading.Lock()
        self._owned: OrderedDict[str, _Owned] = OrderedDict()
        self._opening: dict[str, int] = {}

    def open(self, key: ApiKey, request: GoalRequest) -> GoalState:
        """Start a session of ``key``; otherwise as :meth:`aludel.goals.Goals.open`.

        Raises:
            InvalidRequest: it would be kept longer than the operator allows.
            QuotaExceeded: the key has as many sessions as it may, or used up its minute.
        """
        if request.ttl_s > self._ttl_s:
            raise InvalidRequest(
                f"a session is kept for {self._ttl_s:g} s of silence at most",
                field="ttl_s",
                fix="ask for less; `tactics` replays a session that ended",
            )
        self._begin(key)
        try:
            self._charge_for(key, 1 + len(request.tactics))
            with working_for(tenant_of(key.id)):
                state = self._goals.open(request)
            with self._lock:
                self._owned[state.session] = _Owned(key.id, request.ttl_s)
                self._forget_oldest()
            return state
        finally:
            with self._lock:
                self._opening[key.id] -= 1

    def step(self, key: ApiKey, session: str, state: int, tactics: Sequence[str]) -> list[Step]:
        """Try tactics in a session of ``key``; raises as :meth:`aludel.goals.Goals.step`."""
        self._reach(key, session)
        self._charge_for(key, len(tactics))
        return self._goals.step(session, state, tactics)

    def get(self, key: ApiKey, session: str, state: int) -> GoalState:
        """Return a state of a session of ``key``; raises as :meth:`aludel.goals.Goals.step`."""
        self._reach(key, session)
        return self._goals.get(session, state)

    def script(self, key: ApiKey, session: str, state: int) -> CheckRequest:
        """Return a proof so far; raises as :meth:`aludel.goals.Goals.step`."""
        self._reach(key, session)
        return self._goals.script(session, state)

    def close(self, key: ApiKey, session: str) -> None:
        """End a session of ``key``; safe to call twice, and for one that never was."""
        try:
            self._reach(key, session).closed = True
        except NotFound:
            return
        self._goals.close(session)

    def _forget_oldest(self) -> None:
        """Forget sessions that are over, the oldest first, where too many are remembered."""
        over = [name for name, one in self._owned.items() if not one.is_open]
        for name in over[: max(0, len(self._owned) - _REMEMBERED)]:
            del self._owned[name]

    def _charge_for(self, key: ApiKey, items: int) -> None:
        if key.per_minute is not None:
            self._charge(key.id, items)

    def _begin(self, key: ApiKey) -> None:
        """Reserve a place for a session that is being opened."""
        with self._lock:
            mine = sum(one.key_id == key.id and one.is_open for one in self._owned.values())
            mine += self._opening.get(key.id, 0)
            share = self._share if key.max_waiting is None else min(self._share, key.max_waiting)
            if mine >= share and not self._alone:
                raise QuotaExceeded(
                    f"the key has {mine} sessions, and may have {share}; close one, or wait "
                    "until one expires",
                    retry_after_s=_RETRY_S,
                )
            self._opening[key.id] = self._opening.get(key.id, 0) + 1

    def _reach(self, key: ApiKey, session: str) -> _Owned:
        with self._lock:
            owned = self._owned.get(session)
            if owned is None or owned.key_id != key.id:
                raise NotFound("there is no such session", field="session")
            owned.used_at = time.monotonic()
            return owned
