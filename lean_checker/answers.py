"""What the Lean server's operations answer, typed (see the protocol's reference)."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from aludel.errors import BackendCrashed
from aludel.goals import Goal

_M = TypeVar("_M", bound=BaseModel)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LibraryTheorem(_Answer):
    """A theorem of an import set; ``type`` is its printed statement when that was asked for."""

    name: str
    kind: Literal["theorem"]
    module: str
    type: str | None = None


class Match(_Answer):
    """A step that a lemma allows: where, and to which statement.

    Attributes:
        direction: of an equation or equivalence; None for implications.
        hypothesis: name of the hypothesis where the step is taken; None at the conclusion.
        term_hash: 64 bits over the new statement's term, binder names left out.
    """

    rule: Literal["rw", "apply", "forward"]
    lemma: str
    direction: Literal["forward", "backward"] | None = None
    position: Literal["goal", "hypothesis"]
    hypothesis: str | None
    term_hash: str


class Mutant(Match):
    """A statement made by a step, printed so that it elaborates back to the term it came from.

    Attributes:
        header: what stands between ``theorem NAME`` and ``:=``.
        proof: what stands after ``:=``.
        shape_hash: 64 bits over the statement up to names and the order of its binders.
        print_level: 0 for Lean's default printing, more when only longer forms elaborate back.
    """

    header: str
    proof: str
    shape_hash: str = ""
    print_level: int


class PrintedTheorem(_Answer):
    """A theorem as a header that elaborates back to its term, or the ``reason`` for none."""

    name: str
    header: str | None
    print_level: int | None = None
    reason: str | None = None


class Tally(_Answer):
    """What became of a target's attempts.

    ``complete``: every retrieved lemma was tried. ``timed_out``: the time was up before that.
    """

    target: str
    type: str
    retrieved: int
    attempted: int
    constructed: int
    complete: bool
    timed_out: bool = False
    dropped: dict[str, int]


class Screening(_Answer):
    """What a search within a budget found out about a statement; silence is no proof of absence.

    Attributes:
        error: why the statement, or its proof, does not elaborate; the rest is then empty.
        unchanged: it is the target's statement up to reducible definitions.
        trivial: the standard tactic that closes it.
        vacuous: the tactic that derives a contradiction from its hypotheses.
        unused: hypotheses that neither the rest of the statement nor the proof mentions.
        exhausted: tactics whose budget ran out before they found anything.
    """

    error: str | None
    unchanged: bool = False
    trivial: str | None = None
    vacuous: str | None = None
    unused: tuple[str, ...] = ()
    exhausted: tuple[str, ...] = ()
    shape_hash: str = ""


class FailedTactic(_Answer):
    """The first tactic that failed, by its place in the list."""

    index: int
    message: str


class TacticState(_Answer):
    """Goals left after the tactics before ``error``. Empty goals are no acceptance."""

    goals: tuple[Goal, ...]
    error: FailedTactic | None


def parse_answer(model: type[_M], value: dict[str, Any]) -> _M:
    """Return an answer as a model.

    Raises:
        BackendCrashed: it does not have its fields.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BackendCrashed(
            f"the Lean server reported a {model.__name__.strip('_')} that makes no sense: "
            f"{where}: {first['msg']}"
        ) from error
