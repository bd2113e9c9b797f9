"""Candidates of a file checked against the problems of another: verdicts, pass@k, a report.

:func:`verify` drives a run; its folder holds ``results.jsonl`` (a row a candidate, in the order of
the input), ``refused.jsonl``, ``report.json`` and ``report.md``.
"""

from aludel.proving.verification.posing import Columns, FStarPoser, LeanPoser, Poser
from aludel.proving.verification.report import Report, report_page
from aludel.proving.verification.run import Judge, VerificationPlan, verify

__all__ = [
    "Columns",
    "FStarPoser",
    "Judge",
    "LeanPoser",
    "Poser",
    "Report",
    "VerificationPlan",
    "report_page",
    "verify",
]
