"""``/v1/jobs``: submit mutations; list, read, cancel and retry jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response

from aludel.api.auth import Reader, Submitter
from aludel.api.cursors import Cursor, cursor_of, moment_of
from aludel.api.examples import MUTATION_EXAMPLES, RETRY_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode
from aludel.api.submission import How, require
from aludel.api.text import StrictRoute
from aludel.http_models import MAX_PAGE, ItemPage, JobPage, RetryRequest
from aludel.jobs import Job, JobKind, JobState, MutationRequest
from aludel.receipts import Receipt
from aludel.store import JobFilter, Result

_MAX_CURSOR = 2**31 - 1
# PostgreSQL takes no NUL, and an id holds nothing but letters and digits anyway.
_ID = r"^[!-~]+$"

router = APIRouter(route_class=StrictRoute, prefix="/v1")

JobId = Annotated[
    str, Path(max_length=64, pattern=_ID, examples=["0f8fad5bd9cb469fa16570867728950e"])
]
Hash = Annotated[str, Path(max_length=128, pattern=_ID, description="content hash of the check")]


@router.post("/mutations", status_code=202, tags=["mutations"])
def submit_mutation(
    service: ServiceDep,
    caller: Submitter,
    how: How,
    request: Request,
    response: Response,
    body: Annotated[MutationRequest, Body(openapi_examples=MUTATION_EXAMPLES)],
) -> Job:
    """Make new theorems by rewriting known ones; the items of the job are the variants."""
    ensure_unicode(body)
    require(service.store)
    service.admission.admit(caller.key, 1)
    job = service.store.jobs.create_mutation(body, how.submission(caller, body))
    request.state.job = job.id
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return service.send(job)


@router.get("/jobs", tags=["jobs"])
def list_jobs(
    service: ServiceDep,
    caller: Reader,
    state: JobState | None = None,
    kind: JobKind | None = None,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> JobPage:
    """Return a page of jobs, the newest first."""
    chosen = JobFilter(caller.sees, state, kind, None if cursor is None else moment_of(cursor))
    jobs = service.store.jobs.page(chosen, limit)
    full = len(jobs) == limit
    last = cursor_of(jobs[-1].created_at.isoformat(), jobs[-1].id) if full else None
    return JobPage(jobs=tuple(jobs), next_cursor=last)


@router.get("/jobs/{id}", tags=["jobs"])
def get_job(service: ServiceDep, caller: Reader, id: JobId) -> Job:
    """Return a job as it stands."""
    caller.reach(id)
    return service.store.jobs.get(id)


@router.get("/jobs/{id}/items", tags=["jobs"])
def get_items(
    service: ServiceDep,
    caller: Reader,
    id: JobId,
    cursor: Annotated[
        int | None, Query(ge=0, le=_MAX_CURSOR, description="`next_cursor` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> ItemPage:
    """Return a page of a job's results, in order: verdicts, variants or outcomes."""
    caller.reach(id)
    job = service.store.jobs.get(id)
    items = service.results(job, -1 if cursor is None else cursor, limit)
    full = len(items) == limit
    return ItemPage(items=tuple(items), next_cursor=items[-1].position if full else None)


@router.post("/jobs/{id}/cancel", tags=["jobs"])
def cancel_job(service: ServiceDep, caller: Submitter, request: Request, id: JobId) -> Job:
    """End what of a job has not ended; what has keeps its results. Safe to repeat."""
    caller.reach(id)
    request.state.job = id
    service.store.control.cancel(id)
    return service.store.jobs.get(id)


@router.post("/jobs/{id}/retry", tags=["jobs"])
def retry_job(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    id: JobId,
    body: Annotated[RetryRequest, Body(openapi_examples=RETRY_EXAMPLES)],
) -> Job:
    """Check a job's undecided items again, with another budget; the others keep their results."""
    caller.reach(id)
    request.state.job = id
    service.admission.admit(caller.key, service.store.jobs.get(id).progress.undecided)
    service.store.control.retry(id, body.budget.model_dump(exclude_none=True))
    return service.send(service.store.jobs.get(id))


@router.get("/results/{hash}", tags=["results"])
def get_result(service: ServiceDep, caller: Reader, hash: Hash) -> Result:
    """Return the verdict recorded under a content hash, with its request."""
    caller.reach_result(hash, of_all=service.settings.results == "all")
    return service.store.verdicts.in_force(hash)


@router.get("/results/{hash}/receipt", tags=["results"])
def get_receipt(service: ServiceDep, caller: Reader, hash: Hash) -> Receipt:
    """Return a receipt of a recorded verdict, which `aludel receipt verify` checks."""
    caller.reach_result(hash, of_all=service.settings.results == "all")
    return service.store.verdicts.receipt(hash)
