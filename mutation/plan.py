"""The plan of a mutation run; equal plans on equal toolchains give equal variants."""

from __future__ import annotations

import hashlib
from typing import Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aludel.errors import InvalidRequest
from aludel.jobs import (
    MAX_ROUNDS,
    SCREEN_BUDGET,
    MutationFilter,
    MutationRequest,
    MutationRule,
)

Rule = MutationRule
Filter = MutationFilter
RULES: tuple[Rule, ...] = get_args(Rule)
FILTERS: tuple[Filter, ...] = get_args(Filter)


class MutationPlan(BaseModel):
    """The plan of a mutation run.

    Attributes:
        patterns: globs over names of theorems; one that matches is enough.
        statement: text of a user's theorem with its proof, which is a target as well.
        imports: import set whose theorems are rewritten.
        modules: modules whose theorems are targets; empty for those of all. Globs over those of a
            project until :func:`aludel.mutation.run.in_project` has looked them up.
        limit: accepted variants after which a round ends.
        per_target: statements made from one theorem after which it is done.
        max_attempts: rewriting attempts on one theorem after which it is done.
        max_targets: theorems after which the first round ends; None means all that match.
        shard: the part of the theorems to take, ``(1, 4)`` is the first of four.
        lemmas: names to rewrite with; None retrieves them.
        rules: operations to use.
        conditional: whether a rewrite may leave side goals, which become hypotheses.
        filters: reasons for which an accepted statement is left out.
        screen_budget: heartbeats of each search of a filter, in thousands.
        max_statement: characters of a statement above which it is too large.
        avoid: statements of evaluation sets, which no variant may repeat.
        rounds: how often variants become targets themselves, the first round included.
        round_targets: variants that become targets of the next round.
        seed: decides the order of targets and lemmas, and every choice among variants.
    """

    model_config = ConfigDict(frozen=True)

    patterns: tuple[str, ...] = ()
    statement: str | None = None
    imports: tuple[str, ...] = ("Init",)
    modules: tuple[str, ...] = ()
    limit: int = Field(default=50, ge=1)
    per_target: int = Field(default=20, ge=1)
    max_attempts: int = Field(default=2_000, ge=1)
    max_targets: int | None = Field(default=None, ge=1)
    shard: tuple[int, int] = (1, 1)
    lemmas: tuple[str, ...] | None = None
    rules: tuple[Rule, ...] = Field(default=("rw",), min_length=1)
    conditional: bool = False
    filters: tuple[Filter, ...] = FILTERS
    screen_budget: int = Field(default=SCREEN_BUDGET, ge=1)
    max_statement: int = Field(default=1_000, ge=1)
    avoid: tuple[str, ...] = ()
    rounds: int = Field(default=1, ge=1, le=MAX_ROUNDS)
    round_targets: int = Field(default=100, ge=1)
    seed: int = 0

    @model_validator(mode="after")
    def _has_targets(self) -> Self:
        if not (self.patterns or self.modules) and self.statement is None:
            raise ValueError("give a pattern or a statement")
        part, parts = self.shard
        if not 1 <= part <= parts:
            raise ValueError(f"there is no shard {part} of {parts}")
        return self

    def identity(self) -> dict[str, Any]:
        """Return the plan as JSON, evaluation sets by their digest."""
        avoided = hashlib.sha256("\n\n".join(self.avoid).encode()).hexdigest()
        return {**self.model_dump(mode="json", exclude={"avoid"}), "avoid_sha256": avoided}


def plan_of(request: MutationRequest) -> MutationPlan:
    """Return the plan that a mutation job asks for; raises as :func:`make_plan`."""
    patterns = () if request.pattern is None else (request.pattern,)
    options = request.model_dump(exclude={"pattern"}, exclude_none=True)
    return make_plan(patterns=patterns, **options)


def make_plan(**values: Any) -> MutationPlan:  # noqa: ANN401 - fields of the plan, from outside
    """Return the plan of these values.

    Raises:
        InvalidRequest: one of them does not fit; ``field`` names it.
    """
    try:
        return MutationPlan(**values)
    except ValidationError as error:
        first = error.errors()[0]
        field = str(first["loc"][0]) if first["loc"] else "pattern"
        message = first["msg"].removeprefix("Value error, ")
        raise InvalidRequest(message, field=field, fix="see the options of a mutation") from error
