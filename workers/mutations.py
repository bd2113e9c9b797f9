"""Mutation jobs: one item, whose results are variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aludel.jobs import JobKind, MutationRequest
from aludel.records import VariantRecord
from aludel.store import Claim
from aludel.workers.runtime import MutationContext, Runtime
from aludel.workers.wholes import run_whole


def run_mutation(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Carry out a mutation job, the first in the line; variants are recorded once.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """

    def carry_out(claim: Claim, stopping: Callable[[], bool]) -> Mapping[str, Any]:
        def record(variant: VariantRecord) -> bool:
            return runtime.store.variants.add(variant, claim.job_id)

        return runtime.mutate(
            MutationContext(
                request=MutationRequest.model_validate(claim.payload),
                checker=runtime.checker,
                cached=runtime.cached,
                store=runtime.store,
                record=record,
                stopping=stopping,
            )
        )

    run_whole(runtime, JobKind.MUTATE, carry_out)
