"""``POST /v1/audits``: what statements have against them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from aludel.api.auth import Submitter
from aludel.api.examples import AUDIT_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode
from aludel.api.text import StrictRoute
from aludel.audits import Audits, AuditSubmission
from aludel.errors import ToolchainMissing

router = APIRouter(route_class=StrictRoute, prefix="/v1", tags=["audits"])


@router.post("/audits")
def audit_statements(
    service: ServiceDep,
    caller: Submitter,
    body: Annotated[AuditSubmission, Body(openapi_examples=AUDIT_EXAMPLES)],
) -> Audits:
    """Look for what statements have against them: a row for each, in their order.

    A statement that is none has an `error`; the others are audited. What five minutes do not
    suffice for is `undecided`.
    """
    ensure_unicode(body)
    if service.audits is None:
        raise ToolchainMissing(
            "this service has no prover of its own, which audits need",
            fix="use one that was started without ALUDEL_BROKER_URL (aludel serve)",
        )
    return Audits(rows=tuple(service.audits.of(caller.key, body)))
