"""``/v1/datasets``: list and download what workers have written."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Request, Response
from fastapi.responses import FileResponse

from aludel.api.auth import Reader, Submitter
from aludel.api.examples import EXPORT_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode
from aludel.api.submission import How, require
from aludel.api.text import StrictRoute
from aludel.errors import Conflict
from aludel.http_models import Dataset, DatasetList
from aludel.job_requests import MAX_NAME_CHARS, NAME_PATTERN, ExportRequest
from aludel.jobs import Job

_MEDIA_TYPES = {".json": "application/json", ".md": "text/markdown", ".jsonl": "application/jsonl"}
# What a data file holds was written by others; no browser shall make a page of it.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["datasets"])

Name = Annotated[str, Path(max_length=MAX_NAME_CHARS, pattern=NAME_PATTERN)]


@router.post("/datasets", status_code=202)
def submit_export(
    service: ServiceDep,
    caller: Submitter,
    how: How,
    request: Request,
    response: Response,
    body: Annotated[ExportRequest, Body(openapi_examples=EXPORT_EXAMPLES)],
) -> Job:
    """Write what is recorded as a dataset, which appears whole or not at all."""
    ensure_unicode(body)
    require(service.store)
    submission = how.submission(caller, body)
    earlier = service.store.jobs.earlier(submission)
    if earlier is not None:
        return earlier
    if service.datasets.exists(body.name):
        raise Conflict(f"there is a dataset {body.name!r}", field="name", fix="choose another name")
    for run in body.runs:
        service.store.attempts.run(run, caller.sees)
    service.admission.admit(caller.key, 1)
    job = service.store.jobs.create_export(body, submission)
    request.state.job = job.id
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return service.send(job)


@router.get("/datasets")
def list_datasets(service: ServiceDep, _caller: Reader) -> DatasetList:
    """Return the datasets that have been written, by name."""
    return DatasetList(datasets=tuple(service.datasets.summaries()))


@router.get("/datasets/{name}")
def get_dataset(service: ServiceDep, _caller: Reader, name: Name) -> Dataset:
    """Return a dataset's manifest, which lists its files, and its card."""
    return service.datasets.get(name)


@router.get(
    "/datasets/{name}/files/{path:path}",
    response_class=FileResponse,
    responses={
        200: {"content": {"application/octet-stream": {}}, "description": "The file"},
        206: {"content": {"application/octet-stream": {}}, "description": "A range of it"},
    },
)
def get_file(
    service: ServiceDep,
    _caller: Reader,
    name: Name,
    path: Annotated[str, Path(max_length=1_000, pattern=r"^[^\x00]+$")],
) -> FileResponse:
    """Return a file of a dataset, or the `Range` of it that is asked for."""
    found = service.datasets.file(name, path)
    kind = _MEDIA_TYPES.get(found.suffix, "application/octet-stream")
    return FileResponse(found, media_type=kind, filename=found.name, headers=_HEADERS)
