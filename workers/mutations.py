"""Mutation jobs: one item, whose results are variants."""

from __future__ import annotations

from aludel.errors import StoreError
from aludel.jobs import JobKind, MutationRequest
from aludel.queue import dispatch
from aludel.records import VariantRecord
from aludel.store import Claim
from workers.leasing import LeaseKeeper, conclude
from workers.runtime import MutationContext, Runtime


def run_mutation(runtime: Runtime, job_id: str) -> None:
    """Carry out a mutation job; safe to run twice, since variants are recorded once.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """
    lease_s = runtime.settings.lease_s
    for claim in runtime.store.items.claim(job_id, runtime.name, 1, lease_s):
        with LeaseKeeper(runtime.store, lease_s, lambda held=claim: [held]):  # type: ignore[misc]
            _carry_out(runtime, claim)
    if not runtime.stopping.is_set() and runtime.store.items.waiting(job_id):
        dispatch(runtime.queue, runtime.store, job_id, JobKind.MUTATE, waiting=1)


def _carry_out(runtime: Runtime, claim: Claim) -> None:
    def record(variant: VariantRecord) -> bool:
        return runtime.store.variants.add(variant, claim.job_id)

    context = MutationContext(
        request=MutationRequest.model_validate(claim.payload),
        checker=runtime.checker,
        cached=runtime.cached,
        store=runtime.store,
        record=record,
        stopping=runtime.stopping.is_set,
    )
    try:
        summary = runtime.mutate(context)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a prover does, the item must end
        conclude(runtime, claim, error)
    else:
        runtime.store.items.finish_mutation(claim, dict(summary))
