"""Statements audited by a service: ``Client.audit``."""

from __future__ import annotations

from collections.abc import Sequence

from aludel.audits import MAX_AUDITS, AuditRow, Audits, AuditSubmission, Duplicates
from aludel.client.transport import Call, Flow, fetch
from aludel.problems import TheoremProblem

_READ_S = 900.0
"""Seconds to wait for an answer: five minutes of work, and as long again for processes."""


def audit(problems: Sequence[TheoremProblem], budget: int, wall_s: float) -> Flow[list[AuditRow]]:
    """Have statements audited, a hundred at a time."""
    rows: list[AuditRow] = []
    for start in range(0, len(problems), MAX_AUDITS):
        part = tuple(problems[start : start + MAX_AUDITS])
        asked = AuditSubmission(problems=part, budget=budget, wall_s=wall_s)
        call = Call("POST", "/v1/audits", json=asked.model_dump(mode="json"), read_s=_READ_S)
        found = yield from fetch(Audits, call)
        rows += [row.model_copy(update={"line": start + row.line}) for row in found.rows]
    duplicates = Duplicates()
    return [duplicates.mark(row) for row in rows]
