"""Open goals of a candidate: what each ``sorry`` of its text stands for."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from aludel.deadline import Deadline
from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.lean_checker.facts import Sorries, position
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.process import LeanProcess
from aludel.models import Diagnostic, Rejected, RejectReason, Verdict
from aludel.open_goals import open_goal

_LOG = logging.getLogger(__name__)


def with_open_goals(
    verdict: Verdict, process: LeanProcess, body: dict[str, Any], deadline: Deadline
) -> Verdict:
    """Return the verdict; one for ``sorry`` with the goal of each among its diagnostics.

    What cannot be found out within the deadline is left out: the verdict stands without it.

    Args:
        verdict: on the candidate.
        process: which judged it, and is still lent.
        body: what it was asked.
        deadline: of the request.
    """
    if not isinstance(verdict, Rejected) or verdict.reason is not RejectReason.SORRY:
        return verdict
    try:
        result = process.ask("sorries", body, deadline).result
        found = Sorries.model_validate(result).sorries
    except (LimitReached, BackendUnavailable, InvalidRequest, ValidationError) as error:
        _LOG.warning("the goals of a candidate's sorries are not known: %s", error)
        return verdict
    goals: list[Diagnostic] = [
        open_goal(one.goal or "", position(one.start), position(one.end)) for one in found
    ]
    return verdict.model_copy(update={"diagnostics": (*verdict.diagnostics, *goals)})
