"""The two modules: the challenge of a statement, the solution of a candidate's text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aludel.candidates import UNKNOWN_MODULE
from aludel.errors import InvalidRequest
from aludel.lean_checker.header import read_header
from aludel.lean_checker.import_sets import import_set
from aludel.lean_checker.intake import validate_imports
from aludel.lean_checker.policy import Finding
from aludel.lean_kernel.names import Name, read_name
from aludel.models import (
    NO_TEXT,
    UNREADABLE,
    CheckRequest,
    Diagnostic,
    LeanContext,
    Position,
    RejectReason,
    Severity,
    UndecidedReason,
)
from aludel.statements import UnusableText, declared, split_header, with_proof

CHALLENGE, SOLUTION = "AludelChallenge", "AludelSolution"
MOST_SHOWN = 100
"""Messages that a verdict repeats."""
_LONGEST = 4_000
_LAST_PLACE = 1 << 31
_ROOT = "_root_."
_NO_THEOREM = "give the header of one theorem, without its proof"
_PARSE = ("unexpected ", "unterminated ", "expected token", "invalid 'import'")
_LIMITS = (
    ("(deterministic) timeout", UndecidedReason.HEARTBEATS),
    ("(kernel) deterministic timeout", UndecidedReason.HEARTBEATS),
    ("maximum recursion depth has been reached", UndecidedReason.MEMORY),
    ("(kernel) deep recursion", UndecidedReason.MEMORY),
    ("(kernel) excessive memory", UndecidedReason.MEMORY),
)


@dataclass(frozen=True)
class Question:
    """A statement and a candidate as texts of modules.

    Attributes:
        name: the theorem's full name, as Lean writes it.
        theorem: the same, by its parts.
        imports: what both modules import.
        challenge: the text with the statement.
        solution: the text with the candidate.
        prefix: lines of ``solution`` before the candidate's first.
    """

    name: str
    theorem: Name
    imports: tuple[str, ...]
    challenge: str
    solution: str
    prefix: int


class UnusableHeader(Exception):
    """A candidate's header names what it may not; ``reason`` is why it is rejected."""

    def __init__(self, reason: RejectReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def question_of(request: CheckRequest, context: LeanContext) -> Question:
    """Return what the two modules of a request hold.

    Raises:
        InvalidRequest: the statement is not that of one theorem.
        UnusableHeader: the candidate imports what is no module, or more than the request does.
    """
    statement = request.statement or ""
    name = _theorem(statement)
    own, end = read_header(request.code)
    imports = import_set(own if context.imports is None else context.imports)
    try:
        validate_imports(own)  # they go into the challenge, too
    except InvalidRequest as error:
        raise UnusableHeader(RejectReason.PARSE, error.message) from error
    if foreign := sorted(set(own) - set(imports)):
        message = f"the import set of the request has no {', '.join(foreign)}"
        raise UnusableHeader(RejectReason.FORBIDDEN_CONSTRUCT, message)
    # Imports on lines of their own, then the text with its header left blank: columns stay, and
    # lines are so many further down.
    head = "".join(f"import {module}\n" for module in imports)
    blank = "".join("\n" if c == "\n" else " " for c in request.code[:end])
    parts = read_name(name)
    if parts is None:
        raise InvalidRequest(f"{name!r} is no name", field="statement", fix=_NO_THEOREM)
    return Question(
        name=name,
        theorem=parts,
        imports=imports,
        challenge=head + with_proof(statement, "sorry"),
        solution=head + blank + request.code[end:],
        prefix=len(imports),
    )


def _theorem(statement: str) -> str:
    """The full name of the theorem that a statement declares."""
    try:
        header = split_header(statement)
        name = declared(header.declaration).name
    except UnusableText as error:
        raise InvalidRequest(
            error.message, field="statement", fix=error.fix or _NO_THEOREM
        ) from error
    if header.imports:
        raise InvalidRequest(
            "imports are no part of a statement", field="statement", fix=_NO_THEOREM
        )
    return name.removeprefix(_ROOT)


def messages(output: bytes, prefix: int) -> tuple[Diagnostic, ...]:
    """Return what ``lean --json`` said about a text that begins ``prefix`` lines down."""
    found = (_diagnostic(each, prefix) for each in _objects(output))
    return tuple(one for one in found if one is not None)


def _objects(output: bytes) -> Iterator[dict[str, Any]]:
    """The objects of an output, a line each; a program may write other lines between them."""
    for line in output.splitlines():
        if line.startswith(b"{"):
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(value, dict):
                yield value


def _diagnostic(value: dict[str, Any], prefix: int) -> Diagnostic | None:
    severities = {"error": Severity.ERROR, "warning": Severity.WARNING}
    text = value.get("data")
    if not isinstance(text, str):
        return None
    start = _position(value.get("pos"), prefix)
    return Diagnostic(
        severity=severities.get(str(value.get("severity")), Severity.INFO),
        message=_text(text),
        start=start,
        end=_position(value.get("endPos"), prefix) if start is not None else None,
    )


def _text(text: str) -> str:
    """A message that any database holds, not too long."""
    readable = NO_TEXT.sub(UNREADABLE, text)
    return readable if len(readable) <= _LONGEST else f"{readable[:_LONGEST]}…"


def _position(value: object, prefix: int) -> Position | None:
    if not isinstance(value, dict):
        return None
    line, column = value.get("line"), value.get("column")
    if type(line) is not int or type(column) is not int:
        return None
    if min(line - prefix, column) < 0 or max(line, column) > _LAST_PLACE:  # a program's own words
        return None
    return Position(line=max(1, line - prefix), column=column)


def fault(diagnostics: tuple[Diagnostic, ...]) -> Finding | None:
    """Return why a text does not compile; None where no error says so.

    A limit counts first, for a text that ran into one is not refused. It is told by Lean's words,
    which a text can imitate: then it is undecided, and never accepted.
    """
    errors = [one.message.strip() for one in diagnostics if one.severity is Severity.ERROR]
    for error in errors:
        for sign, limit in _LIMITS:
            if error.startswith(sign):
                return Finding(limit, error.split("\n", 1)[0])
    for error in errors:
        if error.startswith(_PARSE):
            return Finding(RejectReason.PARSE, error.split("\n", 1)[0])
    for error in errors:
        unsolved = error.startswith("unsolved goals")
        reason = RejectReason.UNSOLVED_GOALS if unsolved else RejectReason.ELABORATION
        return Finding(reason, error.split("\n", 1)[0])
    return None


def missing_module(diagnostics: tuple[Diagnostic, ...], output: str) -> str | None:
    """Return what Lean said about a module that is not there, None where all are."""
    said = [one.message for one in diagnostics] + output.splitlines()
    signs = (UNKNOWN_MODULE, "object file", "unknown package")
    for line in said:
        for sign in signs:
            if (at := line.find(sign)) >= 0:
                return line[at:].split("\n", 1)[0]
    return None
