"""Mutations, and what became of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Response

from aludel.errors import ToolchainMissing
from aludel.http_models import MAX_PAGE, ItemPage
from aludel.jobs import Job, MutationRequest
from aludel.models import Prover
from aludel.store import Result
from api.examples import MUTATION_EXAMPLES
from api.service import ServiceDep, ensure_unicode

_MAX_CURSOR = 2**31 - 1

router = APIRouter(prefix="/v1")

JobId = Annotated[str, Path(max_length=64, examples=["0f8fad5bd9cb469fa16570867728950e"])]
Hash = Annotated[str, Path(max_length=128, description="content hash of the check")]


@router.post("/mutations", status_code=202, tags=["mutations"])
def submit_mutation(
    service: ServiceDep,
    response: Response,
    body: Annotated[MutationRequest, Body(openapi_examples=MUTATION_EXAMPLES)],
) -> Job:
    """Make new theorems by rewriting known ones; the items of the job are the variants."""
    ensure_unicode(body)
    toolchains = service.store.toolchains.list()
    if not any(entry.toolchain.prover is Prover.LEAN for entry in toolchains):
        raise ToolchainMissing(
            "no worker with a lean toolchain has registered", fix="start one (aludel worker)"
        )
    job = service.submit(service.store.jobs.create_mutation(body))
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return job


@router.get("/jobs/{id}", tags=["jobs"])
def get_job(service: ServiceDep, id: JobId) -> Job:
    """Return a job as it stands."""
    return service.store.jobs.get(id)


@router.get("/jobs/{id}/items", tags=["jobs"])
def get_items(
    service: ServiceDep,
    id: JobId,
    cursor: Annotated[
        int | None, Query(ge=0, le=_MAX_CURSOR, description="`next_cursor` of the page before")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
) -> ItemPage:
    """Return a page of a job's results, in order: verdicts of a check, variants of a mutation."""
    job = service.store.jobs.get(id)
    items = service.results(job, -1 if cursor is None else cursor, limit)
    full = len(items) == limit
    return ItemPage(items=tuple(items), next_cursor=items[-1].position if full else None)


@router.get("/results/{hash}", tags=["results"])
def get_result(service: ServiceDep, hash: Hash) -> Result:
    """Return the verdict recorded under a content hash, with its request."""
    return service.store.verdicts.result(hash)
