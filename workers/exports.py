"""Export jobs: one item, whose result is a dataset in a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aludel.job_requests import ExportRequest
from aludel.jobs import JobKind
from aludel.store import Claim
from aludel.workers.runtime import ExportContext, Runtime
from aludel.workers.wholes import run_whole


def run_export(runtime: Runtime, job_id: str) -> None:  # noqa: ARG001 - see below
    """Carry out an export job, the first in the line.

    Args:
        runtime: the worker.
        job_id: the job that the message was sent for; another one may be before it in the line.

    Raises:
        StoreError: the database cannot be used; the lease will run out and free the item.
    """

    def carry_out(claim: Claim, stopping: Callable[[], bool]) -> Mapping[str, Any]:
        request = ExportRequest.model_validate(claim.payload)
        return runtime.export(
            ExportContext(
                request=request,
                store=runtime.store,
                checker=runtime.checker,
                folder=runtime.settings.datasets_dir / request.name,
                report=lambda figures: runtime.store.items.report(claim, dict(figures)),
                stopping=stopping,
            )
        )

    run_whole(runtime, JobKind.EXPORT, carry_out)
