"""Mutation jobs: one item, whose results are variants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aludel.errors import BackendUnavailable
from aludel.jobs import JobKind, MutationRequest
from aludel.mutation import MutationEngine, MutationReport, TargetOutcome
from aludel.mutation.plan import plan_of
from aludel.mutation.run import in_project, mutate
from aludel.progress import Silent
from aludel.records import VariantRecord
from aludel.store import Claim
from aludel.workers.leasing import run_single
from aludel.workers.runtime import MutationContext, Runtime


def run_mutation(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - the line decides which job is next
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

        if runtime.mutate is None:
            raise BackendUnavailable("this worker carries out no mutations")
        return runtime.mutate(
            MutationContext(
                request=MutationRequest.model_validate(claim.payload),
                checker=runtime.checker,
                cached=runtime.cached,
                store=runtime.store,
                project=runtime.settings.project,
                record=record,
                stopping=stopping,
            )
        )

    run_single(runtime, JobKind.MUTATE, carry_out)


def mutate_with_lean(context: MutationContext) -> Mapping[str, Any]:
    """Carry out the request and return its figures; a :data:`~aludel.workers.runtime.Mutator`.

    Raises:
        InvalidRequest: pattern, lemma, module or import does not exist.
        BackendUnavailable: the machine failed, or the worker was told to stop.
    """
    prover = context.checker
    engine = MutationEngine(prover.operations, context.cached, prover.size, context.stopping)
    report = MutationReport()

    def record(outcome: TargetOutcome) -> None:
        for variant in outcome.variants:
            context.record(variant)
        report.add(outcome.report)

    mutate(in_project(plan_of(context.request), context.project), engine, record, Silent())
    if context.stopping():
        raise BackendUnavailable("the worker was told to stop", fix="another one goes on")
    return report.figures()
