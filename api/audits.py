"""``POST /v1/audits``: what statements have against them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from aludel.api.auth import Submitter
from aludel.api.examples import AUDIT_EXAMPLES
from aludel.api.service import ServiceDep, ensure_unicode, of_this_process
from aludel.api.text import StrictRoute
from aludel.audits import Audits, AuditSubmission

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
    audits = of_this_process(service.audits, "audits need")
    return Audits(rows=tuple(audits.of(caller.key, body)))
