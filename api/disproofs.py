"""``POST /v1/disproofs``: whether the negation of a statement is proved."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from fastapi.concurrency import run_in_threadpool

from aludel.api.auth import Submitter
from aludel.api.examples import DISPROOF_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode
from aludel.api.text import StrictRoute
from aludel.client.flows import verdict_of
from aludel.disproofs import Disproof, DisproofRequest, Disproving

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["checks"])


@router.post("/disproofs")
async def disprove_statement(
    service: ServiceDep,
    caller: Submitter,
    request: Request,
    body: Annotated[DisproofRequest, Body(openapi_examples=DISPROOF_EXAMPLES)],
) -> Disproof:
    """Look for a proof of a statement's negation.

    Each proof that is tried is a check like any other: it counts against the key's quota, and its
    verdict is recorded.
    """
    ensure_unicode(body)
    search = await run_in_threadpool(Disproving, body)
    for batch in search.batches():
        _, items = await service.judged(batch, caller, request, together=True)
        for candidate, item in zip(batch, items, strict=True):
            search.take(candidate, verdict_of(item))
    return search.result()
