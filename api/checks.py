"""``POST /v1/checks``: judge candidates."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import Discriminator, Tag

from aludel.api.auth import Submitter
from aludel.api.examples import CHECK_EXAMPLES
from aludel.api.service import Service, ServiceDep
from aludel.api.submission import How
from aludel.api.text import StrictRoute
from aludel.http_models import MAX_WAIT_S, CheckBatch, Submitted
from aludel.models import CheckRequest

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["checks"])


def _one_or_batch(body: Any) -> str:  # noqa: ANN401 - whatever JSON the caller sent
    return "batch" if isinstance(body, dict) and "requests" in body else "one"


CheckBody = Annotated[
    Annotated[CheckRequest, Tag("one")] | Annotated[CheckBatch, Tag("batch")],
    Discriminator(_one_or_batch),
]


@router.post(
    "/checks",
    status_code=202,
    responses={200: {"model": Submitted, "description": "Finished within the wait"}},
)
async def submit_checks(
    service: ServiceDep,
    caller: Submitter,
    how: How,
    request: Request,
    response: Response,
    body: Annotated[CheckBody, Body(openapi_examples=CHECK_EXAMPLES)],
    wait: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="seconds")] = 0.0,
) -> Submitted:
    """Judge one candidate, or a batch.

    Answers 202 with the job, or 200 with the results when the job ends within `wait` seconds.
    """
    requests = body.requests if isinstance(body, CheckBatch) else (body,)
    submission = await run_in_threadpool(how.submission, caller, body)
    job = await run_in_threadpool(service.submit_checks, requests, caller, submission)
    request.state.job = job.id
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    if not wait or not await service.wait(job.id, wait):
        return Submitted(job=job)
    response.status_code = 200
    return await run_in_threadpool(_finished, service, job.id)


def _finished(service: Service, job_id: str) -> Submitted:
    job = service.store.jobs.get(job_id)
    return Submitted(job=job, items=tuple(service.results(job, -1, job.total)))
