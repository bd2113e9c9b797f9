"""Audits with Lean: of one statement, of many, and of the problems of a file.

:func:`audit` looks at one statement, :class:`LeanAuditor` at many at once, :func:`audit_file`
drives a run; its folder holds ``audits.jsonl`` (a row a problem, in the order of the file),
``report.json`` and ``report.html``.
"""

from aludel.auditing.bars import Bar
from aludel.auditing.findings import audit_of
from aludel.auditing.lean import LeanAuditor, audit
from aludel.auditing.report import AuditReport
from aludel.auditing.run import Ask, AuditPlan, audit_file

__all__ = [
    "Ask",
    "AuditPlan",
    "AuditReport",
    "Bar",
    "LeanAuditor",
    "audit",
    "audit_file",
    "audit_of",
]
