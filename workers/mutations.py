"""Mutation jobs: one item, whose results are variants."""

from __future__ import annotations

from aludel.errors import StoreError
from aludel.jobs import JobKind, MutationRequest
from aludel.queue import dispatch
from aludel.records import VariantRecord
from aludel.store import Claim
from workers.leasing import LeaseKeeper, conclude
from workers.runtime import MutationContext, Runtime


def run_mutation(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Carry out a mutation job, the first in the line; variants are recorded once.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """
    lease_s = runtime.settings.lease_s
    chosen = runtime.store.items.next_job(JobKind.MUTATE)
    if chosen is None:
        return
    for claim in runtime.store.items.claim(chosen, runtime.name, 1, lease_s):
        with LeaseKeeper(runtime.store, lease_s, lambda held=claim: [held]) as keeper:  # type: ignore[misc]
            _carry_out(runtime, claim, keeper)
    following = runtime.store.items.next_job(JobKind.MUTATE)
    if following is not None and not runtime.stopping.is_set():
        dispatch(runtime.queue, runtime.store, following, JobKind.MUTATE, waiting=1)


def _carry_out(runtime: Runtime, claim: Claim, keeper: LeaseKeeper) -> None:
    def record(variant: VariantRecord) -> bool:
        return runtime.store.variants.add(variant, claim.job_id)

    context = MutationContext(
        request=MutationRequest.model_validate(claim.payload),
        checker=runtime.checker,
        cached=runtime.cached,
        store=runtime.store,
        record=record,
        stopping=lambda: runtime.stopping.is_set() or keeper.lost.is_set(),
    )
    try:
        summary = runtime.mutate(context)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a prover does, the item must end
        conclude(runtime, claim, error)
    else:
        runtime.store.items.finish_whole(claim, dict(summary))
