"""Jobs of one item: taken up under lease, carried out, and ended with a summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aludel.errors import StoreError
from aludel.jobs import JobKind
from aludel.queue import dispatch
from aludel.store import Claim
from aludel.workers.leasing import LeaseKeeper, conclude
from aludel.workers.runtime import Runtime

CarryOut = Callable[[Claim, Callable[[], bool]], Mapping[str, Any]]
"""Carries out an item until told to stop, and returns the job's summary (JSON)."""


def run_whole(runtime: Runtime, kind: JobKind, carry_out: CarryOut) -> None:
    """Carry out the first job of a kind in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """
    lease_s = runtime.settings.lease_s
    chosen = runtime.store.items.next_job(kind)
    if chosen is None:
        return
    for claim in runtime.store.items.claim(chosen, runtime.name, 1, lease_s):
        with LeaseKeeper(runtime.store, lease_s, lambda held=claim: [held]) as keeper:  # type: ignore[misc]
            _carry_out(runtime, claim, keeper, carry_out)
    following = runtime.store.items.next_job(kind)
    if following is not None and not runtime.stopping.is_set():
        dispatch(runtime.queue, runtime.store, following, kind, waiting=1)


def _carry_out(runtime: Runtime, claim: Claim, keeper: LeaseKeeper, carry_out: CarryOut) -> None:
    def stopping() -> bool:
        return runtime.stopping.is_set() or keeper.lost.is_set()

    try:
        summary = carry_out(claim, stopping)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever is behind it does, the item must end
        conclude(runtime, claim, error)
    else:
        runtime.store.items.finish_whole(claim, dict(summary))
