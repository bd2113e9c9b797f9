"""The question that is put to kernels: are these declarations right, and the last a proof of S?

What a candidate declares gets names of ours, so that nothing in the library means it and it means
nothing in the library. The statement comes from another process, and its names are the library's.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aludel.lean_checker.judge.tables import (
    Block,
    Constant,
    Declaration,
    InductiveType,
    MalformedTables,
    Name,
    Tables,
    shown_name,
)
from aludel.lean_checker.judge.writing import Source, TooLarge, Writer, parts_of

OURS = "_aludel"
_RECURSOR = re.compile(r"rec(?:_[1-9][0-9]*)?")
_UNFOLDING = 4
_COMPARISON = 200_000
_STEPS = 5_000_000

Match = Literal["identical", "defeq"]


class WrongCandidate(Exception):
    """Well-formed tables that answer another question.

    Args:
        reason: ``missing_declaration``, ``statement_mismatch`` or ``axiom``.
        message: what is wrong.
        name: the declaration at fault, if one is.
    """

    def __init__(self, reason: str, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.name = name


@dataclass(frozen=True)
class Statement:
    """What is to be proved, from a process that read no candidate.

    Attributes:
        name: the name that the statement declares.
        params: its universe parameters.
        theorem: whether it must be a proposition.
        tables: hold its type.
        type: index of it.
        shown: its type as Lean prints it.
        digest: SHA-256 of its canonical table.
    """

    name: Name
    params: tuple[Name, ...]
    theorem: bool
    tables: Tables
    type: int
    shown: str
    digest: str


@dataclass(frozen=True)
class Question:
    """Bytes for kernels, and what they mean.

    Attributes:
        data: canonical tables.
        digest: SHA-256 of them.
        declared: the candidate's names, in order; kernels know them by number.
        match: how the declared type compares to the asked one, where one was asked.
        count: how many declarations there are, the asked one included.
    """

    data: bytes
    digest: str
    declared: tuple[str, ...]
    match: Match | None
    count: int

    @property
    def asked(self) -> list[str | int]:
        """The last declaration's name in the tables: the asked theorem's, where one was asked."""
        if self.match is not None:
            return [OURS, "asked"]
        tables = json.loads(self.data)
        word, *rest = tables["declarations"][-1]
        at, found = (rest[2][0][0] if word == "ind" else rest[0]), []
        while at:
            at, part = tables["names"][at]
            found.append(part)
        return found[::-1]

    def name_at(self, index: int) -> str:
        """Return the candidate's name of the declaration at ``index``."""
        return self.declared[min(index, len(self.declared) - 1)]


def ask(tables: Tables, statement: Statement | None) -> Question:
    """Make the question from what an elaborator answered.

    Raises:
        MalformedTables: the declarations cannot be what Lean declared.
        WrongCandidate: they do not declare what was asked, or declare an axiom.
    """
    drawn = _Drawn(tables)
    drawn.prepare()
    if statement is None:
        if not tables.declarations:
            raise WrongCandidate("missing_declaration", "the candidate declares nothing")
        return drawn.question(tables.declarations, None)
    found = drawn.constant(statement.name)
    if len(found.params) != len(statement.params):
        raise WrongCandidate(
            "statement_mismatch",
            f"`{shown_name(found.name)}` has {len(found.params)} universe parameters where "
            f"{len(statement.params)} are asked",
            shown_name(found.name),
        )
    return drawn.question(drawn.closure(found), (statement, found))


def digest_of(tables: Tables, constant: Constant) -> str:
    """Return the SHA-256 of the canonical table of a statement."""
    writer = Writer()
    copy = writer.copier(Source(tables, _unchanged))
    params = writer.names(constant.params)
    writer.declare(["axm", writer.name((OURS, "asked")), params, copy(constant.type)])
    return hashlib.sha256(writer.encode()).hexdigest()


@dataclass
class _Drawn:
    """A candidate's declarations, with who uses whom."""

    tables: Tables
    owner: dict[Name, int] = field(default_factory=dict)
    fresh: dict[Name, Name] = field(default_factory=dict)
    uses: list[set[int]] = field(default_factory=list)
    steps: int = 0

    def prepare(self) -> None:
        """Find out who declares what, and see that each declaration uses earlier ones only."""
        for index, declaration in enumerate(self.tables.declarations):
            if isinstance(declaration, Constant) and declaration.kind == "axm":
                axiom = shown_name(declaration.name)
                raise WrongCandidate("axiom", f"the candidate declares an axiom: `{axiom}`", axiom)
            for name in _made_by(declaration):
                if name in self.owner or OURS in name:
                    raise MalformedTables(f"`{shown_name(name)}` is declared twice, or is ours")
                self.owner[name] = index
        for index, declaration in enumerate(self.tables.declarations):
            used = {self._owner_of(name) for name in self._names_in(declaration)} - {-1}
            if any(one > index for one in used) or (
                index in used and isinstance(declaration, Constant)
            ):
                raise MalformedTables("a declaration that rests on a later one, or on itself")
            self.uses.append(used)

    def constant(self, name: Name) -> Constant:
        """Return the constant of that name."""
        index = self.owner.get(name)
        found = None if index is None else self.tables.declarations[index]
        shown = shown_name(name)
        if found is None:
            message = f"the candidate does not declare `{shown}`"
            raise WrongCandidate("missing_declaration", message)
        if isinstance(found, Block):
            message = f"`{shown}` is declared as part of an inductive type"
            raise WrongCandidate("statement_mismatch", message, shown)
        return found

    def closure(self, constant: Constant) -> tuple[Declaration, ...]:
        """Return what ``constant`` needs, itself last."""
        last = self.owner[constant.name]
        needed = {last}
        for index in range(last, -1, -1):
            if index in needed:
                needed |= self.uses[index]
        return tuple(self.tables.declarations[index] for index in sorted(needed))

    def question(
        self, declarations: tuple[Declaration, ...], asked: tuple[Statement, Constant] | None
    ) -> Question:
        """Write the declarations, and ``asked`` after them.

        They are numbered by their places here: what was left out leaves no trace.
        """
        for index, one in enumerate(declarations):
            self.fresh.update(
                (name, (OURS, index, place)) for place, name in enumerate(_made_by(one))
            )
        writer = Writer()
        copy = writer.copier(Source(self.tables, self._rename))
        try:
            for one in declarations:
                writer.declare(self._written(writer, copy, one))
            if asked is not None:
                self._append_asked(writer, *asked)
        except TooLarge as error:
            raise MalformedTables("more terms than can be written") from error
        data = writer.encode()
        declared = tuple(shown_name(_made_by(one)[0]) for one in declarations)
        match = None if asked is None else self._match(*asked)
        count = len(declarations) + (asked is not None)
        return Question(data, hashlib.sha256(data).hexdigest(), declared, match, count)

    def _written(self, writer: Writer, copy: Callable[[int], int], one: Declaration) -> list[Any]:
        params = writer.names(one.params)
        if isinstance(one, Block):
            return ["ind", params, one.parameters, [self._type(writer, copy, t) for t in one.types]]
        assert one.value is not None  # noqa: S101 - axioms were refused
        written = [one.kind, writer.name(self.fresh[one.name]), params, copy(one.type)]
        written.append(copy(one.value))
        return [*written, one.hint] if one.kind == "def" else written

    def _type(self, writer: Writer, copy: Callable[[int], int], one: InductiveType) -> list[Any]:
        name = writer.name(self.fresh[one.name])
        constructors = [
            [writer.name(self.fresh[constructor]), copy(type_)]
            for constructor, type_ in one.constructors
        ]
        return [name, copy(one.type), constructors]

    def _append_asked(self, writer: Writer, statement: Statement, found: Constant) -> None:
        copy = writer.copier(Source(statement.tables, _unchanged))
        name, params = writer.name((OURS, "asked")), writer.names(statement.params)
        proof = writer.const(self.fresh[found.name], statement.params)
        kind = "thm" if statement.theorem else "opq"
        writer.declare([kind, name, params, copy(statement.type), proof])

    def _match(self, statement: Statement, found: Constant) -> Match:
        """Compare the two types letter by letter; what Lean declared on the way is unfolded."""
        unfold = {
            one.name: one
            for one in self.tables.declarations
            if isinstance(one, Constant) and _made_by_lean(one.name)
        }
        writer = Writer(_COMPARISON)
        levels = {
            old: writer.param(new) for old, new in zip(found.params, statement.params, strict=True)
        }
        theirs = Source(self.tables, self._rename, levels, unfold, _UNFOLDING)
        try:
            asked = writer.copier(Source(statement.tables, _unchanged))(statement.type)
            return "identical" if writer.copier(theirs)(found.type) == asked else "defeq"
        except TooLarge:
            return "defeq"

    def _names_in(self, declaration: Declaration) -> set[Name]:
        """Names of constants and structures that a declaration mentions."""
        entries, found, seen = self.tables.exprs, set[Name](), set[int]()
        waiting = _roots(declaration)
        while waiting:
            index = waiting.pop()
            if index in seen:
                continue
            seen.add(index)
            entry = entries[index]
            if entry[0] in ("c", "j"):
                found.add(self.tables.names[entry[1]])
            waiting.extend(parts_of(entry))
        self.steps += len(seen)
        if self.steps > _STEPS:
            raise MalformedTables("more terms than can be looked at")
        return found

    def _owner_of(self, name: Name) -> int:
        """The declaration that makes ``name``; -1 for one of the library."""
        if OURS in name:
            raise MalformedTables(f"`{shown_name(name)}` is ours")
        return self.owner.get(name, self.owner.get(_type_of(name), -1))

    def _rename(self, name: Name) -> Name:
        fresh = self.fresh.get(name)
        if fresh is not None:
            return fresh
        of_type = self.fresh.get(_type_of(name))
        return name if of_type is None else (*of_type, name[-1])


def _unchanged(name: Name) -> Name:
    if OURS in name:
        raise MalformedTables(f"`{shown_name(name)}` is ours")
    return name


def _type_of(name: Name) -> Name:
    """The type of which ``name`` may be a recursor; the anonymous name, which nobody declares."""
    last = name[-1] if name else ""
    return name[:-1] if isinstance(last, str) and _RECURSOR.fullmatch(last) else ()


def _made_by_lean(name: Name) -> bool:
    last = name[-1]
    return isinstance(last, str) and last.startswith(("match_", "_"))


def _made_by(declaration: Declaration) -> list[Name]:
    """Names that a declaration makes, recursors left out; the first stands for all."""
    if isinstance(declaration, Constant):
        return [declaration.name]
    types = [one.name for one in declaration.types]
    return types + [name for one in declaration.types for name, _ in one.constructors]


def _roots(declaration: Declaration) -> list[int]:
    if isinstance(declaration, Constant):
        return [index for index in (declaration.type, declaration.value) if index is not None]
    types = [one.type for one in declaration.types]
    return types + [index for one in declaration.types for _, index in one.constructors]
