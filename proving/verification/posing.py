"""Rows of a file of problems as what is put to a prover, for Lean and F*."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any, Protocol

from pydantic import Field, ValidationError

from aludel.candidates import extract, extract_fstar
from aludel.columns import CANDIDATES, NAMES, STATEMENTS, first_text, names_of, theorem_of
from aludel.errors import InvalidRequest
from aludel.fstar_checker.dataset import Definition
from aludel.fstar_checker.problems import context_for
from aludel.fstar_checker.vconfig import dropped, to_options
from aludel.models import MAX_STATEMENT_BYTES, Context, FStarContext, LeanContext, Model


class Columns(Model):
    """The columns that count in both files; the first that a row has."""

    names: tuple[str, ...] = NAMES
    statements: tuple[str, ...] = STATEMENTS
    candidates: tuple[str, ...] = CANDIDATES


class PosedProblem(Model):
    """A problem as candidates of it are put to a prover.

    Attributes:
        names: what candidates may call it, its own name first.
        shown: the statement as a model was shown it, which may end in ``:= by``.
        group: the group of problems that has figures of its own: a split, or a class of F*'s.
        forbidden: what a proof may not use (Lean).
        without: recorded options that this F* does not have, and why that is safe.
    """

    names: tuple[str, ...]
    statement: str
    context: Context
    shown: str = ""
    group: str = ""
    forbidden: tuple[str, ...] = ()
    without: dict[str, str] = Field(default_factory=dict)

    def code(self, text: str) -> str:
        """Return the candidate that an answer of a model holds."""
        if isinstance(self.context, LeanContext):
            return extract(text, self.shown or self.statement)
        return extract_fstar(text)


class Poser(Protocol):
    """Makes problems of rows."""

    def names(self, row: Mapping[str, Any]) -> list[str]:
        """Return what the row calls itself; nothing where it has no name."""
        ...

    def pose(self, row: Mapping[str, Any]) -> PosedProblem:
        """Return the problem of a row.

        Raises:
            InvalidRequest: it poses none; ``message`` says why.
        """
        ...


class LeanPoser:
    """Poses theorems.

    Args:
        columns: those that count.
        imports: replaces the import set of every row, if it is given.
        project: name of the service's project in which all are judged.
    """

    def __init__(
        self,
        columns: Columns,
        imports: tuple[str, ...] | None = None,
        project: str | None = None,
    ) -> None:
        self._columns = columns
        self._imports = imports
        self._project = project

    def names(self, row: Mapping[str, Any]) -> list[str]:
        """Return what the row calls itself; nothing where it has no name."""
        return names_of(row, self._columns.names)

    def pose(self, row: Mapping[str, Any]) -> PosedProblem:
        """Return the theorem of a row; raises as :meth:`Poser.pose`."""
        found = theorem_of(row, self._columns.names, self._columns.statements)
        _fits(found.statement)
        own = [name for name in self.names(row) if name != found.name]
        return PosedProblem(
            names=(found.name, *own),
            statement=found.statement,
            context=LeanContext(imports=self._imports or found.imports, project=self._project),
            shown=found.shown,
            forbidden=found.forbidden,
            group=first_text(row, ["split"]),
        )


class FStarPoser:
    """Poses definitions in PoPAI's format.

    Args:
        known_options: those of the F* in use; recorded ones that it lacks are left out where that
            is safe. None leaves nothing out.
    """

    def __init__(self, known_options: Container[str] | None) -> None:
        self._known = known_options

    def names(self, row: Mapping[str, Any]) -> list[str]:
        """Return the definition's full name."""
        return names_of(row, ["name"])

    def pose(self, row: Mapping[str, Any]) -> PosedProblem:
        """Return the problem of a definition; raises as :meth:`Poser.pose`."""
        try:
            definition = Definition.model_validate(row)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InvalidRequest(f"{where}: {first['msg']}", field="problems") from error
        why = definition.skipped_because
        if why is not None or definition.statement is None:
            raise InvalidRequest(f"it is skipped: {why}", field="problems")
        _fits(definition.statement)
        config = definition.vconfig
        return PosedProblem(
            names=(definition.name,),
            statement=definition.statement,
            context=self._context(definition),
            group=definition.problem_class.value,
            without={} if config is None else dropped(config, self._known),
        )

    def _context(self, definition: Definition) -> FStarContext:
        context = context_for(definition)
        if definition.vconfig is None:
            return context
        options = to_options(definition.vconfig, self._known)
        return context.model_copy(update={"options": options})


def _fits(statement: str) -> None:
    if (size := len(statement.encode())) > MAX_STATEMENT_BYTES:
        message = f"its statement has {size} bytes, more than the {MAX_STATEMENT_BYTES} allowed"
        raise InvalidRequest(message, field="statement")
