"""Problems as a harness poses them, and a model's answer to one of them, judged by a service.

A service that wants an API key is shown ``ALUDEL_API_KEY``: arguments end in a harness's logs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from aludel.client.coalescing import shared
from aludel.columns import PosedTheorem, theorem_of
from aludel.errors import InvalidRequest
from aludel.jobs import Item
from aludel.jsonl import read_lines
from aludel.models import CheckRequest, LeanContext
from aludel.rewards import WALL_S, Outcome, asked, outcome_of
from aludel.statements import UnusableText

PROMPT = """Prove this theorem in Lean 4.
Answer with one fenced block that holds the whole theorem, with its proof.

```lean
{shown}
```
"""
_FIX = "give a file of JSON objects, one a line, each with a statement"


class Judged(NamedTuple):
    """An answer with its outcome.

    Attributes:
        code: the candidate that was found in the answer.
        outcome: what it is worth.
        hash: under which the service has its verdict; empty where there is none.
    """

    code: str
    outcome: Outcome
    hash: str

    @property
    def explanation(self) -> str:
        """What the checker says of it, in at least one word."""
        return self.outcome.message or self.outcome.reason


def read_theorems(path: str | Path) -> list[PosedTheorem]:
    """Return the theorems of a JSONL file, in which public data sets' columns are understood.

    Raises:
        InvalidRequest: the file cannot be read, is empty, or a line is no problem; ``field`` names
            it.
    """
    path = Path(path)
    found = [_theorem(f"{path}:{n}", line) for n, line in read_lines(path, "problems")]
    if not found:
        raise InvalidRequest(f"{path} is empty", field="problems", fix=_FIX)
    return found


def prompt_of(theorem: PosedTheorem) -> str:
    """Return what a model is asked."""
    return PROMPT.format(shown=theorem.shown)


def request_of(
    statement: str, answer: str, imports: Sequence[str] | None, wall_s: float
) -> CheckRequest:
    """Return the request that judges an answer, under ``imports``; None means the service's own."""
    request = asked(statement, answer, wall_s=wall_s)
    if imports is None:
        return request
    return request.model_copy(update={"context": LeanContext(imports=tuple(imports))})


async def judge(
    statement: str,
    answer: str,
    *,
    imports: Sequence[str] | None = None,
    url: str | None = None,
    wall_s: float = WALL_S,
) -> Judged:
    """Have one answer judged; those that come together are one job of the service.

    Raises:
        BackendUnavailable: the machine failed.
        InvalidRequest: the statement is wrong. Neither is the model's doing.
    """
    request = request_of(statement, answer, imports, wall_s)
    return _judged(request, await asyncio.wrap_future(shared(url).submit(request)))


def judge_all(requests: Iterable[CheckRequest], url: str | None = None) -> list[Judged]:
    """Have many answers judged; raises as :func:`judge`."""
    checks = shared(url)
    under_way = [(request, checks.submit(request)) for request in requests]
    return [_judged(request, checked.result()) for request, checked in under_way]


def _judged(request: CheckRequest, item: Item) -> Judged:
    return Judged(request.code, outcome_of(item), item.verdict.hash if item.verdict else "")


def _theorem(where: str, line: str) -> PosedTheorem:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InvalidRequest("not JSON", field=where, fix=_FIX) from error
    if not isinstance(row, dict):
        raise InvalidRequest("not an object", field=where, fix=_FIX)
    try:
        theorem = theorem_of(row)
    except UnusableText as error:
        raise InvalidRequest(error.message, field=where, fix=error.fix or _FIX) from error
    if theorem.forbidden:
        # A harness hands on statement and answer: what it drops must not look as if it held.
        fix = "leave the column out, or judge the answers with `aludel verify`"
        raise InvalidRequest("a harness does not hand on what is forbidden", field=where, fix=fix)
    return theorem
