"""``/v1/attempts``: submit problems to a generator, read runs, compare two of them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response

from aludel.api.auth import Caller, Reader, Submitter
from aludel.api.cursors import Cursor, cursor_of, moment_of, place_of
from aludel.api.examples import ATTEMPT_EXAMPLES
from aludel.api.service import Service, ServiceDep, ensure_unicode
from aludel.api.submission import How, require
from aludel.api.text import StrictRoute
from aludel.attempt_figures import Comparison, compare, figures
from aludel.errors import Conflict, InvalidRequest
from aludel.http_models import MAX_PAGE, AttemptPage, AttemptSubmission, RunPage, RunReport
from aludel.job_requests import AttemptRequest
from aludel.jobs import Job
from aludel.models import Prover
from aludel.permitted import ensure_permitted
from aludel.problems import (
    FStarDefinition,
    FStarHints,
    TheoremProblem,
    posed,
    problems_digest,
)
from aludel.store import RunFilter
from aludel.store.attempts import key_of

_NAME = r"^[^\x00]+$"

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["attempts"])

Run = Annotated[str, Path(max_length=200, pattern=_NAME, description="name of the run")]
RunQuery = Annotated[str, Query(min_length=1, max_length=200, pattern=_NAME)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.post("/attempts", status_code=202)
def submit_attempts(
    service: ServiceDep,
    caller: Submitter,
    how: How,
    request: Request,
    response: Response,
    body: Annotated[AttemptSubmission, Body(openapi_examples=ATTEMPT_EXAMPLES)],
) -> Job:
    """Have a generator prove theorems; every attempt is checked and recorded under a run.

    The items of the job are the problems. The run is there once a worker has taken up the job.
    """
    ensure_unicode(body)
    ensure_permitted(body.generator, service.settings)
    hints = None
    if body.fstar is not None:
        hints = FStarHints(examples=body.fstar.examples, similar=body.fstar.similar)
    require(service.store, Prover.LEAN if hints is None else Prover.FSTAR)
    problems = _problems(service, body)
    wanted = AttemptRequest(
        run=body.name or uuid.uuid4().hex,
        generator=body.generator,
        options=body.options,
        problems_digest=problems_digest(problems, hints),
        dataset=body.dataset,
        fstar=hints,
    )
    _ensure_same(service, caller, wanted)
    service.admission.admit(caller.key, len(problems))
    job = service.store.jobs.create_attempts(wanted, problems, how.submission(caller, body))
    request.state.job = job.id
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return service.send(job)


def _problems(
    service: Service, body: AttemptSubmission
) -> Sequence[TheoremProblem | FStarDefinition]:
    """Return the problems of a submission.

    Raises:
        NotFound: there is no such dataset or split.
        InvalidRequest: a name cannot be recorded, or a statement holds a proof.
    """
    if body.dataset is not None:
        return service.datasets.problems(body.dataset)
    where = "problems" if body.fstar is None else "fstar.definitions"
    problems: Sequence[TheoremProblem | FStarDefinition] = body.problems or ()
    if body.fstar is not None:
        problems = body.fstar.definitions
    for index, problem in enumerate(problems):
        if "\x00" in problem.name:
            raise InvalidRequest(
                "a name has no NUL", field=f"{where}.{index}.name", fix="leave it out"
            )
    return [
        posed(p, f"{where}.{index}.statement") if isinstance(p, TheoremProblem) else p
        for index, p in enumerate(problems)
    ]


def _ensure_same(service: Service, caller: Caller, wanted: AttemptRequest) -> None:
    """Refuse another content for a run that there is; the worker compares the rest of the plan.

    Raises:
        Conflict: the run is another key's, or of other problems or options.
    """
    run = service.store.attempts.ensure_free(wanted.run, caller.key.id)
    if run is None:
        return
    planned = wanted.options.planned() | {"problems_digest": wanted.problems_digest}
    recorded = run.plan.model_dump(mode="json")
    for field, value in planned.items():
        if recorded[field] != value:
            raise Conflict(
                f"the run {wanted.run!r} has another {field}",
                field="name",
                fix="choose another name",
            )


@router.get("/attempts")
def list_runs(
    service: ServiceDep, caller: Reader, cursor: Cursor = None, limit: Limit = 100
) -> RunPage:
    """Return a page of runs, the newest first."""
    chosen = RunFilter(caller.sees, None if cursor is None else moment_of(cursor))
    runs = service.store.attempts.runs(chosen, limit)
    following = None
    if len(runs) == limit:
        following = cursor_of(runs[-1].created_at.isoformat(), runs[-1].name)
    return RunPage(runs=tuple(runs), next_cursor=following)


@router.get("/attempts/compare")
def compare_runs(
    service: ServiceDep, caller: Reader, first: RunQuery, second: RunQuery
) -> Comparison:
    """Compare two runs over the problems that both are done with."""
    attempts = service.store.attempts
    runs = [attempts.run(name, caller.sees) for name in (first, second)]
    return compare(*(attempts.outcomes(run.name) for run in runs))


@router.get("/attempts/{run}")
def get_run(service: ServiceDep, caller: Reader, run: Run) -> RunReport:
    """Return a run with its figures so far: pass@k with intervals, cost, time."""
    found = service.store.attempts.run(run, caller.sees)
    outcomes = service.store.attempts.outcomes(run)
    return RunReport(run=found, figures=figures(found, outcomes))


@router.get("/attempts/{run}/attempts")
def list_attempts(
    service: ServiceDep, caller: Reader, run: Run, cursor: Cursor = None, limit: Limit = 100
) -> AttemptPage:
    """Return a page of a run's attempts, accepted or not, by problem and sample."""
    attempts = service.store.attempts
    attempts.run(run, caller.sees)
    problem, position, number = ("", -1, -1) if cursor is None else place_of(cursor, str, int, int)
    found = attempts.page(run, (str(problem), int(position), int(number)), limit)
    following = cursor_of(*key_of(found[-1])) if len(found) == limit else None
    return AttemptPage(attempts=tuple(found), next_cursor=following)
