"""Lean's kernel, in processes that read nothing but tables which Python wrote."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from aludel.deadline import QUEUE_S, Deadline
from aludel.errors import AludelError, BackendCrashed, InvalidRequest
from aludel.lean_checker.forbidden import ForbiddenConstants
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.judge.forbidding import Uses
from aludel.lean_checker.judge.question import Question
from aludel.lean_checker.limits import LimitReached
from aludel.lean_checker.pool import LeanPool
from aludel.lean_checker.process import LeanProcess
from aludel.models import Budget, Usage

_PROBE_S = 60.0
_PROBE_DATA = (
    b'{"names":[null,[0,"_aludel"],[1,0],[0,"True"],[3,"intro"]],"levels":[],"exprs":'
    b'[["c",3],["c",4]],"declarations":[["thm",2,[],0,1]]}'
)
_FALSE_DATA = _PROBE_DATA.replace(b'"True"],[3', b'"False"],[0').replace(
    b'[0,"intro"]', b'[0,"Nat"]'
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReachedAxiom(_Part):
    """An axiom of the imports, and a way to it from a constant that the question mentions."""

    name: str
    path: Annotated[tuple[str, ...], Strict(False)]


class _Refusal(_Part):
    index: int = Field(ge=0)
    message: str
    limit: bool


class _Answer(_Part):
    imports: Annotated[tuple[str, ...], Strict(False)]
    accepted: int = Field(ge=0)
    refusal: _Refusal | None
    axioms: Annotated[tuple[ReachedAxiom, ...], Strict(False)]
    hidden: int = Field(ge=0)
    forbidden: Uses | None


@dataclass(frozen=True)
class KernelAnswer:
    """What Lean's kernel said.

    Attributes:
        outcome: ``accepted``; ``rejected``, for a broken rule; ``limit``, when it ran out of
            something.
        message: why not accepted.
        index: the declaration at which it stopped.
        axioms: axioms of the imports that the declarations rest on.
        hidden: how many theorems among what they mention have hidden proofs.
        usage: what it cost.
        uses: what was found of the constants that the request forbids; None where it forbids none,
            or the declarations were not accepted.
    """

    outcome: Literal["accepted", "rejected", "limit"]
    message: str
    index: int
    axioms: tuple[ReachedAxiom, ...]
    hidden: int
    usage: Usage
    uses: Uses | None = None


class LeanKernel:
    """Asks Lean's kernel. Thread-safe.

    Args:
        pool: processes that are asked for nothing else.
    """

    def __init__(self, pool: LeanPool) -> None:
        self._pool = pool

    def ask(
        self,
        question: Question,
        imports: tuple[str, ...],
        budget: Budget,
        *,
        native: bool = False,
        forbidden: ForbiddenConstants | None = None,
    ) -> KernelAnswer:
        """Put the question; with ``native`` in a process of its own, where compiled code may run.

        Raises:
            LimitReached: no answer within the budget.
            ProcessDied: the terms exhaust the process.
            BackendUnavailable: the machine failed.
        """
        deadline = Deadline.after(QUEUE_S)
        pool = self._pool
        lent = pool.fresh(deadline, imports) if native else pool.lease(imports, deadline)
        body: dict[str, object] = {"imports": list(imports), "allow_native": native}
        if forbidden is not None:
            body["forbidden"] = forbidden.body()
        with lent as process:
            try:
                reply = process.ask(
                    "judge",
                    body,
                    Deadline.after(budget.wall_s),
                    memory_mb=budget.memory_mb,
                    attached={"tables": question.data},
                )
            except InvalidRequest as refusal:
                raise BackendCrashed(f"Lean's kernel reads no question: {refusal}") from refusal
            answer = _parse(reply.result, import_set(imports), question.count, reply.usage)
        if (answer.uses is None) != (forbidden is None or answer.outcome != "accepted"):
            raise BackendCrashed("Lean's kernel does not say which forbidden constants are used")
        return answer

    def ask_bare(self, question: Question, budget: Budget) -> KernelAnswer:
        """Put a question whose tables hold all that they rest on; raises as :meth:`ask`."""
        deadline = Deadline.after(QUEUE_S)
        with self._pool.lease(("Init",), deadline) as process:
            try:
                reply = process.ask(
                    "judge",
                    {"bare": True, "allow_native": False},
                    Deadline.after(budget.wall_s),
                    memory_mb=budget.memory_mb,
                    attached={"tables": question.data},
                )
            except InvalidRequest as refusal:
                raise BackendCrashed(f"Lean's kernel reads no question: {refusal}") from refusal
            return _parse(reply.result, (), question.count, reply.usage)


def _parse(
    result: dict[str, object], modules: tuple[str, ...], count: int, usage: Usage
) -> KernelAnswer:
    try:
        answer = _Answer.model_validate(result)
    except ValidationError as error:
        raise BackendCrashed(f"Lean's kernel answered what is no answer: {error}") from error
    refusal = answer.refusal
    whole = answer.accepted == count if refusal is None else answer.accepted == refusal.index
    if answer.imports != modules or not whole or answer.accepted > count:
        raise BackendCrashed("Lean's kernel answered another question")
    if refusal is None:
        return KernelAnswer(
            "accepted", "", count, answer.axioms, answer.hidden, usage, answer.forbidden
        )
    outcome: Literal["limit", "rejected"] = "limit" if refusal.limit else "rejected"
    return KernelAnswer(
        outcome, refusal.message, refusal.index, answer.axioms, answer.hidden, usage
    )


def probe_question() -> Question:
    """Return the question whether ``True`` holds, for any kernel over any library."""
    return _question(_PROBE_DATA)


def _question(data: bytes) -> Question:
    return Question(data, hashlib.sha256(data).hexdigest(), ("probe",), None, 1)


def probe_kernel(process: LeanProcess) -> None:
    """Have a process accept a proof of ``True`` and refuse one of ``False``.

    Raises:
        BackendUnavailable: it does not answer, or answers wrongly.
    """
    found = []
    for data in (_PROBE_DATA, _FALSE_DATA):
        question = _question(data)
        try:
            reply = process.ask(
                "judge",
                {"imports": ["Init"], "allow_native": False},
                Deadline.after(_PROBE_S),
                attached={"tables": data},
            )
            found.append(_parse(reply.result, ("Init",), question.count, reply.usage).outcome)
        except (AludelError, LimitReached) as error:
            raise BackendCrashed(
                f"Lean's kernel does not answer: {error.message}", fix="run `aludel doctor`"
            ) from error
    if found != ["accepted", "rejected"]:
        raise BackendCrashed("Lean's kernel takes false for true", fix="run `aludel doctor`")
