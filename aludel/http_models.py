"""Bodies of the HTTP API that the server and its client share."""

from __future__ import annotations

from pydantic import Field

from aludel.jobs import Item, Job
from aludel.models import CheckRequest, Model

MAX_BATCH = 10_000
MAX_PAGE = 1_000
MAX_WAIT_S = 300.0


class CheckBatch(Model):
    """Candidates to be judged as one job."""

    requests: tuple[CheckRequest, ...] = Field(min_length=1, max_length=MAX_BATCH)


class Submitted(Model):
    """A job that was accepted; with its results if they were waited for and are complete."""

    job: Job
    items: tuple[Item, ...] | None = None


class ItemPage(Model):
    """A page of results. ``next_cursor`` asks for the following page; null at the end."""

    items: tuple[Item, ...]
    next_cursor: int | None


class Problem(Model):
    """What went wrong, for people and programs (RFC 9457).

    Attributes:
        type: a URI that names the kind of problem.
        field: the input field at fault.
        fix: what the caller can do about it.
    """

    type: str = Field(examples=["urn:aludel:problem:invalid_request"])
    title: str = Field(examples=["Invalid request"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["Input should be greater than 0"])
    field: str | None = Field(default=None, examples=["budget.wall_s"])
    fix: str | None = None


PROBLEM_TYPE = "urn:aludel:problem:"
