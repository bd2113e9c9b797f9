"""How a worker with a Lean prover carries out a mutation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from aludel.errors import BackendUnavailable, InvalidRequest
from aludel.jobs import MutationRequest
from aludel.mutation import MutationEngine, MutationPlan, run_to_end
from aludel.workers.runtime import MutationContext


def mutate(context: MutationContext) -> Mapping[str, Any]:
    """Carry out the request and return its figures; a :data:`~aludel.workers.runtime.Mutator`.

    Raises:
        InvalidRequest: pattern, lemma or import does not exist.
        BackendUnavailable: the machine failed, or the worker was told to stop.
    """
    prover = context.checker
    plan = plan_of(context.request)
    engine = MutationEngine(prover.operations, context.cached, prover.size, context.stopping)
    report = run_to_end(engine, plan, context.record)
    if context.stopping():
        raise BackendUnavailable("the worker was told to stop", fix="another one goes on")
    return report.figures()


def plan_of(request: MutationRequest) -> MutationPlan:
    """Return the plan that a mutation job asks for.

    Raises:
        InvalidRequest: an option has a value that no mutation knows.
    """
    options = request.model_dump(exclude={"pattern"}, exclude_none=True)
    try:
        return MutationPlan(patterns=(request.pattern,), **options)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "pattern"
        raise InvalidRequest(first["msg"], field=field, fix="see the HTTP reference") from error
