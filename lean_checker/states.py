"""Tactic states of accepted candidates, by one elaboration with info trees.

What counts as a step follows LeanDojo (Yang et al. 2023, arXiv:2306.15626): the members of a
proof's sequences of tactics. ``docs/reference/proof-states.md`` has the rules.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import InvalidRequest
from aludel.lean_checker.answers import parse_answer
from aludel.lean_checker.intake import validate_imports
from aludel.lean_checker.limits import limits_as_values
from aludel.lean_checker.operations import collect
from aludel.lean_checker.pool import LeanPool
from aludel.models import Accepted, LeanContext, Position, Toolchain, Usage
from aludel.proof_states import Premise, ProofStep, ProofTrace
from aludel.protocols import Exhausted
from aludel.records import Result

WALL_S = 120.0
_HEARTBEATS = 200_000


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Step(_Answer):
    declaration: str
    tactic: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    start: tuple[int, int]
    end: tuple[int, int]
    depth: int
    parent: int | None
    premises: tuple[Premise, ...]

    def step(self) -> ProofStep:
        start, end = (Position(line=line, column=column) for line, column in (self.start, self.end))
        return ProofStep.model_validate({**dict(self), "start": start, "end": end})


class _Count(_Answer):
    steps: int
    left_out: int
    complete: bool


class LeanStates:
    """Extracts tactic states with a pool of Lean servers. Thread-safe.

    Args:
        pool: where processes come from; the caller closes it.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool

    @property
    def toolchain(self) -> Toolchain:
        """The toolchain that elaborates."""
        return self._pool.toolchain

    def trace(self, result: Result, *, wall_s: float = WALL_S) -> ProofTrace | Exhausted:
        """Return the steps of an accepted candidate; those of what was asked, where it was.

        Raises:
            InvalidRequest: it is not an accepted candidate for this toolchain, or does not
                elaborate here (proofs by ``native_decide`` never do); ``field`` names which.
            BackendUnavailable: the machine failed.
        """
        found = self.measure(result, wall_s=wall_s)
        return found if isinstance(found, Exhausted) else found[0]

    @limits_as_values
    def measure(self, result: Result, *, wall_s: float = WALL_S) -> tuple[ProofTrace, Usage]:
        """Return the steps and what finding them cost; raises as :meth:`trace`."""
        body = self._body(result)
        imports = body["imports"]
        with self._pool.lease(imports, Deadline.after(QUEUE_S)) as process:
            found, reply = collect(process.ask_stream, "states", body, Deadline.after(wall_s))
        count = parse_answer(_Count, reply.result)
        steps = tuple(parse_answer(_Step, item).step() for item in found)
        trace = ProofTrace(steps=steps, left_out=count.left_out, complete=count.complete)
        return trace, reply.usage

    def _body(self, result: Result) -> dict[str, Any]:
        """Return the request; refuse what was never accepted: it is elaborated as if it were."""
        context = result.request.context
        if not isinstance(result.verdict, Accepted) or not isinstance(context, LeanContext):
            raise InvalidRequest(
                "only accepted Lean candidates have tactic states",
                field="verdict_hash",
                fix="check it first",
            )
        if result.toolchain_digest != self.toolchain.digest:
            raise InvalidRequest(
                "another toolchain accepted this candidate",
                field="toolchain_digest",
                fix=f"check it again with {self.toolchain.name}",
            )
        validate_imports(context.imports)
        spent = result.verdict.usage.heartbeats or 0
        return {
            "imports": context.imports,
            "options": context.options,
            "statement": result.request.statement,
            "code": result.request.code,
            "heartbeats": max(_HEARTBEATS, 2 * spent),
        }
