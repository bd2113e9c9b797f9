"""What is asked and answered about a statement's negation."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from aludel.models import MAX_STATEMENT_BYTES, PROJECT_NAME, CheckRequest, Model, Verdict

DISPROVE_S = 60.0
MAX_DISPROVE_S = 600.0


class DisproofRequest(Model):
    """A statement to be disproved.

    Attributes:
        statement: ``theorem NAME …``; lines that end in ``in``, and an open end, may stand there.
        imports: the import set; None takes that of the statement's own header, or ``Init``.
        project: name of a project that is served beside the default.
        wall_s: seconds after which no further proof is tried.
        attempt_s: seconds that one proof may take.
        tier: ``replay`` has a fresh process confirm a proof that was found, which a receipt needs.
    """

    statement: str = Field(min_length=1, max_length=MAX_STATEMENT_BYTES)
    imports: tuple[str, ...] | None = Field(default=None, max_length=200)
    project: str | None = Field(default=None, pattern=PROJECT_NAME)
    wall_s: float = Field(default=DISPROVE_S, gt=0, le=MAX_DISPROVE_S, allow_inf_nan=False)
    attempt_s: float = Field(default=10.0, gt=0, le=MAX_DISPROVE_S, allow_inf_nan=False)
    tier: Literal["fast", "replay"] = "fast"


class Disproof(Model):
    """What became of a statement's negation.

    Attributes:
        outcome: ``statement_false``: the negation was accepted. ``not_found``: every proof that was
            tried is wrong, which is no proof of the statement. ``undecided``: time or heartbeats
            ran out before that.
        negation: the statement that was put to the checker.
        candidate: the request that was accepted.
        verdict: the verdict on it, whose receipt is like any other.
        tried: how many proofs were judged.
        message: the same for people.
    """

    outcome: Literal["statement_false", "not_found", "undecided"]
    negation: str
    candidate: CheckRequest | None = None
    verdict: Verdict | None = None
    tried: int
    message: str
