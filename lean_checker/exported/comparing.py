"""Our kernel on two exports, in a process of its own that ends with its answer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aludel.errors import BackendCrashed
from aludel.lean_checker.exported.running import Bounds, run_bounded
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.process import ServerCommand
from aludel.lean_checker.watchdog import Watchdog
from aludel.lean_kernel.export_worker import READY
from aludel.lean_kernel.names import Name
from aludel.lean_kernel.starting import command, environment
from aludel.models import Usage

STEPS = 200_000_000
"""Steps of one comparison; the time of the budget is reached before."""
WORKER_MB = 3_000
_OUT_MB = 512.0


class _Theorem(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: str
    rule: str
    message: str
    axioms: tuple[str, ...]


class _Answer(_Theorem):
    failed: Literal["", "challenge", "solution"]
    theorems: tuple[_Theorem, ...]
    tables: int = Field(ge=0)
    count: int = Field(ge=0)


@dataclass(frozen=True)
class Compared:
    """What our kernel says of two exports.

    Attributes:
        verdict: ``accepted``; ``rejected``, for a broken rule; the others decide nothing.
        rule: which rule is broken.
        message: why not accepted.
        failed: the export that is not accepted by itself.
        axioms: what the proof rests on.
        tables: all that the solution declares, where it is accepted.
        count: how many declarations that are.
        usage: what it cost.
    """

    verdict: str
    rule: str
    message: str
    failed: str
    axioms: tuple[str, ...]
    tables: bytes
    count: int
    usage: Usage


def compare_exports(
    exports: tuple[bytes, bytes],
    theorem: Name,
    axioms: Sequence[Name],
    wall_s: float,
    watchdog: Watchdog,
) -> Compared:
    """Return what our kernel says of a challenge and a solution; a reached limit decides nothing.

    Raises:
        BackendUnavailable: the process does not start, or answers what is no answer.
    """
    head = {"theorem": theorem, "axioms": list(axioms), "steps": STEPS,
            "sizes": [len(each) for each in exports]}  # fmt: skip
    given = (json.dumps(head).encode() + b"\n", *exports)
    worker = ServerCommand(
        tuple(command("compare_worker", WORKER_MB, int(wall_s) + 10)), environment(), Path.cwd()
    )
    bounds = Bounds(wall_s, WORKER_MB + 500.0, _OUT_MB)
    try:
        ended = run_bounded(worker, bounds, watchdog, given)
    except LimitReached as reached:
        return _undecided(reached.message, reached.usage)
    if not ended.out.startswith(READY):
        raise BackendCrashed(f"our kernel does not start: {ended.errors[-300:]}")
    if ended.code != 0:  # a limit that the system enforces
        return _undecided("its process ended", ended.usage)
    line, _, tables = ended.out.removeprefix(READY).partition(b"\n")
    try:
        answer = _Answer.model_validate_json(line)
    except ValidationError as error:
        raise BackendCrashed("our kernel answered what is no comparison") from error
    if len(tables) != answer.tables or len(answer.theorems) > 1:
        raise BackendCrashed("our kernel answered another question")
    found = answer.theorems[0] if answer.theorems else answer
    if answer.verdict == "accepted" and (not answer.theorems or found.verdict != "accepted"):
        raise BackendCrashed("our kernel contradicts itself")
    return Compared(
        answer.verdict, answer.rule, answer.message, answer.failed, found.axioms, tables,
        answer.count, ended.usage,
    )  # fmt: skip


def _undecided(message: str, usage: Usage) -> Compared:
    return Compared("out_of_budget", "", message, "", (), b"", 0, usage)
