"""What the Lean server found out about a candidate, parsed strictly.

Fields and meaning are those of the operation ``check`` in
``docs/reference/lean-server-protocol.md``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from aludel.errors import BackendCrashed
from aludel.models import Diagnostic, Position, Severity

_T = TypeVar("_T")
# JSON has arrays where Python has tuples; everything inside stays strict.
_Array = Annotated[tuple[_T, ...], Strict(False)]
_Place = Annotated[tuple[int, int], Strict(False)]


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FoundDiagnostic(_Fact):
    """A message of Lean, in the candidate's own coordinates."""

    severity: Literal["error", "warning", "info"]
    message: str
    start: _Place | None = None
    end: _Place | None = None
    category: (
        Literal["parse", "elaboration", "unsolved_goals", "sorry", "limit", "recursion"] | None
    ) = None

    def diagnostic(self) -> Diagnostic:
        """Return it in the contract's form."""
        return Diagnostic(
            severity=Severity(self.severity),
            message=self.message,
            start=position(self.start),
            end=position(self.end),
        )


class ForbiddenConstruct(_Fact):
    """A construct at which the server stopped; ``native``: only for want of trust in compilers."""

    what: str = Field(alias="construct")
    message: str
    native: bool = False
    start: _Place | None = None
    end: _Place | None = None

    def diagnostic(self) -> Diagnostic:
        """Return it in the contract's form, as an error."""
        return Diagnostic(
            severity=Severity.ERROR,
            message=self.message,
            start=position(self.start),
            end=position(self.end),
        )


class StatementFacts(_Fact):
    """How the asked statement compares to what the candidate declared under its name.

    Attributes:
        expected: the asked type, as Lean prints it; with more detail where that is needed to see
            how the two differ.
        found: the declared type, likewise.
        note: what the two lines do not say of their difference.
        auto_bound: names that the statement does not bind and Lean bound itself.
    """

    name: str
    declared: bool
    match: Literal["identical", "reducible_defeq", "different", "undecided"] | None
    binders: Literal["same", "different"] | None = None
    expected: str | None = None
    found: str | None = None
    note: str | None = None
    auto_bound: _Array[str] = ()
    start: _Place | None = None
    end: _Place | None = None


class Declaration(_Fact):
    """A new constant that the kernel accepted in the clean import environment.

    ``helper``: whether the text declares it besides what it is about, or another command than that
    one's made it; None where there is no text, in the answer of ``replay``.
    """

    name: str
    kind: str
    helper: bool | None = None


class KernelRejection(_Fact):
    """A new constant that the kernel refused there."""

    name: str
    message: str


class DeclarationPlace(_Fact):
    """Where the candidate's text declares a constant that is not accepted."""

    name: str
    start: _Place | None = None
    end: _Place | None = None


class DroppedDeclaration(_Fact):
    """A declaration of the text of which Lean left nothing, and said nothing."""

    start: _Place | None = None
    end: _Place | None = None


class CheckFacts(_Fact):
    """Result of ``check``: facts, no verdict."""

    imports: _Array[str]
    header_imports: _Array[str] = ()
    diagnostics: _Array[FoundDiagnostic] = ()
    forbidden: _Array[ForbiddenConstruct] = ()
    limits: _Array[Literal["heartbeats"]] = ()
    statement: StatementFacts | None = None
    declarations: _Array[Declaration] = ()
    kernel_rejected: _Array[KernelRejection] = ()
    axioms: _Array[str] = ()
    new_axioms: _Array[str] = ()
    examples: int = Field(default=0, ge=0)
    places: _Array[DeclarationPlace] = ()
    dropped: _Array[DroppedDeclaration] = ()
    companions: _Array[str] = ()


class OpenPlace(_Fact):
    """A ``sorry`` of the text, and the goal that it leaves open."""

    goal: str | None
    start: _Place | None = None
    end: _Place | None = None


class Sorries(_Fact):
    """Result of ``sorries``."""

    sorries: _Array[OpenPlace]


def parse_facts(result: dict[str, Any]) -> CheckFacts:
    """Parse the result of ``check``.

    Raises:
        BackendCrashed: it has a missing, unknown or ill-typed field, or an unknown value.
    """
    try:
        return CheckFacts.model_validate(result)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BackendCrashed(
            f"the Lean server reported facts that make no sense: {where}: {first['msg']}"
        ) from error


def position(place: tuple[int, int] | None) -> Position | None:
    """Return a place of the protocol in the contract's form."""
    return None if place is None else Position(line=place[0], column=place[1])
