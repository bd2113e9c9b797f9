"""``POST /v1/kernel`` and ``POST /v1/compare``: exports of any Lean, put to our own kernel."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Query, Request
from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from aludel.api.auth import Caller, Submitter
from aludel.api.examples import COMPARE_EXAMPLES, EXPORT_EXAMPLE
from aludel.api.service import Service, ServiceDep
from aludel.api.text import StrictRoute
from aludel.errors import InvalidRequest
from aludel.http_models import (
    EXPORT_STEPS,
    MAX_EXPORT_STEPS,
    CompareRequest,
    ComparisonOutcome,
    KernelOutcome,
)
from aludel.lean_kernel.names import Name, read_name

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["kernel"])

T = TypeVar("T")

_LOOK_S = 1.0  # how often a call looks whether its caller is still there
# NDJSON, whatever the content type says; generators of clients know bytes.
_EXPORT = {
    "requestBody": {
        "required": True,
        "content": {
            "application/octet-stream": {
                "schema": {"type": "string", "format": "binary"},
                "example": EXPORT_EXAMPLE,
            }
        },
    }
}


@router.post("/kernel", openapi_extra=_EXPORT)
async def check_export(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    steps: Annotated[int, Query(ge=1, le=MAX_EXPORT_STEPS)] = EXPORT_STEPS,
) -> KernelOutcome:
    """Check every declaration of an export of Lean (lean4export's NDJSON, version 3) from nothing.

    A limit that the export meets is an outcome: `out_of_budget`, which decides nothing.
    """
    export = await request.body()
    await run_in_threadpool(_admit, service, caller)
    work = service.kernel.ask(caller.key, KernelOutcome, {"steps": steps}, [export])
    return await _unless_gone(request, work)


@router.post("/compare")
async def compare_exports(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[CompareRequest, Body(openapi_examples=COMPARE_EXAMPLES)],
) -> ComparisonOutcome:
    """Check two exports, and whether `solution` proves what `challenge` states."""
    question = {
        "steps": body.steps,
        "theorems": _names(body.theorems, "theorems"),
        "axioms": _names(body.axioms, "axioms"),
    }
    exports = [body.challenge.encode(), body.solution.encode()]
    await run_in_threadpool(_admit, service, caller)
    work = service.kernel.ask(caller.key, ComparisonOutcome, question, exports)
    return await _unless_gone(request, work)


def _admit(service: Service, caller: Caller) -> None:
    service.admission.admit(caller.key, 1)
    if caller.key.per_minute is not None:
        service.store.keys.charge(caller.key.id, 1)


def _names(texts: Sequence[str], field: str) -> list[Name]:
    found = []
    for index, text in enumerate(texts):
        name = read_name(text)
        if name is None:
            raise InvalidRequest(
                f"{text!r} is no name of Lean", field=f"{field}.{index}", fix="write Nat.add_comm"
            )
        found.append(name)
    return found


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Await ``work``, which ends when the caller leaves."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=_LOOK_S)
            if not task.done() and await request.is_disconnected():
                raise HTTPException(408, "the caller left")
        return task.result()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
